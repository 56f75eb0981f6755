/* Functions whose unwind tables lie, as those of hand-written assembly, run-time compilers and coroutines do: a lock is taken,
 * a thread started and a fork called through each. A stack ends there, at the latest, and nothing else happens.
 * processor: x86-64
 * runs: {below,same,above,unmapped,misaligned,register,elsewhere,framed,itself,expression,endless,far,untold}
 * expect: unsafe_fork ERROR fork=forker locks=1 threads=1
 * with: lock=mutex owner=keeper acquired=locker
 * with: thread=keeper start=keeper created=starter
 */
#include "../program.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, mine = PTHREAD_MUTEX_INITIALIZER;
static struct gate held;
static void (*through)(void (*)(void));
static int result;

/* Calls its argument with six words below its frame that name a place in `framed`, `rbp` and `rbx` as no pointer, and tables that
 * say something untrue from the call on. */
#define LIAR(NAME, LIE) \
    __asm__(".pushsection .text\n" \
            ".type liar_" #NAME ", @function\n" \
            "liar_" #NAME ":\n" \
            ".cfi_startproc\n" \
            "push %rbp\n .cfi_adjust_cfa_offset 8\n .cfi_rel_offset %rbp, 0\n" \
            "push %rbx\n .cfi_adjust_cfa_offset 8\n .cfi_rel_offset %rbx, 0\n" \
            "lea 1f(%rip), %rbx\n mov $0x10, %ebp\n lea framed + 24(%rip), %rax\n" \
            "push %rax\n push %rax\n push %rax\n push %rax\n push %rax\n .cfi_adjust_cfa_offset 40\n" \
            LIE "\n" \
            "call *%rdi\n" \
            "1: add $40, %rsp\n pop %rbx\n pop %rbp\n ret\n" \
            ".cfi_endproc\n" \
            ".size liar_" #NAME ", . - liar_" #NAME "\n" \
            ".popsection\n"); \
    void liar_##NAME(void (*)(void));

LIAR(below, ".cfi_def_cfa %rsp, -256")
LIAR(same, ".cfi_def_cfa %rsp, 0")
LIAR(above, ".cfi_def_cfa %rsp, 0x4000000")
LIAR(unmapped, ".cfi_def_cfa %rbp, 16")
LIAR(misaligned, ".cfi_def_cfa %rsp, 13")
LIAR(register, ".cfi_register %rip, %rbp")
LIAR(elsewhere, ".cfi_offset %rip, -0x10000000")
LIAR(framed, ".cfi_def_cfa %rsp, 16")
LIAR(itself, ".cfi_def_cfa %rsp, 8\n .cfi_register %rip, %rbx")
/* The frame begins at the value at address 0x10. */
LIAR(expression, ".cfi_escape 0x0f, 3, 0x08, 0x10, 0x06")
/* A jump to itself. */
LIAR(endless, ".cfi_escape 0x0f, 3, 0x2f, 0xfd, 0xff")
/* `rip` is at -8. */
LIAR(far, ".cfi_escape 0x10, 16, 2, 0x09, 0xf8")
LIAR(untold, ".cfi_undefined %rip\n .cfi_undefined %rsp")

/* Has a frame pointer: whoever believes that it was called from a liar follows that one's `rbp`. */
__attribute__((noinline, used, optimize("no-omit-frame-pointer"))) static int framed(int size) {
    char volatile room[size + 16];
    room[0] = (char)size;
    through(NULL);
    return room[0];
}

__attribute__((noinline)) static void locker(void) {
    MUST(pthread_mutex_lock(&mutex));
    __asm__ volatile("");
}

__attribute__((noinline)) static void pair(void) {
    MUST(pthread_mutex_lock(&mine));
    MUST(pthread_mutex_unlock(&mine));
}

static void *keeper(void *unused) {
    through(locker);
    gate_open(&held);
    idle_for_ever();
    return unused;
}

__attribute__((noinline)) static void starter(void) {
    start("keeper", keeper, NULL);
    gate_pass(&held);
}

__attribute__((noinline)) static void forker(void) {
    pid_t child = fork();
    if (child == 0) _exit(FINE);
    result = verdict(child);
}

int main(int count, char **words) {
    const struct {
        const char *name;
        void (*function)(void (*)(void));
    } liars[] = {
        {"below", liar_below},           {"same", liar_same},       {"above", liar_above},
        {"unmapped", liar_unmapped},     {"misaligned", liar_misaligned}, {"register", liar_register},
        {"elsewhere", liar_elsewhere},   {"framed", liar_framed},   {"itself", liar_itself},
        {"expression", liar_expression}, {"endless", liar_endless}, {"far", liar_far},
        {"untold", liar_untold},
    };
    gate_make(&held);
    for (size_t i = 0; i < sizeof liars / sizeof *liars; i++) {
        if (count == 2 && is(words[1], liars[i].name)) through = liars[i].function;
    }
    if (!through) broken("no such way");
    for (int time = 0; time < 3; time++) through(pair);
    through(starter);
    through(forker);
    return result;
}
