//! Our own definitions of the libc functions that the standard library, the unwinder and our crates call. They are hidden:
//! within this library they replace libc's, and no other library sees them.
//!
//! An imported name is bound to the first library that defines it. That may be a sanitizer that is not ready yet, or an
//! allocator; and libc's `open`, `read` and `write` are cancellation points, at which a cancelled thread would leave our code
//! half-way. Every other name is imported, and `scripts/check-hook-paths` lists for each import why it does no harm.
#![expect(unsafe_code, reason = "C functions")]

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "x86_64")]
mod x86_64;

use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicI32, Ordering};

use forkwatch_process::system_call::system_call;

use super::environment;
use super::errno;
use super::hidden_name::hidden;
use super::next_definition::{self, Access, Scope};

/// System calls as libc offers them: on an error -1, and `errno` is set.
macro_rules! system_calls {
    ($($name:ident = $number:expr;)+) => {
        $(mod $name {
            use crate::system::hidden_name::hidden;

            unsafe extern "C" fn call(a: usize, b: usize, c: usize, d: usize, e: usize, f: usize) -> isize {
                // SAFETY: the caller's arguments for the function of this name, which are the system call's.
                super::checked(unsafe { super::system_call($number, [a, b, c, d, e, f]) })
            }
            hidden!($name = call);
        })+
    };
}

system_calls! {
    close = libc::SYS_close;
    read = libc::SYS_read;
    lseek64 = libc::SYS_lseek;
    fstat64 = libc::SYS_fstat;
    statx = libc::SYS_statx;
    mmap64 = libc::SYS_mmap;
    munmap = libc::SYS_munmap;
    gettid = libc::SYS_gettid;
}

/// System calls with a path, which newer processors only have relative to a folder: here the working directory.
macro_rules! calls_with_a_path {
    ($($name:ident = $number:expr;)+) => {
        $(mod $name {
            use crate::system::hidden_name::hidden;

            unsafe extern "C" fn call(path: usize, b: usize, c: usize) -> isize {
                let folder = libc::AT_FDCWD.cast_unsigned() as usize;
                // SAFETY: the caller's arguments for the function of this name, which are the system call's; it ignores further ones.
                super::checked(unsafe { super::system_call($number, [folder, path, b, c, 0, 0]) })
            }
            hidden!($name = call);
        })+
    };
}

calls_with_a_path! {
    open64 = libc::SYS_openat;
    stat64 = libc::SYS_newfstatat;
    readlink = libc::SYS_readlinkat;
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
            use core::ffi::c_void;

            use crate::system::hidden_name::hidden;
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

/// Where a thread has a variable: the dynamic linker's own function, from whichever file the linker is. Imported, it would name that file
/// as needed, and another libc's linker does not find it.
#[cfg(target_arch = "x86_64")]
mod thread_variable {
    use core::ffi::c_void;

    use crate::system::hidden_name::hidden;
    use crate::system::next_definition::Scope;
    use crate::system::real::{nothing, real_function};

    real_function!(static REAL = c"__tls_get_addr", Scope::All, None, Some(nothing));

    unsafe extern "C" fn call(index: usize) -> usize {
        // SAFETY: the function has this type (the ABI for thread-local storage).
        let real = unsafe { core::mem::transmute::<*mut c_void, unsafe extern "C" fn(usize) -> usize>(REAL.address()) };
        // SAFETY: the caller's own call.
        unsafe { real(index) }
    }
    hidden!(__tls_get_addr = call);
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
