//! Which calls reach us: one row a function, in the file of its family.
//!
//! * Hot functions (locks) are rows of [`hot_hooks`]: a naked entry hands the caller's return address and stack pointer to
//!   the Rust body, which costs two instructions and no frame.
//! * Cold functions are declared with `redhook`'s `hook!`.
//!
//! A body never keeps a value with a destructor alive across the real call: a cancelled thread unwinds through it.

mod at_fork;
mod barrier;
mod condition;
mod exec;
mod exit;
mod fork;
mod libc_regions;
mod mutex;
mod resolver;
mod rwlock;
mod semaphore;
mod spinlock;
mod static_guard;
mod syscall;
mod syslog;
mod thread;

/// Defines hot hooks. A row is `hook NAME(ARGUMENTS) = body(EXTRA...);`, where the body is a function of this shape:
/// `fn body(EXTRA..., ARGUMENTS..., caller: Caller, real: impl FnOnce() -> c_int) -> c_int`.
///
/// Arguments are passed as the machine words they came in. `version "V"` before `=` asks for one version of the symbol.
macro_rules! hot_hooks {
    ($(hook $name:ident($($argument:ident),+) $(version $version:literal)? = $body:ident($($extra:expr),*);)+) => {
        $(
            const _: () = {
                use core::ffi::{c_int, c_void};

                use $crate::state::stack_cache::Caller;
                use $crate::system::real::Real;

                static REAL: Real = $crate::hooks::real_place!($name $(, $version)?);

                /// The body behind the naked entry.
                extern "C-unwind" fn body(
                    $($argument: usize,)+
                    return_address: usize,
                    stack_pointer: usize,
                ) -> c_int {
                    let real = REAL.known_address();
                    if real.is_null() {
                        return body_at_first($($argument,)+ return_address, stack_pointer);
                    }
                    // SAFETY: the address is that of the function of this name, whose arguments are all machine words or
                    // smaller, and passed on as they came.
                    let real = unsafe {
                        core::mem::transmute::<
                            *mut c_void,
                            unsafe extern "C-unwind" fn($($crate::hooks::word!($argument)),+) -> c_int,
                        >(real)
                    };
                    let caller = Caller { return_address, stack_pointer, function: &stringify!($name) };
                    // By value, so that a body which hands it on keeps nothing on its stack for it.
                    $body($($extra,)* $($argument,)+ caller, move || {
                        // SAFETY: the program made this very call.
                        unsafe { real($($argument),+) }
                    })
                }

                #[cold]
                #[inline(never)]
                extern "C-unwind" fn body_at_first(
                    $($argument: usize,)+
                    return_address: usize,
                    stack_pointer: usize,
                ) -> c_int {
                    // A guard of a static lies in the library that uses it, while a tail call returns elsewhere.
                    let [first, ..] = [$($argument),+];
                    if REAL.address_for(first, return_address).is_null() {
                        return $crate::hooks::missing();
                    }
                    body($($argument,)+ return_address, stack_pointer)
                }

                #[unsafe(naked)]
                #[unsafe(no_mangle)]
                unsafe extern "C-unwind" fn $name() {
                    core::arch::naked_asm!(
                        $crate::hooks::hand_over!($($argument),+),
                        "jmp {body}",
                        body = sym body,
                    )
                }
            };
        )+
    };
}

/// The instructions that put the return address and the stack pointer behind the arguments.
macro_rules! hand_over {
    () => {
        "mov rdi, [rsp]\nlea rsi, [rsp + 8]"
    };
    ($a:ident) => {
        "mov rsi, [rsp]\nlea rdx, [rsp + 8]"
    };
    ($a:ident, $b:ident) => {
        "mov rdx, [rsp]\nlea rcx, [rsp + 8]"
    };
    ($a:ident, $b:ident, $c:ident) => {
        "mov rcx, [rsp]\nlea r8, [rsp + 8]"
    };
    ($a:ident, $b:ident, $c:ident, $d:ident) => {
        "mov r8, [rsp]\nlea r9, [rsp + 8]"
    };
}

/// The place of the real function, of one version where a version is given.
macro_rules! real_place {
    ($name:ident) => {
        $crate::system::real::Real::new($crate::hooks::c_name!($name))
    };
    ($name:ident, $version:literal) => {
        $crate::system::real::Real::versioned($crate::hooks::c_name!($name), $crate::hooks::c_text!($version))
    };
}

/// A name as a C string.
macro_rules! c_name {
    ($name:ident) => {
        $crate::hooks::c_text!(stringify!($name))
    };
}

/// A text as a C string.
macro_rules! c_text {
    ($text:expr) => {
        match core::ffi::CStr::from_bytes_with_nul(concat!($text, "\0").as_bytes()) {
            Ok(text) => text,
            Err(_) => c"",
        }
    };
}

/// The type of an argument: a machine word.
macro_rules! word {
    ($argument:ident) => {
        usize
    };
}

use {c_name, c_text, hand_over, hot_hooks, real_place, word};

/// What a function that the running libc does not have returns: "not supported", never a lock that was not taken.
#[cold]
fn missing() -> core::ffi::c_int {
    libc::ENOSYS
}
