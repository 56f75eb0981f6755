import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.LongStream;

/** Threads made by several threads at once, commands, and collections of garbage meanwhile. */
public class Workers {
    static final AtomicLong total = new AtomicLong();

    public static void main(String[] arguments) throws Exception {
        for (int round = 0; round < 3; round++) {
            List<Thread> makers = new ArrayList<>();
            for (int maker = 0; maker < 4; maker++) {
                Thread thread = new Thread(() -> {
                    for (int i = 1; i <= 100; i++) {
                        final int number = i;
                        Thread made = new Thread(() -> total.addAndGet(number));
                        made.start();
                        try {
                            made.join();
                        } catch (InterruptedException error) {
                            throw new IllegalStateException(error);
                        }
                    }
                });
                thread.start();
                makers.add(thread);
            }
            for (Thread thread : makers) thread.join();
            System.gc();
        }
        System.out.println("threads " + total.get());

        ExecutorService pool = Executors.newFixedThreadPool(4);
        List<Future<Integer>> commands = new ArrayList<>();
        for (int i = 0; i < 24; i++) {
            final int number = i;
            commands.add(pool.submit(() -> {
                Process process = new ProcessBuilder("sh", "-c", "echo out; exit " + number).start();
                String said = new String(process.getInputStream().readAllBytes());
                return process.waitFor() + (said.equals("out\n") ? 1000 : 0);
            }));
        }
        int sum = 0;
        for (Future<Integer> command : commands) sum += command.get();
        System.out.println("commands " + sum);
        pool.shutdown();
        System.out.println("parallel " + LongStream.rangeClosed(1, 3_000_000).parallel().map(n -> n % 7).sum());
        Object lock = new Object();
        int[] turns = {0};
        Thread other = new Thread(() -> {
            for (int i = 0; i < 2000; i++) synchronized (lock) { turns[0]++; lock.notifyAll(); }
        });
        other.start();
        synchronized (lock) { while (turns[0] < 2000) lock.wait(100); }
        other.join();
        System.out.println("turns " + turns[0]);
    }
}
