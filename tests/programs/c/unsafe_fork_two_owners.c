/* H1: two threads hold two locks each; each lock is reported with its own owner and its own place, and so is who waits for it.
 * expect: unsafe_fork ERROR fork=main locks=4 threads=3
 * with: lock=mutex owner=baker acquired=take_oven
 * with: lock=rwlock_write owner=baker acquired=take_flour waiters=1
 * with: lock=mutex owner=miller acquired=take_mill
 * with: lock=rwlock_read owner=miller acquired=take_sail
 * with: thread=hungry start=hungry created=main
 * expect: orphaned_lock FATAL call=pthread_mutex_lock lock=mutex owner=miller acquired=take_mill in=main same_fork=yes
 */
#include "../program.h"

static pthread_mutex_t oven = PTHREAD_MUTEX_INITIALIZER, mill = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t flour = PTHREAD_RWLOCK_INITIALIZER, sail = PTHREAD_RWLOCK_INITIALIZER;
static struct gate ready;
static pid_t waiter;

static void take_oven(void) { MUST(pthread_mutex_lock(&oven)); }
static void take_flour(void) { MUST(pthread_rwlock_wrlock(&flour)); }
static void take_mill(void) { MUST(pthread_mutex_lock(&mill)); }
static void take_sail(void) { MUST(pthread_rwlock_rdlock(&sail)); }

static void *baker(void *unused) {
    (void)unused;
    take_oven();
    take_flour();
    gate_open(&ready);
    idle_for_ever();
}

static void *miller(void *unused) {
    (void)unused;
    take_mill();
    take_sail();
    gate_open(&ready);
    idle_for_ever();
}

static void *hungry(void *unused) {
    waiter = (pid_t)syscall(SYS_gettid);
    gate_open(&ready);
    pthread_rwlock_rdlock(&flour);
    return unused;
}

int main(void) {
    char task[64];
    gate_make(&ready);
    start("baker", baker, NULL);
    start("miller", miller, NULL);
    gate_pass(&ready);
    gate_pass(&ready);
    start("hungry", hungry, NULL);
    gate_pass(&ready);
    snprintf(task, sizeof task, "self/task/%d", (int)waiter);
    while (!waits_for_ever(task)) pause_milliseconds(1);
    pid_t child = fork();
    if (child == 0) {
        pthread_mutex_lock(&mill);
        _exit(FINE);
    }
    return verdict(child);
}
