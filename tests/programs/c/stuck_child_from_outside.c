/* Children that wait, each in a different way, until standard input ends: some for ever, inside libc or by an inline system call,
 * where no hook sees them; others for what will come. Each word on the command line forks one; its process id is printed when it
 * waits. Seen from outside, by `forkwatch inspect` and `forkwatch run --watch`.
 * expect: stuck_child FATAL
 */
#include "../program.h"
#include <linux/futex.h>
#include <sys/prctl.h>

#ifdef SYS_pause
#define CALL_OF_PAUSE SYS_pause
#else
#define CALL_OF_PAUSE SYS_ppoll
#endif
#include <sys/stat.h>

static int word_of_nobody;

/* No hook sees this call. */
static void wait_on_futex(int operation, const struct timespec *timeout) {
    long result;
    do {
#ifdef __x86_64__
        register const struct timespec *fourth __asm__("r10") = timeout;
        __asm__ volatile("syscall"
                         : "=a"(result)
                         : "0"((long)SYS_futex), "D"(&word_of_nobody), "S"((long)operation), "d"(0L), "r"(fourth)
                         : "rcx", "r11", "memory");
#else
        register long number __asm__("x8") = SYS_futex, first __asm__("x0") = (long)&word_of_nobody;
        register long second __asm__("x1") = operation, third __asm__("x2") = 0, fourth __asm__("x3") = (long)timeout;
        __asm__ volatile("svc #0" : "+r"(first) : "r"(number), "r"(second), "r"(third), "r"(fourth) : "memory");
        result = first;
#endif
    } while (result == 0 || result == -EINTR);
}

static void *second_thread(void *unused) {
    (void)unused;
    wait_on_futex(FUTEX_WAIT_PRIVATE, NULL);
    return NULL;
}

static void on_signal(int number) { (void)number; }

static void ask_for_zone(void) { tzset(); }

/* Its frame is found by `rbp` alone, which the kernel does not show, and what ran before has left return addresses in it. */
static void wait_with_room(size_t size) {
    char volatile room[size];
    room[0] = 1;
    syscall(SYS_futex, &word_of_nobody, FUTEX_WAIT_PRIVATE, 0, NULL);
    room[size - 1] = room[0];
}

static void wait_below_old_frames(void) {
    char volatile room[4000];
    room[0] = 1;
    wait_with_room(6000);
    room[1] = room[0];
}

#define WITH_FRAME_POINTER __attribute__((noinline, optimize("no-omit-frame-pointer")))

static void *volatile after_indirect_call;

WITH_FRAME_POINTER static void keep_return_address(void) { after_indirect_call = __builtin_return_address(0); }

static void (*volatile keep_by_pointer)(void) = keep_return_address;

/* Is in the middle of nothing when a child waits. */
WITH_FRAME_POINTER static void never_waits(void) {
    keep_by_pointer();
    __asm__ volatile("");
}

/* Among its variables stand the frames of an old call, whole, with a return address behind an indirect call; and it is called
 * indirectly itself. */
WITH_FRAME_POINTER static void wait_among_old_frames(void) {
    void *volatile room[64];
    for (int word = 0; word < 64; word++) room[word] = NULL;
    room[8] = (void *)&room[10];
    room[9] = after_indirect_call;
    room[10] = *(void **)__builtin_frame_address(0);
    room[11] = __builtin_return_address(0);
    syscall(SYS_futex, &word_of_nobody, FUTEX_WAIT_PRIVATE, 0, NULL);
    room[0] = room[1];
}

static void (*volatile wait_by_pointer)(void) = wait_among_old_frames;

/* Its name holds what ends a name in /proc/PID/stat. */
static void wait_in_child(const char *how) {
    struct timespec hour = {3600, 0};
    prctl(PR_SET_NAME, "a) S 1 (b");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (is(how, "futex")) wait_on_futex(FUTEX_WAIT_PRIVATE, NULL);
    if (is(how, "timeout")) wait_on_futex(FUTEX_WAIT_PRIVATE, &hour);
    if (is(how, "shared")) wait_on_futex(FUTEX_WAIT, NULL);
    if (is(how, "zone")) ask_for_zone();
    if (is(how, "room")) wait_below_old_frames();
    if (is(how, "planted")) {
        never_waits();
        wait_by_pointer();
    }
    if (is(how, "signal")) {
        sem_t posted_by_nobody;
        MUST(sem_init(&posted_by_nobody, 0, 0));
        signal(SIGTERM, on_signal);
        while (sem_wait(&posted_by_nobody) != 0) {}
    }
    if (is(how, "threads")) {
        start("second", second_thread, NULL);
        wait_on_futex(FUTEX_WAIT_PRIVATE, NULL);
    }
    idle_for_ever();
}

static int number_of_call(const char *task) {
    char path[96], text[256];
    int number;
    snprintf(path, sizeof path, "/proc/%s/syscall", task);
    return read_text(path, text, sizeof text) == 0 && sscanf(text, "%d ", &number) == 1 ? number : -1;
}

static volatile int zone_thread;

/* Holds libc's lock of the time zone while it waits to open a pipe that nobody writes to. */
static void *keep_zone(void *unused) {
    (void)unused;
    zone_thread = (int)syscall(SYS_gettid);
    tzset();
    return NULL;
}

static void lock_zone(void) {
    char folder[] = "/tmp/forkwatch-zone-XXXXXX", path[64], task[64];
    if (!mkdtemp(folder)) broken("mkdtemp");
    snprintf(path, sizeof path, "%s/zone", folder);
    MUST(mkfifo(path, 0600));
    MUST(setenv("TZ", path, 1));
    start("zone", keep_zone, NULL);
    do {
        pause_milliseconds(1);
        snprintf(task, sizeof task, "self/task/%d", zone_thread);
    } while (zone_thread == 0 || number_of_call(task) != SYS_openat);
    MUST(unlink(path) || rmdir(folder));
}

int main(int count, char **words) {
    char byte;
    for (int word = 1; word < count; word++) {
        char task[32];
        if (is(words[word], "zone")) lock_zone();
        pid_t child = fork();
        if (child < 0) broken("fork");
        if (child == 0) wait_in_child(words[word]);
        snprintf(task, sizeof task, "%d", (int)child);
        int expected = is(words[word], "pause") ? CALL_OF_PAUSE : SYS_futex;
        while (number_of_call(task) != expected) pause_milliseconds(1);
        say("%s %d", words[word], (int)child);
    }
    say("ready");
    while (read(STDIN_FILENO, &byte, 1) > 0) {}
    /* Not exit: its handlers, too, may want the lock. The children end with us. */
    _exit(FINE);
}
