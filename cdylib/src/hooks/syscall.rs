//! `syscall`: handles calls that fork, wait on a futex, execute a program, end the process or install a seccomp filter. All others
//! jump on unchanged.
#![expect(unsafe_code, reason = "hooks are C functions")]

use core::ffi::{c_int, c_long, c_void};

use forkwatch_process::memory::ProcessMemory;

use super::fork::copies_memory;
use super::sandbox::{filter_by_prctl, filter_by_seccomp};
use super::{hand_over_all, hooks};
use crate::state::fork_call::{ForkCall, ForkFunction};
use crate::state::takers;
use crate::system::libc_threads;
use crate::system::next_definition::Scope;
use crate::system::real::{Real, no_such_call, real_function};
use crate::watch::at_exit;
use crate::watch::child::{self, Program};
use crate::watch::fork::without_handlers;
use crate::watch::sandbox;

hooks! {
    /// Makes any system call.
    entry hook syscall;
}

real_function!(static SYSCALL = c"syscall", Scope::Next, None, Some(no_such_call));

static BY_NUMBER: ForkFunction = ForkFunction {
    name: "syscall",
    returns: true,
};

type Syscall = unsafe extern "C-unwind" fn(c_long, usize, usize, usize, usize, usize, usize) -> c_long;

/// `syscall`.
///
/// # Safety
/// As the real one.
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn syscall() {
    core::arch::naked_asm!(
        "cmp edi, {fork}",
        "je {looked_at}",
        "cmp edi, {clone}",
        "je {looked_at}",
        "cmp edi, {clone3}",
        "je {looked_at}",
        "cmp edi, {futex}",
        "je {looked_at}",
        "cmp edi, {execve}",
        "je {looked_at}",
        "cmp edi, {execveat}",
        "je {looked_at}",
        "cmp edi, {exit_group}",
        "je {looked_at}",
        "cmp edi, {prctl}",
        "je {looked_at}",
        "cmp edi, {seccomp}",
        "je {looked_at}",
        "mov rax, qword ptr [rip + {real} + {address}]",
        // Before the library has started.
        "test rax, rax",
        "je {looked_at}",
        "jmp rax",
        fork = const libc::SYS_fork,
        clone = const libc::SYS_clone,
        clone3 = const libc::SYS_clone3,
        futex = const libc::SYS_futex,
        execve = const libc::SYS_execve,
        execveat = const libc::SYS_execveat,
        exit_group = const libc::SYS_exit_group,
        prctl = const libc::SYS_prctl,
        seccomp = const libc::SYS_seccomp,
        real = sym SYSCALL,
        address = const Real::ADDRESS,
        looked_at = sym enter,
    )
}

/// `syscall`.
///
/// # Safety
/// As the real one.
#[cfg(target_arch = "aarch64")]
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn syscall() {
    core::arch::naked_asm!(
        ".cfi_startproc",
        "hint #34",
        "cmp w0, {clone}",
        "b.eq 2f",
        "cmp w0, {clone3}",
        "b.eq 2f",
        "cmp w0, {futex}",
        "b.eq 2f",
        "cmp w0, {execve}",
        "b.eq 2f",
        "cmp w0, {execveat}",
        "b.eq 2f",
        "cmp w0, {exit_group}",
        "b.eq 2f",
        "cmp w0, {prctl}",
        "b.eq 2f",
        "cmp w0, {seccomp}",
        "b.eq 2f",
        "adrp x16, {real}",
        "add x16, x16, :lo12:{real}",
        "ldr x16, [x16, {address}]",
        // Before the library has started.
        "cbz x16, 2f",
        "br x16",
        "2:",
        "b {looked_at}",
        ".cfi_endproc",
        clone = const libc::SYS_clone,
        clone3 = const libc::SYS_clone3,
        futex = const libc::SYS_futex,
        execve = const libc::SYS_execve,
        execveat = const libc::SYS_execveat,
        exit_group = const libc::SYS_exit_group,
        prctl = const libc::SYS_prctl,
        seccomp = const libc::SYS_seccomp,
        real = sym SYSCALL,
        address = const Real::ADDRESS,
        looked_at = sym enter,
    )
}

#[unsafe(naked)]
unsafe extern "C-unwind" fn enter() {
    core::arch::naked_asm!(hand_over_all!(), body = sym looked_at)
}

/// The arguments lie where the caller put them: in registers and, of x86-64's seven, the last on the stack, whether it was passed or not.
unsafe extern "C-unwind" fn looked_at(
    number: c_long,
    first: usize,
    second: usize,
    third: usize,
    fourth: usize,
    fifth: usize,
    sixth: usize,
    _eighth: usize,
    _return_address: usize,
    stack_pointer: usize,
) -> c_long {
    // SAFETY: libc has `syscall`, which takes its arguments this way.
    let real = unsafe { core::mem::transmute::<*mut c_void, Syscall>(SYSCALL.address()) };
    // SAFETY: the program's own call.
    let real = || unsafe { real(number, first, second, third, fourth, fifth, sixth) };
    let filter = match number {
        libc::SYS_prctl => filter_by_prctl(first, second, third),
        libc::SYS_seccomp => filter_by_seccomp(first, third),
        _ => None,
    };
    if let Some(filter) = filter {
        return sandbox::install(filter, real, |result| result < 0);
    }
    if !forks(number, first, second) {
        before(number, [first, second, third, fourth]);
        return real();
    }
    let call = ForkCall {
        function: &BY_NUMBER,
        stack_pointer,
    };
    // A child's id fits: the kernel's type is an int.
    c_long::from(without_handlers(call, || c_int::try_from(real()).unwrap_or(-1)))
}

/// Before a call that does not fork.
fn before(number: c_long, arguments: [usize; 4]) {
    const COMMAND: usize = 0x7f;
    if number == libc::SYS_futex && arguments[1] & COMMAND == libc::FUTEX_WAKE as usize {
        takers::tell();
    }
    if !child::is_watched() {
        return;
    }
    let [first, second, ..] = arguments;
    match number {
        libc::SYS_futex => child::futex(arguments, core::ptr::from_ref(&arguments) as usize),
        libc::SYS_execve => child::executes(Program::Path(first)),
        libc::SYS_execveat => child::executes(Program::Path(second)),
        libc::SYS_exit_group => at_exit::process_ends(),
        _ => {}
    }
}

/// Whether this call copies the process, and both processes return from it.
fn forks(number: c_long, first: usize, second: usize) -> bool {
    match number {
        #[cfg(target_arch = "x86_64")]
        libc::SYS_fork => true,
        // A child with a stack of its own would not return here.
        libc::SYS_clone => flags_fork(first as u64) && second == 0,
        libc::SYS_clone3 => clone3_forks(first),
        _ => false,
    }
}

fn flags_fork(flags: u64) -> bool {
    // The flags that decide lie in the low half, as `clone` itself takes them.
    let flags = c_int::try_from(flags & 0x7fff_ffff).unwrap_or(0);
    if flags & libc::CLONE_THREAD != 0 {
        libc_threads::note_one_around_libc();
    }
    copies_memory(flags)
}

fn clone3_forks(arguments: usize) -> bool {
    // `struct clone_args`: flags first, the stack sixth.
    let mut fields = [[0_u8; 8]; 6];
    if !ProcessMemory::own().read(arguments, fields.as_flattened_mut()) {
        return false;
    }
    let [flags, .., stack] = fields.map(u64::from_ne_bytes);
    flags_fork(flags) && stack == 0
}
