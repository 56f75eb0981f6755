#include <pthread.h>
#include <unistd.h>
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void use(void) { pthread_mutex_lock(&lock); pthread_mutex_unlock(&lock); }
static void *keeper(void *unused) {
    for (;; usleep(1000)) use();
    return unused;
}
int main(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, keeper, NULL);
    sleep(1);
    if (fork() == 0)
        use(); /* nearly always free: one child in a thousand waits for ever */
}
