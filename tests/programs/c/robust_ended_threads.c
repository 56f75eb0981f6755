/* Threads that have ended cost nothing: neither 8 short ones at a time, 16,000 in all, nor 1,000 at once leave memory behind, which
 * each later fork would copy.
 * expect: silent
 */
#include "../program.h"

enum { AT_A_TIME = 8, BATCHES = 2000, FIRST_BATCHES = 100, AT_ONCE = 1000, MOST_KILOBYTES = 12 * 1024 };

static pthread_mutex_t mutexes[64] = {[0 ... 63] = PTHREAD_MUTEX_INITIALIZER};
static pthread_barrier_t all_are_here;

/* Stacks of many depths, so that the library has something to remember of each thread. */
static void lock_below(int depth, int number) {
    char frame[64];
    __asm__ volatile("" : : "r"(frame) : "memory");
    if (depth > 0) {
        lock_below(depth - 1, number);
    } else {
        MUST(pthread_mutex_lock(&mutexes[number % 64]));
        MUST(pthread_mutex_unlock(&mutexes[number % 64]));
    }
    __asm__ volatile("" : : "r"(frame) : "memory");
}

static void *brief(void *number) {
    for (int depth = 0; depth < 12; depth++) lock_below(depth, (int)(long)number);
    return number;
}

static void *one_of_many(void *number) {
    brief(number);
    pthread_barrier_wait(&all_are_here);
    return number;
}

static void run(int count, void *(*routine)(void *)) {
    pthread_t threads[AT_ONCE];
    pthread_attr_t small;
    MUST(pthread_attr_init(&small));
    MUST(pthread_attr_setstacksize(&small, 256 * 1024));
    for (long number = 0; number < count; number++) MUST(pthread_create(&threads[number], &small, routine, (void *)number));
    for (int number = 0; number < count; number++) MUST(pthread_join(threads[number], NULL));
}

static long kilobytes(void) {
    char text[256];
    long all, resident;
    MUST(read_text("/proc/self/statm", text, sizeof text));
    if (sscanf(text, "%ld %ld", &all, &resident) != 2) broken("statm");
    return resident * sysconf(_SC_PAGESIZE) / 1024;
}

static void must_be_little(const char *what, long grown) {
    if (grown > MOST_KILOBYTES) {
        say("%s: %ld kB more", what, grown);
        _exit(BROKEN);
    }
    say("%s: little more memory", what);
}

int main(void) {
    long before = 0;
    for (int batch = 0; batch < BATCHES; batch++) {
        if (batch == FIRST_BATCHES) before = kilobytes();
        run(AT_A_TIME, brief);
    }
    must_be_little("after threads in turn", kilobytes() - before);
    before = kilobytes();
    MUST(pthread_barrier_init(&all_are_here, NULL, AT_ONCE));
    run(AT_ONCE, one_of_many);
    must_be_little("after many threads at once", kilobytes() - before);
    return FINE;
}
