//! The list of arguments on aarch64: the arguments on the stack, the ends of two save areas, and how far before these ends the next
//! argument stands. It is passed by reference.

/// Gathers the arguments behind the named ones, which are the first of eight in registers, and passes the list after the named ones,
/// and then the return address and the caller's stack pointer.
macro_rules! with_list {
    (2 named) => {
        $crate::hooks::syslog::with_list!("-48", "x2", "x3", "x4")
    };
    (3 named) => {
        $crate::hooks::syslog::with_list!("-40", "x3", "x4", "x5")
    };
    ($left:literal, $list:literal, $return_address:literal, $stack_pointer:literal) => {
        concat!(
            ".cfi_startproc\n",
            "hint #34\n",
            "adrp x16, {next}\n",
            "add x16, x16, :lo12:{next}\n",
            "ldr x16, [x16, {address}]\n",
            "adrp x17, {libc}\n",
            "add x17, x17, :lo12:{libc}\n",
            "ldr x17, [x17, {address}]\n",
            "cmp x16, x17\n",
            "b.eq 3f\n",
            "br x16\n",
            "3:\n",
            "stp x29, x30, [sp, #-16]!\n",
            ".cfi_def_cfa_offset 16\n",
            ".cfi_offset x29, -16\n",
            ".cfi_offset x30, -8\n",
            "mov x29, sp\n",
            ".cfi_def_cfa_register x29\n",
            "sub sp, sp, #224\n",
            "stp x0, x1, [sp, #32]\n",
            "stp x2, x3, [sp, #48]\n",
            "stp x4, x5, [sp, #64]\n",
            "stp x6, x7, [sp, #80]\n",
            "stp q0, q1, [sp, #96]\n",
            "stp q2, q3, [sp, #128]\n",
            "stp q4, q5, [sp, #160]\n",
            "stp q6, q7, [sp, #192]\n",
            "add x9, x29, #16\n",
            "add x10, sp, #96\n",
            "add x11, sp, #224\n",
            "stp x9, x10, [sp]\n",
            "mov w12, #",
            $left,
            "\n",
            "mov w13, #-128\n",
            "str x11, [sp, #16]\n",
            "stp w12, w13, [sp, #24]\n",
            "mov ",
            $list,
            ", sp\n",
            "mov ",
            $return_address,
            ", x30\n",
            "mov ",
            $stack_pointer,
            ", x9\n",
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

pub(crate) use with_list;
