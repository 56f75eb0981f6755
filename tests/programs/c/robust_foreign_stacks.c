/* A thread runs on stacks of its own making, whose last word is followed by nothing, and hands them on: locks, threads and forks there
 * are followed as far as the stack goes.
 * processor: x86-64
 * expect: unsafe_fork ERROR fork=forker locks=1 threads=1
 * expect: unsafe_fork ERROR fork=main locks=1 threads=1
 * with: lock=mutex owner=keeper acquired=locker
 * with: thread=keeper start=keeper created=starter
 */
#include "../program.h"
#include <sys/mman.h>

enum { SIZE = 256 * 1024 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, mine = PTHREAD_MUTEX_INITIALIZER;
static struct gate held;
static int result;

/* Calls the function on another stack. Its own caller stands where `rbx` says, on the stack before. */
void on_stack(void *top, void (*function)(void));
__asm__(".pushsection .text\n"
        ".type on_stack, @function\n"
        "on_stack:\n"
        ".cfi_startproc\n"
        "push %rbx\n .cfi_adjust_cfa_offset 8\n .cfi_rel_offset %rbx, 0\n"
        "mov %rsp, %rbx\n .cfi_def_cfa_register %rbx\n"
        "mov %rdi, %rsp\n"
        "call *%rsi\n"
        "mov %rbx, %rsp\n .cfi_def_cfa_register %rsp\n"
        "pop %rbx\n ret\n"
        ".cfi_endproc\n"
        ".size on_stack, . - on_stack\n"
        ".popsection\n");

/* As `on_stack`, as coroutine libraries do: nothing is called, but the function returns into `finished`. By the tables, that one's caller
 * stands above, where there is nothing. */
void jump_to_stack(void *top, void (*function)(void));
__asm__(".pushsection .text\n"
        ".local stack_before\n .comm stack_before, 8, 8\n"
        ".type jump_to_stack, @function\n"
        "jump_to_stack:\n"
        "push %rbx\n mov %rsp, stack_before(%rip)\n mov %rdi, %rsp\n"
        "lea finished(%rip), %rax\n push %rax\n jmp *%rsi\n"
        ".size jump_to_stack, . - jump_to_stack\n"
        ".type finish, @function\n"
        "finish:\n"
        ".cfi_startproc\n"
        "nop\n"
        "finished: mov stack_before(%rip), %rsp\n pop %rbx\n ret\n"
        ".cfi_endproc\n"
        ".size finish, . - finish\n"
        ".popsection\n");

/* A stack with nothing after it. */
static char *make_stack(void) {
    char *place = mmap(NULL, SIZE + 2 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (place == MAP_FAILED) broken("mmap");
    MUST(mprotect(place + 4096, SIZE, PROT_READ | PROT_WRITE));
    return place + 4096;
}

static void locker(void) {
    MUST(pthread_mutex_lock(&mutex));
    __asm__ volatile("");
}

static void pair(void) {
    MUST(pthread_mutex_lock(&mine));
    MUST(pthread_mutex_unlock(&mine));
}

static void *keeper(void *unused) {
    on_stack(make_stack() + SIZE, locker);
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
    result |= verdict(child);
}

/* Another line: each that forks is one finding. */
static void second_forker(void) {
    pid_t child = fork();
    if (child == 0) _exit(FINE);
    result |= verdict(child);
}

int main(void) {
    gate_make(&held);
    /* One stack after another at the same place, and each call at the very end of it. */
    for (int round = 0; round < 200; round++) {
        char *stack = make_stack();
        on_stack(stack + SIZE, pair);
        jump_to_stack(stack + SIZE, pair);
        on_stack(stack + SIZE - 64 * (round % 50), pair);
        MUST(munmap(stack - 4096, SIZE + 2 * 4096));
    }
    /* On a piece of the thread's own stack. */
    char room[32 * 1024] __attribute__((aligned(16)));
    memset(room, 0, sizeof room);
    on_stack(room + sizeof room, pair);
    jump_to_stack(room + sizeof room, pair);
    jump_to_stack(make_stack() + SIZE, starter);
    jump_to_stack(make_stack() + SIZE, forker);
    on_stack(make_stack() + SIZE, second_forker);
    return result;
}
