#include <pthread.h>
#include <syslog.h>
#include <unistd.h>
static void *tick(void *x) {
    for (;;) syslog(LOG_INFO, "tick");
    return x;
}
int main(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, tick, NULL);
    if (fork() == 0) {
        syslog(LOG_INFO, "child"); /* neither syslog nor what it calls is async-signal-safe */
        _exit(0);
    }
}
