#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>
static void *loop(void *fd) {
    struct pollfd wakeup = {*(int *)fd, POLLIN, 0};
    while (poll(&wakeup, 1, -1) == 1) {} /* the child wakes it: it spins */
    return 0;
}
int main(void) {
    pthread_t thread; int wakeup = eventfd(0, 0);
    pthread_create(&thread, 0, loop, &wakeup);
    if (fork() == 0) eventfd_write(wakeup, 1); /* meant for the child's own loop */
    pause();
}
