#include <pthread.h>
#include <unistd.h>
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *keeper(void *unused) {
    pthread_mutex_lock(&lock);
    pause();
    return unused;
}
int main(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, keeper, NULL);
    sleep(1);
    if (fork() == 0)
        pthread_mutex_lock(&lock); /* nobody in the child will ever release it */
}
