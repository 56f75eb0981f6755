/* Code that no unwind table knows calls back: made at run time, or written by hand. Locks, threads and forks are followed up to there.
 * processor: x86-64
 * runs: {made,written}
 * expect: unsafe_fork ERROR fork=forker locks=1 threads=1
 * with: lock=mutex owner=keeper acquired=locker
 * with: thread=keeper start=keeper created=starter
 */
#include "../program.h"
#include <sys/mman.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, mine = PTHREAD_MUTEX_INITIALIZER;
static struct gate held;
static void (*through)(void (*)(void));
static int result;

/* Calls its argument with registers that point nowhere. */
void written(void (*function)(void));
extern const char written_end[];
__asm__(".pushsection .text\n"
        ".type written, @function\n"
        "written:\n"
        "push %rbp\n push %rbx\n push %r12\n sub $112, %rsp\n"
        "mov $24, %ebp\n mov $-8, %rbx\n mov $1, %r12\n"
        "call *%rdi\n"
        "add $112, %rsp\n pop %r12\n pop %rbx\n pop %rbp\n ret\n"
        "written_end:\n"
        ".size written, . - written\n"
        ".popsection\n");

static void locker(void) {
    MUST(pthread_mutex_lock(&mutex));
    __asm__ volatile("");
}

static void pair(void) {
    MUST(pthread_mutex_lock(&mine));
    MUST(pthread_mutex_unlock(&mine));
}

static void *keeper(void *unused) {
    through(locker);
    gate_open(&held);
    idle_for_ever();
    return unused;
}

static void starter(void) {
    start("keeper", keeper, NULL);
    gate_pass(&held);
}

static void forker(void) {
    pid_t child = fork();
    if (child == 0) _exit(FINE);
    result = verdict(child);
}

/* The same code at a place that has none. */
static void *make(void) {
    size_t size = (size_t)(written_end - (const char *)written);
    void *place = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (place == MAP_FAILED) broken("mmap");
    memcpy(place, (const void *)written, size);
    MUST(mprotect(place, 4096, PROT_READ | PROT_EXEC));
    return place;
}

int main(int count, char **words) {
    gate_make(&held);
    if (count != 2) broken("no way is given");
    for (int round = 0; round < 100; round++) {
        void *made = is(words[1], "made") ? make() : (void *)written;
        memcpy(&through, &made, sizeof made);
        through(pair);
        if (made != (void *)written) MUST(munmap(made, 4096));
    }
    void *made = is(words[1], "made") ? make() : (void *)written;
    memcpy(&through, &made, sizeof made);
    through(starter);
    through(forker);
    return result;
}
