/* Destructors of thread-specific data take and release locks while their thread ends; one releases what the thread has
 * held all along, in the last but one of the rounds that glibc makes. Nothing leaks.
 * expect: silent
 * runs: {return,exit,cancel}
 */
#include "../program.h"

static pthread_key_t key;
static pthread_mutex_t held_all_along = PTHREAD_MUTEX_INITIALIZER, now_and_then = PTHREAD_MUTEX_INITIALIZER;
static struct gate ready, never;
static const char *how;

static void destructor(void *value) {
    long round = (long)value;
    MUST(pthread_mutex_lock(&now_and_then));
    MUST(pthread_mutex_unlock(&now_and_then));
    if (round < 3) MUST(pthread_setspecific(key, (void *)(round + 1)));
    else MUST(pthread_mutex_unlock(&held_all_along));
}

static void *worker(void *unused) {
    MUST(pthread_setspecific(key, (void *)1L));
    MUST(pthread_mutex_lock(&held_all_along));
    gate_open(&ready);
    if (is(how, "exit")) pthread_exit(NULL);
    if (is(how, "cancel")) gate_pass(&never);
    return unused;
}

int main(int count, char **words) {
    how = count > 1 ? words[1] : "return";
    gate_make(&ready);
    gate_make(&never);
    MUST(pthread_key_create(&key, destructor));
    for (int round = 0; round < 20; round++) {
        pthread_t thread = start("worker", worker, NULL);
        gate_pass(&ready);
        if (is(how, "cancel")) MUST(pthread_cancel(thread));
        MUST(pthread_join(thread, NULL));
        MUST(pthread_mutex_lock(&held_all_along));
        MUST(pthread_mutex_unlock(&held_all_along));
    }
    pid_t child = fork();
    if (child == 0) _exit(FINE);
    return verdict(child);
}
