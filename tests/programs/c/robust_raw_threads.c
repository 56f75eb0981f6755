/* Threads made by the system call alone, without libc's knowledge: with the thread pointer of the thread that made them, or
 * with one of their own whose memory is all zero but for its own address. Each locks, unlocks and forks, forty times in all.
 * processor: x86-64
 * expect: at-most ERROR
 * runs: {shared,own}
 */
#include "../program.h"
#include <sched.h>
#include <sys/mman.h>
#include <linux/futex.h>
#include <asm/prctl.h>

enum { STACK = 256 << 10, TLS = 64 << 10 };
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static sem_t semaphore;
static struct gate held, done;
static volatile int forked;

static void *keeper(void *unused) {
    (void)unused;
    static pthread_mutex_t vault = PTHREAD_MUTEX_INITIALIZER;
    MUST(pthread_mutex_lock(&vault));
    gate_open(&held);
    gate_pass(&done);
    MUST(pthread_mutex_unlock(&vault));
    return NULL;
}

/* Runs on the new thread's stack. It must not return: nothing is there to return to. */
__attribute__((noreturn)) static void raw_thread(void) {
    pthread_mutex_lock(&mutex);
    pthread_rwlock_rdlock(&rwlock);
    sem_wait(&semaphore);
    int status = 0;
    pid_t child = _Fork();
    if (child == 0) syscall(SYS_exit_group, 0);
    if (child > 0 && syscall(SYS_wait4, child, &status, 0, NULL) == child && status == 0) forked++;
    sem_post(&semaphore);
    pthread_rwlock_unlock(&rwlock);
    pthread_mutex_unlock(&mutex);
    for (;;) syscall(SYS_exit, 0);
}

__attribute__((used, noreturn)) void begin_raw_thread(void);
void begin_raw_thread(void) { raw_thread(); }

/* libc's clone would not do: it is a function that can be hooked, and lends the new thread a frame. */
long start_raw(long flags, void *stack, int *parent, int *child, void *pointer);
__asm__("start_raw: mov %rcx, %r10\n\tmov $56, %eax\n\tsyscall\n\ttest %rax, %rax\n\tjnz 1f\n\t"
        "xor %ebp, %ebp\n\tcall begin_raw_thread\n1:\tret");

int main(int count, char **words) {
    static int lives;
    int own = count > 1 && is(words[1], "own");
    gate_make(&held);
    gate_make(&done);
    MUST(sem_init(&semaphore, 0, 1));
    pthread_t thread = start("keeper", keeper, NULL);
    gate_pass(&held);
    for (int round = 0; round < 40; round++) {
        char *stack = mmap(NULL, STACK + TLS, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (stack == MAP_FAILED) broken("mmap");
        long flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_CHILD_CLEARTID;
        void **pointer = (void **)(stack + STACK + TLS - 8192);
        if (own) {
            flags |= CLONE_SETTLS;
            pointer[0] = pointer;
            pointer[2] = pointer;
        }
        lives = 1;
        long made = start_raw(flags, stack + STACK, NULL, &lives, pointer);
        if (made < 0) broken("clone");
        int value;
        while ((value = __atomic_load_n(&lives, __ATOMIC_ACQUIRE)) != 0)
            syscall(SYS_futex, &lives, FUTEX_WAIT, value, NULL, NULL, 0);
        munmap(stack, STACK + TLS);
    }
    gate_open(&done);
    MUST(pthread_join(thread, NULL));
    MUST(pthread_mutex_lock(&mutex) || pthread_rwlock_wrlock(&rwlock) || sem_wait(&semaphore));
    say("%d children: fine", forked);
    return FINE;
}
