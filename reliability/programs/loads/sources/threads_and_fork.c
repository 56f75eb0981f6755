/* What gdb runs: threads that take turns at one mutex, a fork beside them, and a child that ends with 7. */
#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static long total;

static void reached(long number)
{
    total += number;
}

static void *worker(void *argument)
{
    for (int i = 0; i < 50; i++) {
        pthread_mutex_lock(&turn);
        reached((long)argument);
        pthread_mutex_unlock(&turn);
    }
    return argument;
}

int main(void)
{
    pthread_t threads[4];
    for (long i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, worker, (void *)(i + 1));
    pid_t child = fork();
    if (child == 0)
        _exit(7);
    int status;
    waitpid(child, &status, 0);
    long returned = 0;
    for (int i = 0; i < 4; i++) {
        void *value;
        pthread_join(threads[i], &value);
        returned += (long)value;
    }
    printf("total %ld returned %ld child %d\n", total, returned, WEXITSTATUS(status));
    return 0;
}
