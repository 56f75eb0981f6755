//! The list of arguments on x86-64: two offsets, the arguments on the stack, the save area.

/// Gathers the arguments behind the named ones, which are the first of six in registers, and passes the list after the named ones,
/// and then the return address and the caller's stack pointer.
macro_rules! with_list {
    (2 named) => {
        $crate::hooks::syslog::with_list!("16", "rdx", "rcx", "r8")
    };
    (3 named) => {
        $crate::hooks::syslog::with_list!("24", "rcx", "r8", "r9")
    };
    ($named:literal, $list:literal, $after:literal, $last:literal) => {
        concat!(
            ".cfi_startproc\n",
            "mov r11, [rip + {next} + {address}]\n",
            "cmp r11, [rip + {libc} + {address}]\n",
            "je 3f\n",
            "jmp r11\n",
            "3:\n",
            "push rbp\n",
            ".cfi_def_cfa_offset 16\n",
            ".cfi_offset rbp, -16\n",
            "mov rbp, rsp\n",
            ".cfi_def_cfa_register rbp\n",
            "sub rsp, 208\n",
            "and rsp, -16\n",
            "mov [rsp], rdi\n",
            "mov [rsp + 8], rsi\n",
            "mov [rsp + 16], rdx\n",
            "mov [rsp + 24], rcx\n",
            "mov [rsp + 32], r8\n",
            "mov [rsp + 40], r9\n",
            "test al, al\n",
            "je 2f\n",
            "movups [rsp + 48], xmm0\n",
            "movups [rsp + 64], xmm1\n",
            "movups [rsp + 80], xmm2\n",
            "movups [rsp + 96], xmm3\n",
            "movups [rsp + 112], xmm4\n",
            "movups [rsp + 128], xmm5\n",
            "movups [rsp + 144], xmm6\n",
            "movups [rsp + 160], xmm7\n",
            "2:\n",
            "mov dword ptr [rsp + 176], ",
            $named,
            "\n",
            "mov dword ptr [rsp + 180], 48\n",
            "lea r10, [rbp + 16]\n",
            "mov [rsp + 184], r10\n",
            "mov [rsp + 192], rsp\n",
            "lea ",
            $list,
            ", [rsp + 176]\n",
            "mov ",
            $after,
            ", [rbp + 8]\n",
            "lea ",
            $last,
            ", [rbp + 16]\n",
            "call {body}\n",
            "leave\n",
            ".cfi_def_cfa rsp, 8\n",
            "ret\n",
            ".cfi_endproc",
        )
    };
}

pub(crate) use with_list;
