/* Calls hooked functions with a stack that is not aligned as the ABI asks, as hand-written assembly does: libc's functions
 * forgive that, all but `pthread_create`.
 * processor: x86-64
 * expect: at-most WARN
 * allow: unsafe_fork WARN
 * records: maybe
 */
#include "../program.h"

long misaligned(void *function, void *a, void *b, void *c, void *d);
__asm__(".globl misaligned\n"
        ".type misaligned, @function\n"
        "misaligned:\n"
        ".cfi_startproc\n"
        "push %rbp\n"
        ".cfi_def_cfa_offset 16\n"
        ".cfi_offset rbp, -16\n"
        "mov %rsp, %rbp\n"
        ".cfi_def_cfa_register rbp\n"
        "sub $8, %rsp\n"
        "mov %rdi, %rax\n"
        "mov %rsi, %rdi\n"
        "mov %rdx, %rsi\n"
        "mov %rcx, %rdx\n"
        "mov %r8, %rcx\n"
        "call *%rax\n"
        "leave\n"
        ".cfi_def_cfa rsp, 8\n"
        "ret\n"
        ".cfi_endproc\n"
        ".size misaligned, . - misaligned\n");
#define CALL(function, a, b, c, d) misaligned((void *)(function), (void *)(a), (void *)(b), (void *)(c), (void *)(d))

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static pthread_spinlock_t spinlock;
static sem_t semaphore;
static struct gate started;
static int handlers;

static void handler(void) { handlers++; }
static void *idler(void *unused) {
    (void)unused;
    gate_open(&started);
    idle_for_ever();
}

static void locks(void) {
    struct timespec past = {1, 0};
    MUST(CALL(pthread_mutex_lock, &mutex, 0, 0, 0));
    MUST((int)CALL(pthread_cond_timedwait, &condition, &mutex, &past, 0) != ETIMEDOUT);
    MUST(CALL(pthread_mutex_unlock, &mutex, 0, 0, 0));
    MUST(CALL(pthread_mutex_trylock, &mutex, 0, 0, 0));
    MUST(CALL(pthread_mutex_unlock, &mutex, 0, 0, 0));
    MUST(CALL(pthread_rwlock_rdlock, &rwlock, 0, 0, 0));
    MUST(CALL(pthread_rwlock_unlock, &rwlock, 0, 0, 0));
    MUST(CALL(pthread_spin_lock, &spinlock, 0, 0, 0));
    MUST(CALL(pthread_spin_unlock, &spinlock, 0, 0, 0));
    MUST((int)CALL(sem_init, &semaphore, 0, 1, 0));
    MUST((int)CALL(sem_wait, &semaphore, 0, 0, 0));
    MUST((int)CALL(sem_post, &semaphore, 0, 0, 0));
}

static void see_off(long child) {
    int status;
    if ((pid_t)child == 0) {
        locks();
        CALL(_exit, FINE, 0, 0, 0);
    }
    if ((pid_t)child < 0 || waitpid((pid_t)child, &status, 0) != (pid_t)child || status != 0) broken("child");
}

int main(void) {
    MUST(pthread_spin_init(&spinlock, PTHREAD_PROCESS_PRIVATE));
    MUST((int)CALL(pthread_atfork, handler, handler, handler, 0));
    locks();
    see_off(CALL(fork, 0, 0, 0, 0));
    gate_make(&started);
    start("idler", idler, NULL);
    gate_pass(&started);
    for (int round = 0; round < 3; round++) {
        locks();
        see_off(CALL(fork, 0, 0, 0, 0));
        see_off(CALL(_Fork, 0, 0, 0, 0));
        see_off(CALL(syscall, SYS_fork, 0, 0, 0));
        CALL(random, 0, 0, 0, 0);
        MUST((int)CALL(setenv, "NAME", "value", 1, 0));
        MUST((int)CALL(execve, "/no/such/program", NULL, NULL, 0) != -1);
    }
    return say("%d handlers ran", handlers), FINE;
}
