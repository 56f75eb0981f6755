/* Made to be stepped through: runs one call (first word) again and again, between two traps to a debugger, which sends a
 * signal in the middle. What the handler does is the second word. After each call a line says which locks this thread holds
 * by the locks' own memory; a second thread forks, so that a record says which ones are known.
 * processor: x86-64
 * expect: at-most ERROR
 */
#include "../program.h"
#include <alloca.h>
#include <setjmp.h>

enum { BEGIN = 1, END = 2 };
enum { UNTOUCHED = 4242 };

static pthread_mutex_t below = PTHREAD_MUTEX_INITIALIZER, outer = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t above = PTHREAD_MUTEX_INITIALIZER, inner = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t after = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_spinlock_t spinlock;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static sem_t semaphore;
static struct gate asked, answered;
static pid_t own;
static sigjmp_buf out;
static volatile sig_atomic_t handled;
static void (*act)(void);

/* Tells the debugger where this is. Its answer is the same word, or another one where it has seen enough. */
static long trap(long where) {
    __asm__ volatile("int3" : "+a"(where) : : "memory");
    return where;
}

static int rwlock_is_taken(void) { return rwlock.__data.__cur_writer == own || rwlock.__data.__readers >> 3; }

static int has(const pthread_mutex_t *mutex) { return mutex->__data.__owner == own; }

static void see_child_end(pid_t child) {
    int status;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) broken("a child");
}

static void *run_number(void *number) {
    ++*(int *)number;
    return number;
}

/* What a handler does. */

static void locks(void) {
    MUST(pthread_mutex_lock(&inner));
    MUST(pthread_mutex_unlock(&inner));
}

static void forks(void) {
    pid_t child = fork();
    if (child == 0) {
        locks();
        _exit(FINE);
    }
    see_child_end(child);
}

static void creates(void) {
    int number = 7;
    pthread_t thread;
    MUST(pthread_create(&thread, NULL, run_number, &number));
    MUST(pthread_join(thread, NULL));
    if (number != 8) broken("the handler's thread ran another routine, or none");
}

static void jumps(void) { siglongjmp(out, 1); }

static void handler(int signal) {
    (void)signal;
    int before = errno;
    handled++;
    act();
    errno = before;
}

/* The calls. Each is prepared, made, and undone as far as it was made. */

static pthread_t made;
static int number;
static pid_t child;

static void lock_outer(void) { MUST(pthread_mutex_lock(&outer)); }
static void lock_outer_and_above(void) {
    lock_outer();
    MUST(pthread_mutex_lock(&above));
}
static void lock_for_reading(void) { MUST(pthread_rwlock_rdlock(&rwlock)); }
static void lock_for_writing(void) { MUST(pthread_rwlock_wrlock(&rwlock)); }
static void lock_spinlock(void) { MUST(pthread_spin_lock(&spinlock)); }
static void take_semaphore(void) { MUST(sem_wait(&semaphore)); }

static int lock(void) { return pthread_mutex_lock(&outer); }
static int try_lock(void) { return pthread_mutex_trylock(&outer); }
static int timed_lock(void) {
    struct timespec deadline = {4000000000, 0};
    return pthread_mutex_timedlock(&outer, &deadline);
}
static int unlock(void) { return pthread_mutex_unlock(&outer); }
static int read_lock(void) { return pthread_rwlock_rdlock(&rwlock); }
static int write_lock(void) { return pthread_rwlock_wrlock(&rwlock); }
static int unlock_rwlock(void) { return pthread_rwlock_unlock(&rwlock); }
static int spin(void) { return pthread_spin_lock(&spinlock); }
static int unlock_spinlock(void) { return pthread_spin_unlock(&spinlock); }
static int wait_for_semaphore(void) { return sem_wait(&semaphore); }
static int post_semaphore(void) { return sem_post(&semaphore); }
static int wait_in_vain(void) {
    struct timespec past = {1, 0};
    return pthread_cond_timedwait(&condition, &outer, &past) == ETIMEDOUT ? 0 : -1;
}
static int copy(void) {
    child = fork();
    if (child == 0) {
        locks();
        _exit(FINE);
    }
    return child > 0 ? 0 : -1;
}
static int create(void) { return pthread_create(&made, NULL, run_number, &number); }

/* From another place of the stack each time, so that the library has to walk it. */
__attribute__((noinline)) static int from_elsewhere(int (*call)(void)) {
    static unsigned turn;
    volatile char *room = alloca(16 + ++turn % 512 * 16);
    room[0] = 1;
    return call() + room[0] - 1;
}
static int cold_lock(void) { return from_elsewhere(lock); }
static int cold_try_lock(void) { return from_elsewhere(try_lock); }

static void nothing(void) {}

static const struct call {
    const char *name;
    void (*before)(void);
    int (*make)(void);
} calls[] = {
    {"lock", nothing, lock}, {"cold_lock", nothing, cold_lock}, {"try_lock", nothing, try_lock},
    {"cold_try_lock", nothing, cold_try_lock}, {"timed_lock", nothing, timed_lock}, {"unlock", lock_outer, unlock},
    {"unlock_below", lock_outer_and_above, unlock}, {"read_lock", nothing, read_lock}, {"write_lock", nothing, write_lock},
    {"unlock_read", lock_for_reading, unlock_rwlock}, {"unlock_write", lock_for_writing, unlock_rwlock},
    {"spin_lock", nothing, spin}, {"spin_unlock", lock_spinlock, unlock_spinlock},
    {"semaphore_wait", nothing, wait_for_semaphore}, {"semaphore_post", take_semaphore, post_semaphore},
    {"condition_wait", lock_outer, wait_in_vain}, {"fork", lock_outer, copy}, {"create", lock_outer, create},
};

static const struct { const char *name; void (*act)(void); } acts[] = {
    {"locks", locks}, {"forks", forks}, {"creates", creates}, {"jumps", jumps},
};

static int semaphore_is_taken(void) {
    int value;
    MUST(sem_getvalue(&semaphore, &value));
    return value == 0;
}

/* Says which locks this thread holds, by their own memory; a semaphore's, by its value. Of a call that was left by a jump nobody
 * knows whether it took or gave back its lock: then that one, if any, comes with a tilde. */
static void say_what_is_held(unsigned turn, int left) {
    char line[512];
    const char *mark = left ? "~" : "";
    int length = sprintf(line, "%u", turn);
    if (has(&below)) length += sprintf(line + length, " %p", (void *)&below);
    if (has(&inner)) length += sprintf(line + length, " %p", (void *)&inner);
    if (has(&above)) length += sprintf(line + length, " %p", (void *)&above);
    if (has(&after)) length += sprintf(line + length, " %p", (void *)&after);
    if (left || has(&outer)) length += sprintf(line + length, " %s%p", mark, (void *)&outer);
    if (left || rwlock_is_taken()) length += sprintf(line + length, " %s%p", mark, (void *)&rwlock);
    if (left || spinlock == 0) length += sprintf(line + length, " %s%p", mark, (void *)&spinlock);
    if (left || semaphore_is_taken()) sprintf(line + length, " %s%p", mark, (void *)&semaphore);
    say("%s", line);
}

static void release_all(void) {
    pthread_mutex_t *mutexes[] = {&after, &inner, &above, &outer, &below};
    for (size_t index = 0; index < sizeof mutexes / sizeof *mutexes; index++)
        if (has(mutexes[index])) MUST(pthread_mutex_unlock(mutexes[index]));
    if (rwlock_is_taken()) MUST(pthread_rwlock_unlock(&rwlock));
    if (spinlock == 0) MUST(pthread_spin_unlock(&spinlock));
    if (semaphore_is_taken()) MUST(sem_post(&semaphore));
    /* What one turn did to it, the next one shall not suffer from. */
    MUST(sem_destroy(&semaphore) || sem_init(&semaphore, 0, 1));
}

static void fork_here(void) {
    pid_t one = fork();
    if (one == 0) _exit(FINE);
    see_child_end(one);
}

static void *checker(void *unused) {
    (void)unused;
    for (;;) {
        gate_pass(&asked);
        fork_here();
        gate_open(&answered);
    }
}

/* No debugger looks yet: the library gets to know the locks, whose hot paths are then the same each time. */
static int warms_up;

/* Makes the call once. True where the debugger has seen enough. */
static int turn(const struct call *call, unsigned count) {
    MUST(pthread_mutex_lock(&below));
    call->before();
    child = 0;
    made = 0;
    number = 7;
    handled = 0;
    int result = 0;
    volatile int left = 1;
    volatile long enough = 0;
    errno = UNTOUCHED;
    if (sigsetjmp(out, 1) == 0) {
        enough = !warms_up && trap(BEGIN) != BEGIN;
        if (!enough) result = call->make();
        if (result != 0) broken("the call failed");
        if (errno != UNTOUCHED) broken("errno has changed");
        left = 0;
    }
    if (!warms_up) trap(END);
    MUST(pthread_mutex_lock(&after));
    if (!warms_up) say_what_is_held(count, left);
    if (child > 0) see_child_end(child);
    if (made) {
        MUST(pthread_join(made, NULL));
        if (number != 8) broken("the thread ran another routine, or none");
    }
    if (!warms_up) {
        gate_open(&asked);
        gate_pass(&answered);
    }
    release_all();
    return (int)enough;
}

int main(int count, char **words) {
    const struct call *call = NULL;
    if (count != 3) return say("usage: CALL HANDLER"), SKIPPED;
    for (size_t index = 0; index < sizeof calls / sizeof *calls; index++)
        if (is(words[1], calls[index].name)) call = &calls[index];
    for (size_t index = 0; index < sizeof acts / sizeof *acts; index++)
        if (is(words[2], acts[index].name)) act = acts[index].act;
    if (!call || !act) broken("no such call, or no such handler");
    own = (pid_t)syscall(SYS_gettid);
    gate_make(&asked);
    gate_make(&answered);
    MUST(pthread_spin_init(&spinlock, PTHREAD_PROCESS_PRIVATE));
    MUST(sem_init(&semaphore, 0, 1));
    signal(SIGUSR1, handler);
    start("checker", checker, NULL);
    /* One loop, so that all calls come from one place. */
    for (unsigned turns = 0; warms_up = turns < 80, !turn(call, turns); turns++)
        if (warms_up) pause_milliseconds(1);
    return FINE;
}
