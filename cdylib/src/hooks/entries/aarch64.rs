//! The entries on aarch64: the return address is in `x30`. Each entry begins with a landing pad (`bti c`) and saves `x29` and `x30` in a
//! frame, so that the return address lies just below the caller's stack pointer, as on x86-64: much later code finds it there.
//! The stack is always aligned, because the processor insists on it.

/// An entry with up to four arguments: calls the body.
macro_rules! hand_over {
    () => {
        $crate::hooks::entries::hand_over!("x0", "x1")
    };
    ($a:ident) => {
        $crate::hooks::entries::hand_over!("x1", "x2")
    };
    ($a:ident, $b:ident) => {
        $crate::hooks::entries::hand_over!("x2", "x3")
    };
    ($a:ident, $b:ident, $c:ident) => {
        $crate::hooks::entries::hand_over!("x3", "x4")
    };
    ($a:ident, $b:ident, $c:ident, $d:ident) => {
        $crate::hooks::entries::hand_over!("x4", "x5")
    };
    ($return_address:literal, $stack_pointer:literal) => {
        concat!(
            ".cfi_startproc\n",
            "hint #34\n",
            "stp x29, x30, [sp, #-16]!\n",
            ".cfi_def_cfa_offset 16\n",
            ".cfi_offset x29, -16\n",
            ".cfi_offset x30, -8\n",
            "mov x29, sp\n",
            "mov ",
            $return_address,
            ", x30\n",
            "add ",
            $stack_pointer,
            ", sp, #16\n",
            "bl {body}\n",
            "ldp x29, x30, [sp], #16\n",
            ".cfi_def_cfa_offset 0\n",
            ".cfi_restore x29\n",
            ".cfi_restore x30\n",
            "ret\n",
            ".cfi_endproc",
        )
    };
}

/// An entry with up to eight arguments, all in registers; what follows them goes to the stack.
macro_rules! hand_over_all {
    () => {
        concat!(
            ".cfi_startproc\n",
            "hint #34\n",
            "stp x29, x30, [sp, #-16]!\n",
            ".cfi_def_cfa_offset 16\n",
            ".cfi_offset x29, -16\n",
            ".cfi_offset x30, -8\n",
            "mov x29, sp\n",
            ".cfi_def_cfa_register x29\n",
            "add x9, sp, #16\n",
            "stp x30, x9, [sp, #-16]!\n",
            "bl {body}\n",
            "mov sp, x29\n",
            "ldp x29, x30, [sp], #16\n",
            ".cfi_def_cfa sp, 0\n",
            ".cfi_restore x29\n",
            ".cfi_restore x30\n",
            "ret\n",
            ".cfi_endproc",
        )
    };
}

/// An entry that calls `before`, restores every register that may hold an argument, and jumps to the address it got.
macro_rules! jump_on {
    () => {
        concat!(
            ".cfi_startproc\n",
            "hint #34\n",
            "stp x29, x30, [sp, #-16]!\n",
            ".cfi_def_cfa_offset 16\n",
            ".cfi_offset x29, -16\n",
            ".cfi_offset x30, -8\n",
            "mov x29, sp\n",
            ".cfi_def_cfa_register x29\n",
            "stp x0, x1, [sp, #-80]!\n",
            "stp x2, x3, [sp, #16]\n",
            "stp x4, x5, [sp, #32]\n",
            "stp x6, x7, [sp, #48]\n",
            // Where a large result goes.
            "str x8, [sp, #64]\n",
            "bl {before}\n",
            "mov x16, x0\n",
            "ldp x2, x3, [sp, #16]\n",
            "ldp x4, x5, [sp, #32]\n",
            "ldp x6, x7, [sp, #48]\n",
            "ldr x8, [sp, #64]\n",
            "ldp x0, x1, [sp]\n",
            "mov sp, x29\n",
            "ldp x29, x30, [sp], #16\n",
            ".cfi_def_cfa sp, 0\n",
            ".cfi_restore x29\n",
            ".cfi_restore x30\n",
            // Through x16, a jump lands where a call may.
            "br x16\n",
            ".cfi_endproc",
        )
    };
}

pub(crate) use {hand_over, hand_over_all, jump_on};
