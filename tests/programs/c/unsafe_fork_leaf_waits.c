/* H3: threads that wait in functions which call nothing. On some processors such a function keeps its return address in a register,
 * which the kernel does not show; the stacks must be whole all the same.
 * expect: unsafe_fork WARN function=fork fork=main locks=0 threads=4
 * with: thread=futex blocked=on_futex
 * with: thread=futex blocked=above_futex
 * with: thread=flock blocked=on_flock
 * with: thread=flock blocked=above_flock
 * with: thread=semop blocked=on_semop
 * with: thread=semop blocked=above_semop
 * with: thread=at_once blocked=at_once
 * bare: 0
 */
#include "../program.h"
#include <linux/futex.h>
#include <sys/file.h>
#include <sys/sem.h>

static int word, semaphores;
static char path[] = "/tmp/unsafe_fork_leaf_waits.XXXXXX";
static volatile pid_t ids[4];
static volatile int after;
static struct gate reported;

static void here(int number) { ids[number] = (pid_t)syscall(SYS_gettid); }

static void on_futex(void) { syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL); after++; }
static void on_flock(void) { flock(open(path, O_RDWR), LOCK_EX); after++; }
static void on_semop(void) {
    struct sembuf take = {0, -1, 0};
    semop(semaphores, &take, 1);
    after++;
}
static void above_futex(void) { on_futex(); after++; }
static void above_flock(void) { on_flock(); after++; }
static void above_semop(void) { on_semop(); after++; }

static void *futex(void *unused) { here(0); above_futex(); return unused; }
static void *locks_file(void *unused) { here(1); above_flock(); return unused; }
static void *takes(void *unused) { here(2); above_semop(); return unused; }
static void *at_once(void *unused) {
    here(3);
    syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL);
    after++;
    return unused;
}

/* In one of two calls: libc's `semop` is either. */
static void wait_for_call(int thread, long call, long other) {
    char file[64], text[256];
    long number = -1;
    do {
        pause_milliseconds(1);
        snprintf(file, sizeof file, "/proc/self/task/%d/syscall", (int)ids[thread]);
    } while (ids[thread] == 0 || read_text(file, text, sizeof text) != 0 || sscanf(text, "%ld ", &number) != 1 ||
             (number != call && number != other));
}

int main(void) {
    gate_make(&reported);
    int file = mkstemp(path);
    if (file < 0) broken("mkstemp");
    MUST(flock(file, LOCK_EX));
    semaphores = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600);
    if (semaphores < 0) broken("semget");
    start("futex", futex, NULL);
    start("flock", locks_file, NULL);
    start("semop", takes, NULL);
    start("at_once", at_once, NULL);
    wait_for_call(0, SYS_futex, SYS_futex);
    wait_for_call(1, SYS_flock, SYS_flock);
    wait_for_call(2, SYS_semop, SYS_semtimedop);
    wait_for_call(3, SYS_futex, SYS_futex);
    pid_t child = fork();
    if (child == 0) {
        /* Its end would wake a thread for an instant, while the finding is being written. */
        gate_pass(&reported);
        _exit(FINE);
    }
    gate_open(&reported);
    int result = verdict(child);
    semctl(semaphores, 0, IPC_RMID);
    unlink(path);
    return result;
}
