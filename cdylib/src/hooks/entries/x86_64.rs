//! The entries on x86-64: the return address is on the stack. If the caller's stack is not aligned as the ABI requires, which libc's
//! functions tolerate and compiled code does not, an entry makes an aligned frame.

/// An entry with up to four arguments: jumps to the body, or calls it in an aligned frame where the stack is not aligned.
macro_rules! hand_over {
    () => {
        $crate::hooks::entries::hand_over!("rdi", "rsi", "sil")
    };
    ($a:ident) => {
        $crate::hooks::entries::hand_over!("rsi", "rdx", "dl")
    };
    ($a:ident, $b:ident) => {
        $crate::hooks::entries::hand_over!("rdx", "rcx", "cl")
    };
    ($a:ident, $b:ident, $c:ident) => {
        $crate::hooks::entries::hand_over!("rcx", "r8", "r8b")
    };
    ($a:ident, $b:ident, $c:ident, $d:ident) => {
        $crate::hooks::entries::hand_over!("r8", "r9", "r9b")
    };
    ($return_address:literal, $stack_pointer:literal, $low_byte:literal) => {
        concat!(
            ".cfi_startproc\n",
            "mov ",
            $return_address,
            ", [rsp]\n",
            "lea ",
            $stack_pointer,
            ", [rsp + 8]\n",
            "test ",
            $low_byte,
            ", 15\n",
            "jne 2f\n",
            "jmp {body}\n",
            "2:\n",
            "push rbp\n",
            ".cfi_def_cfa_offset 16\n",
            ".cfi_offset rbp, -16\n",
            "mov rbp, rsp\n",
            ".cfi_def_cfa_register rbp\n",
            "and rsp, -16\n",
            "call {body}\n",
            "leave\n",
            ".cfi_def_cfa rsp, 8\n",
            "ret\n",
            ".cfi_endproc",
        )
    };
}

/// An entry with up to eight arguments, two of them on the stack, whether they were passed or not.
macro_rules! hand_over_all {
    () => {
        concat!(
            ".cfi_startproc\n",
            "push rbp\n",
            ".cfi_def_cfa_offset 16\n",
            ".cfi_offset rbp, -16\n",
            "mov rbp, rsp\n",
            ".cfi_def_cfa_register rbp\n",
            "and rsp, -16\n",
            "lea rax, [rbp + 16]\n",
            "push rax\n",
            "push qword ptr [rbp + 8]\n",
            "push qword ptr [rbp + 24]\n",
            "push qword ptr [rbp + 16]\n",
            // The frame's address is the word at rsp + 24: who walks the stack of a thread that waits does not know its rbp.
            ".cfi_escape 0x0f, 3, 0x77, 24, 0x06\n",
            "call {body}\n",
            "leave\n",
            ".cfi_def_cfa rsp, 8\n",
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
            "push rbp\n",
            ".cfi_def_cfa_offset 16\n",
            ".cfi_offset rbp, -16\n",
            "mov rbp, rsp\n",
            ".cfi_def_cfa_register rbp\n",
            "push rdi\n",
            "push rsi\n",
            "push rdx\n",
            "push rcx\n",
            "push r8\n",
            "push r9\n",
            // The number of vector registers that a variadic call uses.
            "push rax\n",
            "and rsp, -16\n",
            "call {before}\n",
            "mov r11, rax\n",
            "mov rdi, [rbp - 8]\n",
            "mov rsi, [rbp - 16]\n",
            "mov rdx, [rbp - 24]\n",
            "mov rcx, [rbp - 32]\n",
            "mov r8, [rbp - 40]\n",
            "mov r9, [rbp - 48]\n",
            "mov rax, [rbp - 56]\n",
            "leave\n",
            ".cfi_def_cfa rsp, 8\n",
            "jmp r11\n",
            ".cfi_endproc",
        )
    };
}

pub(crate) use {hand_over, hand_over_all, jump_on};
