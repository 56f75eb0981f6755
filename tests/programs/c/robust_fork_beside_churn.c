/* Threads are created and joined all the time while another one forks: each thread runs its own routine once with its own
 * argument, each child ends with its own status, and the one place that forks is reported once.
 * expect: unsafe_fork WARN fork=main locks=0
 */
#include "../program.h"

enum { CREATORS = 4, FORKS = 400, BATCH = 3 };
static struct gate ready;
static volatile int over;
static long made[CREATORS], ran[CREATORS];

static void *once(void *place) {
    __atomic_fetch_add((long *)place, 1, __ATOMIC_RELAXED);
    return place;
}

static void *creator(void *number) {
    long *own = &ran[(long)number];
    gate_open(&ready);
    while (!over) {
        pthread_t threads[BATCH];
        for (int thread = 0; thread < BATCH; thread++) MUST(pthread_create(&threads[thread], NULL, once, own));
        for (int thread = 0; thread < BATCH; thread++) {
            void *result;
            MUST(pthread_join(threads[thread], &result));
            if (result != own) broken("another thread's result");
        }
        made[(long)number] += BATCH;
    }
    return NULL;
}

int main(void) {
    pthread_t creators[CREATORS];
    gate_make(&ready);
    for (long number = 0; number < CREATORS; number++) creators[number] = start("creator", creator, (void *)number);
    for (int number = 0; number < CREATORS; number++) gate_pass(&ready);
    for (int number = 0; number < FORKS; number++) {
        int status;
        pid_t child = fork();
        if (child == 0) _exit(number % 100);
        if (child < 0 || waitpid(child, &status, 0) != child) broken("child");
        if (!WIFEXITED(status) || WEXITSTATUS(status) != number % 100) broken("another child's status");
    }
    over = 1;
    for (int number = 0; number < CREATORS; number++) {
        MUST(pthread_join(creators[number], NULL));
        if (made[number] != ran[number] || made[number] == 0) broken("threads lost");
    }
    say("400 children: fine");
    return FINE;
}
