//! Locks of CPython that have a state of their own (3.13.1 and later), which no call of libc shows: the interpreter calls these functions
//! for the methods of its locks (`system::python_methods`). Hot.
#![expect(unsafe_code, reason = "methods are C functions")]

use super::hand_over;
use crate::state::stack_cache::Caller;
use crate::system::python_methods::{Method, Owner};
use crate::watch::python_lock::{self, Call};

/// What findings call such a call, whichever method it is; texts know that it is Python's.
const CALLED: &str = "sem_wait";

/// Defines methods, and lists them in `METHODS`:
///
/// ```text
/// /// What the method does, in a line.
/// method ITS_PLACE = Owner."name" => |call, caller| BODY;
/// ```
macro_rules! methods {
    ($(
        #[doc = $doc:literal]
        method $place:ident = $owner:ident.$name:literal => $body:path;
    )*) => {
        $(
            #[doc = $doc]
            static $place: Method = {
                #[unsafe(naked)]
                unsafe extern "C-unwind" fn entry() {
                    core::arch::naked_asm!(hand_over!(object, a, b, c), body = sym body)
                }

                extern "C-unwind" fn body(
                    object: usize,
                    a: usize,
                    b: usize,
                    c: usize,
                    return_address: usize,
                    stack_pointer: usize,
                ) -> usize {
                    let caller = Caller { return_address, stack_pointer, function: &CALLED };
                    // SAFETY: the interpreter calls this function only for the method, with these words.
                    let call = unsafe { Call::new(&$place, [object, a, b, c]) };
                    $body(call, caller)
                }

                Method::new(Owner::$owner, $name, entry)
            };
        )*

        /// All of them.
        pub static METHODS: &[&Method] = &[$(&$place),*];
    };
}

methods! {
    /// Takes a lock.
    method ACQUIRE = Lock."acquire" => python_lock::acquire;
    /// Its older name.
    method ACQUIRE_LOCK = Lock."acquire_lock" => python_lock::acquire;
    /// `with lock:` begins.
    method ENTER = Lock."__enter__" => python_lock::acquire;
    /// Releases a lock.
    method RELEASE = Lock."release" => python_lock::release;
    /// Its older name.
    method RELEASE_LOCK = Lock."release_lock" => python_lock::release;
    /// `with lock:` ends.
    method EXIT = Lock."__exit__" => python_lock::release;
    /// Makes a lock anew in a forked child.
    method REINIT = Lock."_at_fork_reinit" => python_lock::remake;
    /// A lock's memory becomes free.
    method DEALLOC = Lock."" => python_lock::remake;
    /// Makes a lock.
    method ALLOCATE = Module."allocate_lock" => python_lock::make;
    /// Its older name.
    method ALLOCATE_OLD = Module."allocate" => python_lock::make;
    /// Takes a recursive lock.
    method RECURSIVE_ACQUIRE = RLock."acquire" => python_lock::acquire;
    /// `with rlock:` begins.
    method RECURSIVE_ENTER = RLock."__enter__" => python_lock::acquire;
    /// Releases a recursive lock.
    method RECURSIVE_RELEASE = RLock."release" => python_lock::release;
    /// `with rlock:` ends.
    method RECURSIVE_EXIT = RLock."__exit__" => python_lock::release;
    /// Releases a recursive lock altogether, to wait for a condition.
    method RECURSIVE_RELEASE_SAVE = RLock."_release_save" => python_lock::release_all;
    /// Takes it again.
    method RECURSIVE_RESTORE = RLock."_acquire_restore" => python_lock::restore;
    /// Asks whether the thread has a recursive lock.
    method RECURSIVE_IS_OWNED = RLock."_is_owned" => python_lock::is_owned;
    /// Makes a recursive lock anew in a forked child.
    method RECURSIVE_REINIT = RLock."_at_fork_reinit" => python_lock::remake;
    /// A recursive lock's memory becomes free.
    method RECURSIVE_DEALLOC = RLock."" => python_lock::remake;
}
