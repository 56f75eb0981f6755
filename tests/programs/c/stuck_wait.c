/* H13: nobody holds a lock; the child waits for what only a lost thread would have done. The wait is reported before it begins.
 * expect: unsafe_fork WARN locks=0 threads=1
 * expect: stuck_child FATAL call=$2 object=$3 in=wait_for_work same_fork=yes
 * suppress: unsafe_fork:main
 * suppress: stuck_child:wait_for_work
 * runs: condition pthread_cond_wait condition
 * runs: c11_condition cnd_wait condition
 * runs: semaphore sem_wait semaphore
 * runs: barrier pthread_barrier_wait futex
 * runs: futex syscall(SYS_futex) futex
 * runs: futex_bitset syscall(SYS_futex) futex
 * runs: futex_not_declared_private syscall(SYS_futex) futex
 */
#include "../program.h"
#include <linux/futex.h>
#include <threads.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static mtx_t plain;
static cnd_t c11_condition;
static sem_t semaphore;
static pthread_barrier_t barrier;
static int word;
static struct gate up;

static void *worker(void *unused) {
    (void)unused;
    gate_open(&up);
    idle_for_ever();
}

static void wait_for_work(const char *how) {
    if (is(how, "condition")) {
        MUST(pthread_mutex_lock(&mutex));
        for (;;) pthread_cond_wait(&condition, &mutex);
    }
    if (is(how, "c11_condition")) {
        MUST(mtx_lock(&plain) != thrd_success);
        for (;;) cnd_wait(&c11_condition, &plain);
    }
    if (is(how, "semaphore")) while (sem_wait(&semaphore) != 0) {}
    if (is(how, "barrier")) pthread_barrier_wait(&barrier);
    if (is(how, "futex")) for (;;) syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
    if (is(how, "futex_not_declared_private")) for (;;) syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL, NULL, 0);
    for (;;) syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, 0, NULL, NULL, FUTEX_BITSET_MATCH_ANY);
}

int main(int count, char **words) {
    MUST(mtx_init(&plain, mtx_plain) != thrd_success);
    MUST(cnd_init(&c11_condition) != thrd_success);
    MUST(sem_init(&semaphore, 0, 0));
    MUST(pthread_barrier_init(&barrier, NULL, 2));
    gate_make(&up);
    start("worker", worker, NULL);
    gate_pass(&up);
    pid_t child = fork();
    if (child == 0) wait_for_work(count > 1 ? words[1] : "condition");
    return verdict(child);
}
