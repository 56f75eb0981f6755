/* A preload library that takes the place of the calls that forkwatch hooks, and goes on to the next definition of each, with one
 * jump. Nothing that interposes them can cost less. The names stand in passthrough_calls.h, a line `PASS(name)` each. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>

#ifndef __x86_64__
#error "the jump is written for x86-64"
#endif

/* A call's slot holds the way to its own first call, which fills it. */
#define PASS(name)                                                                                      \
    __asm__(".text\n.globl " #name "\n.type " #name ", @function\n.p2align 4\n" #name ":\n"             \
            "  jmp *slot_" #name "(%rip)\n"                                                             \
            "first_" #name ":\n"                                                                        \
            "  lea slot_" #name "(%rip), %r11\n  lea name_" #name "(%rip), %r10\n  jmp first_call\n"    \
            ".size " #name ", . - " #name "\n"                                                          \
            ".section .rodata\nname_" #name ": .asciz \"" #name "\"\n"                                  \
            ".data\n.p2align 3\nslot_" #name ": .quad first_" #name "\n.text\n");
#include "passthrough_calls.h"

/* The arguments, those on the stack and those in vector registers too, reach the real function as they came. */
__asm__(".text\nfirst_call:\n"
        "  push %rdi\n  push %rsi\n  push %rdx\n  push %rcx\n  push %r8\n  push %r9\n  push %rax\n  push %r11\n"
        "  sub $136, %rsp\n"
        "  movups %xmm0, (%rsp)\n  movups %xmm1, 16(%rsp)\n  movups %xmm2, 32(%rsp)\n  movups %xmm3, 48(%rsp)\n"
        "  movups %xmm4, 64(%rsp)\n  movups %xmm5, 80(%rsp)\n  movups %xmm6, 96(%rsp)\n  movups %xmm7, 112(%rsp)\n"
        "  mov %r11, %rdi\n  mov %r10, %rsi\n  call fill\n"
        "  movups (%rsp), %xmm0\n  movups 16(%rsp), %xmm1\n  movups 32(%rsp), %xmm2\n  movups 48(%rsp), %xmm3\n"
        "  movups 64(%rsp), %xmm4\n  movups 80(%rsp), %xmm5\n  movups 96(%rsp), %xmm6\n  movups 112(%rsp), %xmm7\n"
        "  add $136, %rsp\n"
        "  pop %r11\n  pop %rax\n  pop %r9\n  pop %r8\n  pop %rcx\n  pop %rdx\n  pop %rsi\n  pop %rdi\n"
        "  jmp *(%r11)\n");

__attribute__((used, visibility("hidden"))) void fill(void **slot, const char *name) {
    void *next = dlsym(RTLD_NEXT, name);
    if (next == NULL) abort();
    *slot = next;
}
