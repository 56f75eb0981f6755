//! The exec family: in a forked child, the end of all danger. Each entry keeps the arguments where they are, of which there may
//! be any number, tells the name of the program, and jumps on.
#![expect(unsafe_code, reason = "hooks are C functions")]

use core::ffi::c_int;

use crate::watch::child::{self, Program};

/// Defines the hooks. A row is `hook NAME(HOW)`, where `HOW` says what the first argument names the program by.
macro_rules! exec_hooks {
    ($(hook $name:ident($how:ident);)+) => {
        $(
            const _: () = {
                static REAL: crate::system::real::Real = crate::hooks::real_place!($name);

                /// Gives the address to jump to.
                extern "C" fn before(first: usize, second: usize) -> usize {
                    // In the child of a `vfork` nothing of ours is touched but errno, which is kept.
                    if child::is_watched() {
                        child::executes($how(first, second));
                    }
                    let real = REAL.address() as usize;
                    if real == 0 { missing as *const () as usize } else { real }
                }

                #[unsafe(naked)]
                #[unsafe(no_mangle)]
                unsafe extern "C" fn $name() {
                    core::arch::naked_asm!(
                        "push rdi",
                        "push rsi",
                        "push rdx",
                        "push rcx",
                        "push r8",
                        "push r9",
                        // The number of vector registers that a variadic call uses.
                        "push rax",
                        "call {before}",
                        "mov r11, rax",
                        "pop rax",
                        "pop r9",
                        "pop r8",
                        "pop rcx",
                        "pop rdx",
                        "pop rsi",
                        "pop rdi",
                        "jmp r11",
                        before = sym before,
                    )
                }
            };
        )+
    };
}

exec_hooks! {
    hook execve(path);
    hook execv(path);
    hook execvp(name);
    hook execvpe(name);
    hook execl(path);
    hook execlp(name);
    hook execle(path);
    hook fexecve(descriptor);
    hook execveat(second_path);
}

fn path(first: usize, _second: usize) -> Program {
    Program::Path(first)
}

fn second_path(_first: usize, second: usize) -> Program {
    Program::Path(second)
}

fn name(first: usize, _second: usize) -> Program {
    Program::Name(first)
}

fn descriptor(first: usize, _second: usize) -> Program {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "an int: only the low half of the register is its own"
    )]
    Program::Descriptor(first as c_int)
}

/// In place of a function that the running libc does not have.
extern "C" fn missing() -> c_int {
    crate::system::errno::set(libc::ENOSYS);
    -1
}
