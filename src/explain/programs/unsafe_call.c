#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
static void *talker(void *unused) {
    for (;;)
        printf("busy\n");
    return unused;
}
int main(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, talker, NULL);
    if (fork() == 0)
        printf("hello\n"); /* needs the lock of stdout that the talker may have held */
}
