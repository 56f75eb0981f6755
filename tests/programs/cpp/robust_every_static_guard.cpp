/* C++'s local statics, made by several threads at once: each is made once, of what its maker was given; one whose maker throws is
 * made by the next; and all threads see what was made.
 * expect: silent
 */
#include "../program.h"
#include <atomic>
#include <stdexcept>

enum { THREADS = 8 };
static std::atomic<int> made, thrown;
static pthread_barrier_t barrier;

static long make(long number) {
    made++;
    /* Time for the others to come and wait. */
    sched_yield();
    return number;
}

static long make_at_last(long number) {
    if (thrown++ < 3) throw std::runtime_error("not yet");
    return number + 100;
}

static long make_never() { throw std::runtime_error("never"); }

/* Alone: who waits for another maker, waits in a futex, and libstdc++ lets that change errno. */
static int errno_after_a_throw() {
    errno = 1234;
    try {
        static long never = make_never();
        (void)never;
    } catch (const std::runtime_error &) {
    }
    return errno;
}

static void *work(void *argument) {
    long own = reinterpret_cast<long>(argument);
    pthread_barrier_wait(&barrier);
    static long first = make(own);
    long second = 0;
    while (second == 0) {
        try {
            static long late = make_at_last(own);
            second = late;
        } catch (const std::runtime_error &) {
        }
    }
    return reinterpret_cast<void *>(first * 1000 + second);
}

int main() {
    pthread_t threads[THREADS];
    long results[THREADS];
    MUST(pthread_barrier_init(&barrier, nullptr, THREADS));
    for (long number = 0; number < THREADS; number++)
        MUST(pthread_create(&threads[number], nullptr, work, reinterpret_cast<void *>(number + 1)));
    int same = 0;
    for (int number = 0; number < THREADS; number++) {
        void *result;
        MUST(pthread_join(threads[number], &result));
        results[number] = reinterpret_cast<long>(result);
        same += results[number] == results[0];
    }
    long first = results[0] / 1000, late = results[0] % 1000 - 100;
    say("made %d, thrown %d, seen by %d; makers %d %d", made.load(), thrown.load(), same, first >= 1 && first <= THREADS,
        late >= 1 && late <= THREADS);
    say("errno %d", errno_after_a_throw());
    errno = 1234;
    static long again = make(77);
    static long other = make(78);
    say("%ld %ld, errno %d", again, other, errno);
    return FINE;
}
