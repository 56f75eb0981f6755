/* A thread that holds a mutex calls a hooked function for the first time, while another thread's `dlopen` runs a constructor
 * that wants the mutex: nothing on a hook's way may take the loader's lock.
 * plugin: lib_wants_lock.c
 * expect: at-most WARN
 * allow: unsafe_fork WARN
 * records: maybe
 * runs: {fork,_Fork,clone,syscall_fork,create,thrd_create,trylock,mtx_lock,rdlock,timedwrlock,rwlock_unlock,spin}
 * runs: {barrier,cond_timedwait,cnd_timedwait,sem_wait,sem_post,sem_clockwait,localtime,setenv,random,setlocale}
 * runs: {atexit,atfork,syscall,getnameinfo,exec,exit}
 */
#include "../program.h"
#include <dlfcn.h>
#include <locale.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sched.h>
#include <threads.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, other = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static pthread_spinlock_t spinlock;
static pthread_barrier_t barrier;
static sem_t semaphore;
static mtx_t c11_mutex;
static cnd_t c11_condition;
static struct gate inside;
static char addresses[64], stack[65536] __attribute__((aligned(16)));

static void *open_plugin(void *unused) {
    if (!dlopen(getenv("TEST_PLUGIN"), RTLD_NOW)) broken(dlerror());
    return unused;
}

static void *nothing(void *unused) { return unused; }
static int nothing_c11(void *unused) { return unused != NULL; }
static int child_of_clone(void *unused) { (void)unused; _exit(FINE); }
static void no_handler(void) {}

static void see_off(pid_t child) {
    int status;
    if (child == 0) _exit(FINE);
    if (child < 0 || waitpid(child, &status, __WALL) != child || status != 0) broken("child");
}

static void call(const char *which) {
    struct timespec past = {1, 0};
    pthread_t thread;
    thrd_t c11_thread;
    if (is(which, "fork")) see_off(fork());
    if (is(which, "_Fork")) see_off(_Fork());
    if (is(which, "clone")) see_off(clone(child_of_clone, stack + sizeof stack, SIGCHLD, NULL));
    if (is(which, "syscall_fork")) see_off(SYSCALL_FORK());
    if (is(which, "create")) MUST(pthread_create(&thread, NULL, nothing, NULL));
    if (is(which, "create")) MUST(pthread_join(thread, NULL));
    if (is(which, "thrd_create")) MUST(thrd_create(&c11_thread, nothing_c11, NULL) != thrd_success);
    if (is(which, "thrd_create")) MUST(thrd_join(c11_thread, NULL) != thrd_success);
    if (is(which, "trylock")) MUST(pthread_mutex_trylock(&other));
    if (is(which, "mtx_lock")) MUST(mtx_lock(&c11_mutex) != thrd_success);
    if (is(which, "rdlock")) MUST(pthread_rwlock_rdlock(&rwlock));
    if (is(which, "timedwrlock")) MUST(pthread_rwlock_timedwrlock(&rwlock, &past));
    if (is(which, "rwlock_unlock")) pthread_rwlock_unlock(&rwlock);
    if (is(which, "spin")) MUST(pthread_spin_lock(&spinlock));
    if (is(which, "barrier")) pthread_barrier_wait(&barrier);
    if (is(which, "cond_timedwait")) MUST(pthread_mutex_lock(&other));
    if (is(which, "cond_timedwait")) MUST(pthread_cond_timedwait(&condition, &other, &past) != ETIMEDOUT);
    if (is(which, "cnd_timedwait")) MUST(mtx_lock(&c11_mutex) != thrd_success);
    if (is(which, "cnd_timedwait")) MUST(cnd_timedwait(&c11_condition, &c11_mutex, &past) != thrd_timedout);
    if (is(which, "sem_wait")) MUST(sem_wait(&semaphore));
    if (is(which, "sem_post")) MUST(sem_post(&semaphore));
    if (is(which, "sem_clockwait")) MUST(sem_clockwait(&semaphore, CLOCK_REALTIME, &past));
    if (is(which, "localtime")) localtime(&past.tv_sec);
    if (is(which, "setenv")) MUST(setenv("NAME", "value", 1));
    if (is(which, "random")) random();
    if (is(which, "setlocale")) setlocale(LC_ALL, NULL);
    if (is(which, "atexit")) MUST(atexit(no_handler));
    if (is(which, "atfork")) MUST(pthread_atfork(no_handler, no_handler, no_handler));
    if (is(which, "syscall")) MUST(syscall(SYS_getpid) != getpid());
    if (is(which, "getnameinfo")) {
        struct sockaddr_in address = {.sin_family = AF_INET};
        char name[64];
        MUST(getnameinfo((struct sockaddr *)&address, sizeof address, name, sizeof name, NULL, 0, NI_NUMERICHOST));
    }
    if (is(which, "exec")) MUST(execl("/no/such/program", "none", NULL) != -1);
    if (is(which, "exit")) _exit(FINE);
}

int main(int count, char **words) {
    MUST(sem_init(&semaphore, 0, 1));
    MUST(pthread_spin_init(&spinlock, PTHREAD_PROCESS_PRIVATE));
    MUST(pthread_barrier_init(&barrier, NULL, 1));
    MUST(mtx_init(&c11_mutex, mtx_timed) != thrd_success);
    MUST(cnd_init(&c11_condition) != thrd_success);
    gate_make(&inside);
    snprintf(addresses, sizeof addresses, "WANTS_LOCK=%p %p", (void *)&inside, (void *)&mutex);
    MUST(putenv(addresses));
    pthread_t opener = start("opener", open_plugin, NULL);
    MUST(pthread_mutex_lock(&mutex));
    gate_pass(&inside);
    call(count > 1 ? words[1] : "fork");
    MUST(pthread_mutex_unlock(&mutex));
    MUST(pthread_join(opener, NULL));
    return say("nobody waits"), FINE;
}
