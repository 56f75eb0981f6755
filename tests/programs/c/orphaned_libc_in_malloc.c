/* H10: a thread is inside one of libc's own locks at the fork: it allocates memory there, and this program's `malloc` takes its
 * time. The child calls the function that needs the same lock, and can never go on.
 * expect: unsafe_fork ERROR function=fork fork=main locks=1 threads=1
 * with: lock=libc name=libc:$1 owner=keeper acquired=in_libc
 * expect: orphaned_lock FATAL call=$3 in=ask blocking=true same_fork=yes
 * with: lock=libc name=libc:$1 owner=keeper acquired=in_libc
 * suppress: unsafe_fork:in_libc
 * suppress: orphaned_lock:ask
 * end: abrupt
 * runs: env {setenv,putenv} clearenv
 * runs: exit {atexit,on_exit,__cxa_atexit} on_exit
 * runs: exit {atexit,on_exit,__cxa_atexit} __cxa_atexit
 * runs: exit {atexit,on_exit,__cxa_atexit} __cxa_atexit atexit
 */
#include "../program.h"

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern int __cxa_atexit(void (*)(void *), void *, void *);

static struct gate held;
static const char *how;
/* Set in the one thread whose next allocation must never come back. */
static __thread int stops_here;

static void maybe_stop(void) {
    if (!stops_here) return;
    stops_here = 0;
    gate_open(&held);
    idle_for_ever();
}

void *malloc(size_t size) {
    maybe_stop();
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    maybe_stop();
    return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size) {
    maybe_stop();
    return __libc_realloc(old, size);
}

static void nothing(void) {}
static void nothing_on_exit(int status, void *unused) { (void)status, (void)unused; }
static void nothing_cxa(void *unused) { (void)unused; }

static void call(const char *name) {
    static char variable[] = "ORPHANED_LIBC=2";
    if (is(name, "setenv")) setenv("ORPHANED_LIBC", "1", 1);
    if (is(name, "putenv")) putenv(variable);
    if (is(name, "clearenv")) clearenv();
    if (is(name, "atexit")) atexit(nothing);
    if (is(name, "on_exit")) on_exit(nothing_on_exit, NULL);
    if (is(name, "__cxa_atexit")) __cxa_atexit(nothing_cxa, NULL, NULL);
}

/* libc keeps 32 places for functions to call at exit, and allocates when they are all taken: one of these calls does. */
static void in_libc(void) {
    for (int round = 0; round < 64; round++) call(how);
}

static void *keeper(void *unused) {
    stops_here = 1;
    in_libc();
    broken("libc allocated nothing");
    return unused;
}

static void ask(const char *name) { call(name); }

int main(int count, char **words) {
    how = count > 2 ? words[2] : "setenv";
    /* `atexit` is a stub in the program itself: what it calls is `__cxa_atexit`. */
    const char *asked = count > 4 ? words[4] : count > 3 ? words[3] : how;
    gate_make(&held);
    start("keeper", keeper, NULL);
    gate_pass(&held);
    pid_t child = fork();
    if (child == 0) {
        ask(asked);
        _exit(FINE);
    }
    _exit(verdict(child));
}
