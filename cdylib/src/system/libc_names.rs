//! Our own definitions of the libc functions that the standard library, the unwinder and our crates call. They are hidden:
//! within this library they replace libc's, and no other library sees them.
//!
//! An imported name is bound to the first library that defines it. That may be a sanitizer that is not ready yet, or an
//! allocator; and libc's `open`, `read` and `write` are cancellation points, at which a cancelled thread would leave our code
//! half-way. Every other name is imported, and `scripts/check-hook-paths` lists for each import why it does no harm.
#![expect(unsafe_code, reason = "C functions")]

use core::arch::global_asm;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicI32, Ordering};

use forkwatch_process::system_call::system_call;

use super::environment;
use super::errno;
use super::next_definition::{self, Access, Scope};

/// Defines a hidden name that jumps to a function.
macro_rules! hidden {
    ($name:ident = $function:path) => {
        global_asm!(
            concat!(".hidden ", stringify!($name)),
            concat!(".globl ", stringify!($name)),
            concat!(".type ", stringify!($name), ",@function"),
            concat!(stringify!($name), ":"),
            "jmp {function}",
            function = sym $function,
        );
    };
}

/// System calls as libc offers them: on an error -1, and `errno` is set.
macro_rules! system_calls {
    ($($name:ident = $number:expr;)+) => {
        $(mod $name {
            use core::arch::global_asm;

            unsafe extern "C" fn call(a: usize, b: usize, c: usize, d: usize, e: usize, f: usize) -> isize {
                // SAFETY: the caller's arguments for the function of this name, which are the system call's.
                super::checked(unsafe { super::system_call($number, [a, b, c, d, e, f]) })
            }
            hidden!($name = call);
        })+
    };
}

system_calls! {
    open64 = libc::SYS_open;
    close = libc::SYS_close;
    read = libc::SYS_read;
    write = libc::SYS_write;
    writev = libc::SYS_writev;
    lseek64 = libc::SYS_lseek;
    fstat64 = libc::SYS_fstat;
    stat64 = libc::SYS_stat;
    statx = libc::SYS_statx;
    readlink = libc::SYS_readlink;
    mmap64 = libc::SYS_mmap;
    munmap = libc::SYS_munmap;
    gettid = libc::SYS_gettid;
}

fn checked(result: isize) -> isize {
    const MIN_ERROR: isize = -4095;
    match c_int::try_from(result) {
        Ok(error) if (MIN_ERROR..0).contains(&result) => {
            errno::set(-error);
            -1
        }
        _ => result,
    }
}

/// libc's own functions, even if another library defines the name: they only access libc's own data about threads and the start.
macro_rules! libc_functions {
    ($($name:ident = $symbol:literal;)+) => {
        $(mod $name {
            use core::arch::global_asm;
            use core::ffi::c_void;

            use crate::system::next_definition::Scope;
            use crate::system::real::{no_such_call, real_function};

            real_function!(static REAL = $symbol, Scope::Libc, None, Some(no_such_call));

            unsafe extern "C" fn call(a: usize, b: usize, c: usize) -> usize {
                type Function = unsafe extern "C" fn(usize, usize, usize) -> usize;
                // SAFETY: no function in this list has more arguments, and all are machine words.
                let real = unsafe { core::mem::transmute::<*mut c_void, Function>(REAL.address()) };
                // SAFETY: the caller's own call.
                unsafe { real(a, b, c) }
            }
            hidden!($name = call);
        })+
    };
}

libc_functions! {
    getauxval = c"getauxval";
    pthread_self = c"pthread_self";
    pthread_key_create = c"pthread_key_create";
    pthread_key_delete = c"pthread_key_delete";
    pthread_setspecific = c"pthread_setspecific";
    pthread_attr_init = c"pthread_attr_init";
    pthread_attr_getstacksize = c"pthread_attr_getstacksize";
    abort = c"abort";
}

/// The environment variable of this name, without libc's `getenv`, which a sanitizer may replace.
unsafe extern "C" fn variable(name: *const c_char) -> *const c_char {
    // SAFETY: the caller passes a name, and libc keeps a list of strings that ends with null.
    unsafe {
        let name = CStr::from_ptr(name).to_bytes();
        let mut place = environment::list();
        while !place.is_null() && !(*place).is_null() {
            let text = CStr::from_ptr(*place).to_bytes_with_nul();
            if let Some(value) = text.strip_prefix(name).and_then(|rest| rest.strip_prefix(b"=")) {
                return value.as_ptr().cast::<c_char>();
            }
            place = place.add(1);
        }
    }
    core::ptr::null()
}
hidden!(getenv = variable);

/// `dlsym`, which `redhook` looks its functions up with.
unsafe extern "C" fn next(_handle: *mut c_void, name: *const c_char) -> *mut c_void {
    // SAFETY: the caller passes a name.
    next_definition::find(Scope::Next, Access::Direct, unsafe { CStr::from_ptr(name) }, None)
}
hidden!(dlsym = next);

/// The unwinder uses it to fill a table once. Two threads that fill it at once write the same values.
unsafe extern "C" fn once(control: *mut c_int, routine: extern "C" fn()) -> c_int {
    // SAFETY: the caller's own word, which is only accessed here.
    let done = unsafe { AtomicI32::from_ptr(control) };
    // Acquire and release: a thread that sees the word set sees what the routine wrote.
    if done.load(Ordering::Acquire) == 0 {
        routine();
        done.store(1, Ordering::Release);
    }
    0
}
hidden!(pthread_once = once);

/// The unwinder takes a process for one without threads, and its own `pthread_once` for missing, unless this name exists. It never
/// calls it. Imported, it would be a name of glibc 2.34, where `libpthread` became part of libc.
extern "C" fn no_key() -> c_int {
    libc::ENOSYS
}
hidden!(__pthread_key_create = no_key);

/// The standard library's thread-local values are not destroyed at a thread's end: they hold only memory.
extern "C" fn no_destructor() -> c_int {
    0
}
hidden!(__cxa_thread_atexit_impl = no_destructor);

/// Memory only comes from our own heap (`system::allocator`). The functions that would return libc's memory return none: the
/// standard library only calls them to make file names absolute for its panic message, which is never printed.
extern "C" fn none() -> *mut c_void {
    null_mut()
}
hidden!(malloc = none);
hidden!(realloc = none);
hidden!(free = none);
hidden!(realpath = none);
hidden!(getcwd = none);

/// The standard library shows an error only by its number: libc's texts may be translated, which allocates.
unsafe extern "C" fn no_text(_number: c_int, buffer: *mut c_char, size: usize) -> c_int {
    if size > 0 {
        // SAFETY: the caller's buffer has this many bytes.
        unsafe { buffer.write(0) };
    }
    0
}
hidden!(__xpg_strerror_r = no_text);

// Copies and comparisons, for which the compiler calls these names. All take any alignment.
global_asm!(
    ".pushsection .text.forkwatch_memory,\"ax\",@progbits",
    ".macro forkwatch_function name",
    ".hidden \\name",
    ".globl \\name",
    ".type \\name,@function",
    ".balign 16",
    "\\name:",
    ".endm",
    // Up to 32 bytes with two loads that may overlap, both before the first store; more with the processor's own loop.
    "forkwatch_function memcpy",
    "forkwatch_function memmove",
    "mov rax, rdi",
    "cmp rdx, 16",
    "jb 3f",
    "cmp rdx, 32",
    "ja 2f",
    "movups xmm0, [rsi]",
    "movups xmm1, [rsi + rdx - 16]",
    "movups [rdi], xmm0",
    "movups [rdi + rdx - 16], xmm1",
    "ret",
    "2:",
    // From the end, where the target begins inside the source.
    "mov rcx, rdi",
    "sub rcx, rsi",
    "cmp rcx, rdx",
    "jb 7f",
    "mov rcx, rdx",
    "rep movsb",
    "ret",
    "3:",
    "cmp rdx, 8",
    "jb 4f",
    "mov rcx, [rsi]",
    "mov r8, [rsi + rdx - 8]",
    "mov [rdi], rcx",
    "mov [rdi + rdx - 8], r8",
    "ret",
    "4:",
    "cmp rdx, 4",
    "jb 5f",
    "mov ecx, [rsi]",
    "mov r8d, [rsi + rdx - 4]",
    "mov [rdi], ecx",
    "mov [rdi + rdx - 4], r8d",
    "ret",
    "5:",
    "test rdx, rdx",
    "je 6f",
    // The first, the middle and the last of at most three.
    "movzx ecx, byte ptr [rsi]",
    "movzx r8d, byte ptr [rsi + rdx - 1]",
    "mov r9, rdx",
    "shr r9, 1",
    "movzx r10d, byte ptr [rsi + r9]",
    "mov [rdi], cl",
    "mov [rdi + r9], r10b",
    "mov [rdi + rdx - 1], r8b",
    "6:",
    "ret",
    "7:",
    "cmp rdx, 16",
    "jb 8f",
    "movups xmm0, [rsi + rdx - 16]",
    "movups [rdi + rdx - 16], xmm0",
    "sub rdx, 16",
    "jmp 7b",
    "8:",
    "test rdx, rdx",
    "je 9f",
    "movzx ecx, byte ptr [rsi + rdx - 1]",
    "mov [rdi + rdx - 1], cl",
    "dec rdx",
    "jmp 8b",
    "9:",
    "ret",
    "forkwatch_function memset",
    "mov r8, rdi",
    "mov eax, esi",
    "mov rcx, rdx",
    "rep stosb",
    "mov rax, r8",
    "ret",
    "forkwatch_function memcmp",
    "forkwatch_function bcmp",
    "xor ecx, ecx",
    "2:",
    "lea r8, [rcx + 8]",
    "cmp r8, rdx",
    "ja 3f",
    "mov rax, [rdi + rcx]",
    "cmp rax, [rsi + rcx]",
    "jne 3f",
    "mov rcx, r8",
    "jmp 2b",
    "3:",
    "cmp rcx, rdx",
    "je 4f",
    "movzx eax, byte ptr [rdi + rcx]",
    "movzx r8d, byte ptr [rsi + rcx]",
    "inc rcx",
    "sub eax, r8d",
    "je 3b",
    "ret",
    "4:",
    "xor eax, eax",
    "ret",
    "forkwatch_function strlen",
    "mov rax, rdi",
    "2:",
    "cmp byte ptr [rax], 0",
    "je 3f",
    "inc rax",
    "jmp 2b",
    "3:",
    "sub rax, rdi",
    "ret",
    ".purgem forkwatch_function",
    ".popsection",
);
