#include <pthread.h>
#include <unistd.h>
static void *sleeper(void *unused) {
    pause();
    return unused;
}
int main(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, sleeper, NULL);
    if (fork() == 0) /* of a process with two threads */
        pthread_create(&thread, NULL, sleeper, NULL);
}
