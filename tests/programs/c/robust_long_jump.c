/* A signal handler jumps out of a blocked `sem_wait`: that semaphore was not taken; the lock that the thread takes next was.
 * expect: unsafe_fork ERROR fork=main locks=1 threads=1
 * with: lock=mutex owner=jumper acquired=after_the_jump
 */
#include "../program.h"
#include <setjmp.h>

static sem_t semaphore;
static pthread_mutex_t vault = PTHREAD_MUTEX_INITIALIZER;
static struct gate ready;
static sigjmp_buf out;
static pid_t blocked;

static void handler(int number) { siglongjmp(out, number); }

static void after_the_jump(void) { MUST(pthread_mutex_lock(&vault)); }

static void *jumper(void *unused) {
    (void)unused;
    blocked = (pid_t)syscall(SYS_gettid);
    if (sigsetjmp(out, 1) == 0) {
        gate_open(&ready);
        sem_wait(&semaphore);
        broken("sem_wait returned");
    }
    after_the_jump();
    gate_open(&ready);
    idle_for_ever();
}

int main(void) {
    char task[64];
    gate_make(&ready);
    MUST(sem_init(&semaphore, 0, 1));
    MUST(sem_wait(&semaphore));
    signal(SIGUSR1, handler);
    pthread_t thread = start("jumper", jumper, NULL);
    gate_pass(&ready);
    snprintf(task, sizeof task, "self/task/%d", (int)blocked);
    while (!waits_for_ever(task)) pause_milliseconds(1);
    MUST(pthread_kill(thread, SIGUSR1));
    gate_pass(&ready);
    MUST(sem_post(&semaphore));
    pid_t child = fork();
    if (child == 0) _exit(FINE);
    return verdict(child);
}
