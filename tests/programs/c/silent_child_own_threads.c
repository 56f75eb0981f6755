/* The child makes a thread of its own and waits for it, in each way and without a time-out: it is there, so the wait ends. That
 * a child makes threads is reported, and no more.
 * expect: at-most WARN
 * expect: unsafe_fork WARN function=fork fork=main locks=0 threads=1
 * expect: thread_after_fork WARN call=pthread_create in=waits_for_own_thread same_fork=yes
 * suppress: unsafe_fork:idler
 * suppress: thread_after_fork:waits_for_own_thread
 * runs: {condition,semaphore,futex,join,mutex,rwlock}
 */
#include "../program.h"
#include <linux/futex.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, held = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static sem_t semaphore;
static int word;
static struct gate ready;
static const char *how;
static char child_task[32];

static void *idler(void *unused) {
    (void)unused;
    gate_open(&ready);
    idle_for_ever();
}

static void *helper(void *unused) {
    if (is(how, "mutex")) MUST(pthread_mutex_lock(&held));
    if (is(how, "rwlock")) MUST(pthread_rwlock_wrlock(&rwlock));
    gate_open(&ready);
    /* Acts only when the child's first thread has begun to wait. */
    while (!waits_for_ever(child_task)) pause_milliseconds(1);
    if (is(how, "mutex")) MUST(pthread_mutex_unlock(&held));
    if (is(how, "rwlock")) MUST(pthread_rwlock_unlock(&rwlock));
    if (is(how, "semaphore")) MUST(sem_post(&semaphore));
    if (is(how, "condition")) {
        MUST(pthread_mutex_lock(&mutex));
        word = 1;
        MUST(pthread_cond_signal(&condition));
        MUST(pthread_mutex_unlock(&mutex));
    }
    if (is(how, "futex")) {
        __atomic_store_n(&word, 1, __ATOMIC_RELEASE);
        syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1);
    }
    return unused;
}

static void waits_for_own_thread(void) {
    pthread_t thread;
    snprintf(child_task, sizeof child_task, "%d", (int)getpid());
    MUST(pthread_create(&thread, NULL, helper, NULL));
    gate_pass(&ready);
    if (is(how, "mutex")) MUST(pthread_mutex_lock(&held));
    if (is(how, "rwlock")) MUST(pthread_rwlock_rdlock(&rwlock));
    if (is(how, "semaphore")) MUST(sem_wait(&semaphore));
    if (is(how, "condition")) {
        MUST(pthread_mutex_lock(&mutex));
        while (word == 0) pthread_cond_wait(&condition, &mutex);
        MUST(pthread_mutex_unlock(&mutex));
    }
    if (is(how, "futex")) {
        while (__atomic_load_n(&word, __ATOMIC_ACQUIRE) == 0) syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL);
    }
    MUST(pthread_join(thread, NULL));
}

int main(int count, char **words) {
    int status;
    how = count > 1 ? words[1] : "condition";
    MUST(sem_init(&semaphore, 0, 0));
    gate_make(&ready);
    start("idler", idler, NULL);
    gate_pass(&ready);
    pid_t child = fork();
    if (child == 0) {
        waits_for_own_thread();
        _exit(FINE);
    }
    /* While it waits the child looks stuck: only its end counts here. */
    if (waitpid(child, &status, 0) != child || status != 0) broken("child");
    say("the child waited and got it");
    return FINE;
}
