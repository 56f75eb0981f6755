/* Eight threads allocate, lock, and ask for the time; then one keeps a lock, and the program forks. It is started beside other
 * libraries that stand in the way of all that, under debuggers and under an auditor. With the word `wait` it begins when
 * somebody writes to its standard input.
 * expect: unsafe_fork ERROR fork=main locks=1 threads=1
 * with: lock=mutex owner=keeper
 */
#include "../program.h"

enum { THREADS = 8, ROUNDS = 200, PIECES = 16, CHILDREN = 20 };
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, vault = PTHREAD_MUTEX_INITIALIZER;
static struct gate held;
static long rounds;

static void *worker(void *argument) {
    size_t own = (size_t)argument;
    for (size_t round = 0; round < ROUNDS; round++) {
        char *volatile piece[PIECES];
        for (size_t index = 0; index < PIECES; index++) {
            piece[index] = malloc(16 + (round * 37 + index * own) % 5000);
            piece[index][0] = (char)own;
        }
        MUST(pthread_mutex_lock(&mutex));
        rounds++;
        if (time(NULL) == 0) broken("time");
        if (round % 50 == 0) fsync(held.ends[1]);
        MUST(pthread_mutex_unlock(&mutex));
        for (size_t index = 0; index < PIECES; index++) {
            if (piece[index][0] != (char)own) broken("somebody else's memory");
            free(piece[index]);
        }
    }
    return argument;
}

static void *keeper(void *unused) {
    (void)unused;
    MUST(pthread_mutex_lock(&vault));
    gate_open(&held);
    idle_for_ever();
}

int main(int count, char **words) {
    pthread_t threads[THREADS];
    char byte;
    if (count > 1 && is(words[1], "wait")) while (read(STDIN_FILENO, &byte, 1) < 0 && errno == EINTR) {}
    gate_make(&held);
    for (size_t number = 0; number < THREADS; number++)
        MUST(pthread_create(&threads[number], NULL, worker, (void *)(number + 1)));
    for (size_t number = 0; number < THREADS; number++) {
        void *result;
        MUST(pthread_join(threads[number], &result));
        if ((size_t)result != number + 1) broken("a thread ran with another's argument");
    }
    start("keeper", keeper, NULL);
    gate_pass(&held);
    for (int round = 0; round < CHILDREN; round++) {
        int status;
        pid_t child = fork();
        if (child == 0) {
            char *volatile piece = malloc(100);
            free(piece);
            _exit(piece ? FINE : BROKEN);
        }
        while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
        if (child < 0 || status != 0) broken("child");
    }
    say("%ld rounds, %d children: fine", rounds, CHILDREN);
    return FINE;
}
