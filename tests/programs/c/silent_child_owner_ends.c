/* A thread of the child gives a lock back and ends while another one is about to wait for that lock: after each system call of
 * the waiting one's, and at many of its instructions. Nothing hangs, whatever the library has read before.
 * expect: at-most WARN
 * expect: unsafe_fork WARN function=fork fork=main locks=0 threads=1
 * expect: thread_after_fork WARN call=pthread_create in=begin_round same_fork=yes
 * suppress: unsafe_fork:idler
 * suppress: thread_after_fork:begin_round
 * runs: {mutex,rwlock,futex}
 */
#include "../program.h"
#include <linux/futex.h>
#include <ucontext.h>

#ifdef __x86_64__

enum { STEPPING = 0x100, MOST_SYSTEM_CALLS = 256, SAMPLES = 25 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static int word;
static struct gate ready, taken, released;
static const char *how;
static pthread_t owner;
static pid_t owner_id;
/* The instruction of the wait, counted from 1, before which the owner lets go. */
static unsigned long target;
static volatile unsigned long count;
static volatile int has_let_go;
static unsigned long after_system_call[MOST_SYSTEM_CALLS];
static int system_calls;

static void *idler(void *unused) {
    (void)unused;
    gate_open(&ready);
    idle_for_ever();
}

static void *own(void *unused) {
    owner_id = (pid_t)syscall(SYS_gettid);
    if (is(how, "mutex")) MUST(pthread_mutex_lock(&mutex));
    if (is(how, "rwlock")) MUST(pthread_rwlock_wrlock(&rwlock));
    if (is(how, "futex")) word = 0;
    gate_open(&taken);
    gate_pass(&released);
    if (is(how, "mutex")) MUST(pthread_mutex_unlock(&mutex));
    if (is(how, "rwlock")) MUST(pthread_rwlock_unlock(&rwlock));
    if (is(how, "futex")) __atomic_store_n(&word, 1, __ATOMIC_RELEASE);
    return unused;
}

/* Lets the owner go, up to where the kernel knows it no more: that is a little later than its join. */
static void let_go(void) {
    char path[64];
    gate_open(&released);
    MUST(pthread_join(owner, NULL));
    snprintf(path, sizeof path, "/proc/self/task/%d", (int)owner_id);
    while (access(path, F_OK) == 0) pause_milliseconds(1);
    has_let_go = 1;
}

static void start_stepping(void) { __asm__ volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq" : : : "memory", "cc"); }

static void stop_stepping(void) { __asm__ volatile("pushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq" : : : "memory", "cc"); }

/* Before each instruction of the wait. */
static void step(int signal, siginfo_t *info, void *context) {
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    (void)signal;
    (void)info;
    unsigned short code;
    memcpy(&code, (const void *)registers[REG_RIP], sizeof code);
    int is_system_call = code == 0x050f;
    if (++count == target || (is_system_call && registers[REG_RAX] == SYS_futex)) {
        int before = errno;
        let_go();
        errno = before;
        registers[REG_EFL] &= ~STEPPING;
        return;
    }
    if (target == 0 && is_system_call && system_calls < MOST_SYSTEM_CALLS) after_system_call[system_calls++] = count + 1;
}

static void begin_round(unsigned long at) {
    target = at;
    count = 0;
    has_let_go = 0;
    MUST(pthread_create(&owner, NULL, own, NULL));
    gate_pass(&taken);
}

/* The owner lets go before this instruction of the wait or, if 0, before the system call in which it would wait. */
static void wait_while_owner_ends_at(unsigned long at) {
    begin_round(at);
    start_stepping();
    if (is(how, "mutex")) pthread_mutex_lock(&mutex);
    if (is(how, "rwlock")) pthread_rwlock_rdlock(&rwlock);
    if (is(how, "futex")) syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL);
    stop_stepping();
    if (!has_let_go) broken("the owner has not let go");
    if (is(how, "mutex")) MUST(pthread_mutex_unlock(&mutex));
    if (is(how, "rwlock")) MUST(pthread_rwlock_unlock(&rwlock));
}

static void wait_in_child(void) {
    struct sigaction action = {.sa_sigaction = step, .sa_flags = SA_SIGINFO};
    MUST(sigaction(SIGTRAP, &action, NULL));
    /* What happens once happens in the first round. */
    wait_while_owner_ends_at(0);
    system_calls = 0;
    wait_while_owner_ends_at(0);
    unsigned long length = count;
    for (int index = 0; index < system_calls; index++) wait_while_owner_ends_at(after_system_call[index]);
    for (unsigned long sample = 1; sample <= SAMPLES; sample++) wait_while_owner_ends_at(1 + length * sample / (SAMPLES + 1));
}

int main(int argument_count, char **arguments) {
    int status;
    how = argument_count > 1 ? arguments[1] : "mutex";
    gate_make(&ready);
    gate_make(&taken);
    gate_make(&released);
    start("idler", idler, NULL);
    gate_pass(&ready);
    pid_t child = fork();
    if (child == 0) {
        wait_in_child();
        _exit(FINE);
    }
    if (waitpid(child, &status, 0) != child || status != 0) broken("child");
    say("the child got it each time");
    return FINE;
}
#else
int main(void) {
    say("only x86-64 can be stepped through by its own program");
    return SKIPPED;
}
#endif
