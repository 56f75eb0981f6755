#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>
static int bell;
static void *waiter(void *unused) {
    eventfd_t rings;
    eventfd_read(bell, &rings);
    return unused;
}
int main(void) {
    pthread_t thread;
    bell = eventfd(0, 0);
    pthread_create(&thread, NULL, waiter, NULL);
    return fork() == 0 ? waiter(NULL) != NULL : eventfd_write(bell, 1); /* who is woken? */
}
