//! Builtin methods of CPython for which the interpreter calls our functions, which call its own. It has the addresses of its functions in
//! tables that it never writes to again and reads at each call, so a new address there is all that changes: no object, no code, and
//! nothing that a program could see.
#![expect(
    unsafe_code,
    reason = "writes to the interpreter's tables, and reads arguments in place"
)]

use core::ffi::{c_int, c_long, c_void};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};

use forkwatch_process::cpython::{Builtin, Objects, Pages};
use forkwatch_process::memory::ProcessMemory;
use forkwatch_process::modules::Modules;
use once_cell::race::OnceBox;

use super::python::{self, Python};

/// How C functions of methods are called (`METH_*` of `methodobject.h`).
const ARGUMENTS_IN_TUPLE: i32 = 1;
const KEYWORDS: i32 = 2;
const NO_ARGUMENTS: i32 = 4;
const ONE_ARGUMENT: i32 = 8;
const ARGUMENTS_IN_ARRAY: i32 = 0x80;
/// A destructor is called with the object alone.
const DESTRUCTOR: i32 = NO_ARGUMENTS;
/// Types: `tp_dealloc`. Tuples: the number of their items. Both in builds with an interpreter lock.
const DESTRUCTOR_OF_TYPE: usize = 48;
const SIZE: usize = 16;

/// Relaxed: one exchange wins.
static HAVE_TRIED: AtomicBool = AtomicBool::new(false);
static KNOWN: OnceBox<Known> = OnceBox::new();

/// Objects that are arguments and results, and where arguments are. None of them is looked into: what is not known is only compared.
#[derive(Debug)]
struct Known {
    yes: usize,
    no: usize,
    zero: usize,
    one: usize,
    /// Where a tuple has its first item, in bytes from its beginning.
    items: usize,
    /// Where it has the number of them.
    count_of_items: usize,
    next_entry: NextEntry,
}

/// `PyDict_Next`: the dictionary, the place to go on from, and where to write the key and the value.
type NextEntry = unsafe extern "C" fn(*mut c_void, *mut isize, *mut *mut c_void, *mut *mut c_void) -> c_int;

/// What has the method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The locks of `threading.Lock`.
    Lock,
    /// The locks of `threading.RLock`.
    RLock,
    /// The module `_thread`.
    Module,
}

/// A method, and our function for it.
#[derive(Debug)]
pub struct Method {
    owner: Owner,
    /// Empty for the destructor.
    name: &'static str,
    entry: unsafe extern "C-unwind" fn(),
    /// The interpreter's own function. Release, before ours is called; pairs with nothing but the interpreter's own read of its table,
    /// behind which our function finds it.
    function: AtomicUsize,
    /// How it is called. Relaxed: written before `function`.
    flags: AtomicI32,
}

/// A C function of a method: the object and up to three more words.
type Function = unsafe extern "C-unwind" fn(usize, usize, usize, usize) -> usize;

/// How long a call of `acquire` waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Until it has the lock.
    Forever,
    /// Until a time-out, as far as known.
    Bounded,
    /// Not at all.
    Never,
}

impl Method {
    /// Of this owner, with this name.
    pub const fn new(owner: Owner, name: &'static str, entry: unsafe extern "C-unwind" fn()) -> Self {
        Self {
            owner,
            name,
            entry,
            function: AtomicUsize::new(0),
            flags: AtomicI32::new(0),
        }
    }

    /// Whether it is one of a lock that its holder may take again.
    pub fn is_of_recursive(&self) -> bool {
        self.owner == Owner::RLock
    }

    /// Calls the interpreter's own function with these words, and returns what it returns: an object, or null for an exception.
    ///
    /// # Safety
    /// The interpreter made this very call.
    #[inline(always)]
    pub unsafe fn call(&self, [object, a, b, c]: [usize; 4]) -> usize {
        // Relaxed: see the field.
        let function = self.function.load(Ordering::Relaxed);
        // SAFETY: the word was set before the interpreter was given our function, to its own, which takes no more than these words.
        let function = unsafe { core::mem::transmute::<usize, Function>(function) };
        // SAFETY: the caller's promise.
        unsafe { function(object, a, b, c) }
    }

    /// How long a call of `acquire` with these words waits.
    ///
    /// # Safety
    /// The interpreter made this very call.
    #[inline(always)]
    pub unsafe fn patience(&self, words: [usize; 4]) -> Patience {
        // Relaxed: see the field.
        let flags = self.flags.load(Ordering::Relaxed);
        // SAFETY: the flags say what the words are, and the caller promises that they are that.
        unsafe {
            match flags {
                NO_ARGUMENTS => Patience::Forever,
                _ if flags == ARGUMENTS_IN_ARRAY | KEYWORDS => of_array(words),
                _ if flags == ARGUMENTS_IN_TUPLE | KEYWORDS => of_tuple(words),
                _ => Patience::Bounded,
            }
        }
    }
}

/// The number of items of a tuple; 0 where it is not known where tuples have it.
///
/// # Safety
/// It is a tuple, or null.
unsafe fn count(tuple: usize) -> usize {
    match KNOWN.get() {
        // SAFETY: the caller's promise.
        Some(known) if tuple != 0 => unsafe { word(tuple + known.count_of_items) },
        _ => 0,
    }
}

unsafe fn of_array([_, arguments, number, keywords]: [usize; 4]) -> Patience {
    /// A bit of the count says something about the array.
    const COUNT: usize = usize::MAX >> 1;
    // SAFETY: the caller's promise: `keywords` is a tuple or null, and the array has an item for each.
    unsafe {
        match (number & COUNT, count(keywords)) {
            (0, 0) => Patience::Forever,
            (0, 1) => of_named(word(arguments)),
            (number, named) => of_first(word(arguments), number + named),
        }
    }
}

unsafe fn of_tuple([_, arguments, keywords, _]: [usize; 4]) -> Patience {
    // SAFETY: the caller's promise: `arguments` is a tuple, `keywords` a dictionary or null.
    let count = unsafe { count(arguments) };
    match (count, keywords) {
        (0, 0) => Patience::Forever,
        (0, _) => {
            // SAFETY: the interpreter made the dictionary for this call.
            let only = unsafe { in_dictionary(keywords) };
            only.map_or(Patience::Bounded, of_named)
        }
        _ => {
            let first = KNOWN.get().map(|known| {
                // SAFETY: the tuple has an item.
                unsafe { word(arguments + known.items) }
            });
            first.map_or(Patience::Bounded, |first| of_first(first, count))
        }
    }
}

/// The only value of a dictionary; `None` where it has more.
///
/// # Safety
/// It is a dictionary that only this thread uses.
unsafe fn in_dictionary(dictionary: usize) -> Option<usize> {
    let next_entry = KNOWN.get()?.next_entry;
    let (mut place, mut value, mut other) = (0, null_mut(), null_mut());
    // SAFETY: the caller's promise. The function looks into the dictionary, and neither locks, allocates nor runs Python code; both
    // objects stay the dictionary's.
    let is_only = unsafe {
        next_entry(dictionary as *mut c_void, &raw mut place, null_mut(), &raw mut value) != 0
            && next_entry(dictionary as *mut c_void, &raw mut place, null_mut(), &raw mut other) == 0
    };
    is_only.then_some(value as usize)
}

/// With the only argument, by its name: whether to wait at all, which is a truth value, or for how long.
fn of_named(value: usize) -> Patience {
    match KNOWN.get() {
        Some(known) if value == known.no => Patience::Never,
        Some(known) if value == known.yes => Patience::Forever,
        _ => Patience::Bounded,
    }
}

/// With the first of `count` arguments: whether to wait at all.
fn of_first(first: usize, count: usize) -> Patience {
    match KNOWN.get() {
        Some(known) if first == known.no || first == known.zero => Patience::Never,
        Some(known) if count == 1 && (first == known.yes || first == known.one) => Patience::Forever,
        _ => Patience::Bounded,
    }
}

/// # Safety
/// A word may be read there.
unsafe fn word(address: usize) -> usize {
    // SAFETY: the caller's promise.
    unsafe { (address as *const usize).read() }
}

/// Whether a method that answers yes or no said yes.
#[inline(always)]
pub fn is_true(result: usize) -> bool {
    KNOWN.get().is_some_and(|known| result == known.yes)
}

/// Locks with a state of their own: where the word is that begins with it, in bytes from the object's beginning. Relaxed: written before
/// the interpreter is given any function of ours.
static STATE: AtomicUsize = AtomicUsize::new(0);
const LOCKED: usize = 1;
/// Recursive ones: how far behind it their holder's `pthread_t` is.
const HOLDER: usize = 8;

/// The address of the lock that is this object: where its state is.
#[inline(always)]
pub fn lock_of_object(object: usize) -> usize {
    // Relaxed: see the variable.
    object.wrapping_add(STATE.load(Ordering::Relaxed))
}

/// Whether the lock that is this object is not free.
///
/// # Safety
/// The object is such a lock.
#[inline(always)]
pub unsafe fn is_locked(object: usize) -> bool {
    // SAFETY: the caller's promise. Volatile, because other threads write there.
    unsafe { (lock_of_object(object) as *const usize).read_volatile() & LOCKED != 0 }
}

/// Whether the thread with this `pthread_t` holds the recursive lock that is this object.
///
/// # Safety
/// The object is such a lock.
#[inline(always)]
pub unsafe fn is_held_by(object: usize, handle: usize) -> bool {
    // SAFETY: the caller's promise. Volatile, because other threads write there.
    unsafe { is_locked(object) && ((lock_of_object(object) + HOLDER) as *const usize).read_volatile() == handle }
}

/// Whether this process has an interpreter whose methods nobody has tried to replace yet.
pub fn may_be_replaced() -> bool {
    !HAVE_TRIED.load(Ordering::Relaxed) && python::found().is_some()
}

/// Replaces these methods, once, where the interpreter's locks have a state of their own, which no call of libc shows. Only while no other
/// thread changes any object or is about to call one: with the interpreter lock, or, without, before there is another thread
/// (`is_only_thread`) or while the others are stopped.
pub fn replace(methods: &[&'static Method], is_only_thread: impl Fn() -> bool) {
    let Some(python) = python::found() else { return };
    let may_replace = python.is_locked_by_this_thread() || python.is_run_by_this_thread() && is_only_thread();
    if !may_replace || HAVE_TRIED.swap(true, Ordering::Relaxed) {
        return;
    }
    // Where something is not as expected, the locks stay unseen.
    let _is_done = replace_all(python, methods);
}

fn replace_all(python: &Python, methods: &[&'static Method]) -> Option<()> {
    let objects = Objects::open(&python.interpreter, ProcessMemory::own(), Pages::for_many_reads)?;
    if !objects.has_own_locks() {
        return None;
    }
    let known = Known {
        yes: python::symbol(c"_Py_TrueStruct")? as usize,
        no: python::symbol(c"_Py_FalseStruct")? as usize,
        zero: small_integer(0)?,
        one: small_integer(1)?,
        items: objects.elements_of_tuple(),
        count_of_items: objects.part(0, SIZE),
        next_entry: python::function(c"PyDict_Next")?,
    };
    KNOWN.set(Box::new(known)).ok()?;
    // Relaxed: see the variable.
    STATE.store(objects.state_of_locks(), Ordering::Relaxed);
    let state = python.thread_state()?;
    let class = |name| {
        let class = objects.variable_of(state, "_thread", name);
        class.filter(|&class| objects.is_class_of_own_locks(class))
    };
    let (lock, rlock) = (class("lock")?, class("RLock"));
    let modules = Modules::read()?;
    for method in methods {
        let owner = match method.owner {
            Owner::Lock => Some(lock),
            Owner::RLock => rlock,
            Owner::Module => objects.variable_of(state, "_thread", method.name),
        };
        let builtin = owner.and_then(|owner| match (method.owner, method.name) {
            (Owner::Module, name) => objects.builtin_function(owner, name),
            (_, "") => Some(Builtin {
                place: objects.part(owner, DESTRUCTOR_OF_TYPE),
                flags: DESTRUCTOR,
            }),
            (_, name) => objects.builtin_method(owner, name),
        });
        if let Some(builtin) = builtin.filter(|builtin| has_known_arguments(builtin.flags)) {
            method.replace(builtin, &modules, methods);
        }
    }
    Some(())
}

/// The only object for this small integer, which lives as long as the interpreter.
fn small_integer(value: c_long) -> Option<usize> {
    let make: unsafe extern "C" fn(c_long) -> *mut c_void = python::function(c"PyLong_FromLong")?;
    // SAFETY: the function has had this type since Python 1, and this thread has the interpreter lock. For small integers it makes nothing.
    let object = unsafe { make(value) };
    (!object.is_null()).then_some(object as usize)
}

fn has_known_arguments(flags: i32) -> bool {
    const KNOWN: [i32; 6] = [
        NO_ARGUMENTS,
        ONE_ARGUMENT,
        ARGUMENTS_IN_TUPLE,
        ARGUMENTS_IN_TUPLE | KEYWORDS,
        ARGUMENTS_IN_ARRAY,
        ARGUMENTS_IN_ARRAY | KEYWORDS,
    ];
    KNOWN.contains(&flags)
}

impl Method {
    fn replace(&self, Builtin { place, flags }: Builtin, modules: &Modules, all: &[&'static Self]) {
        let function = ProcessMemory::own().word(place);
        let Some(function) = function.filter(|&function| modules.is_executable(function)) else {
            return;
        };
        if !place.is_multiple_of(align_of::<usize>()) || !modules.is_writable(place) {
            return;
        }
        // Relaxed, Release: see the fields.
        self.flags.store(flags, Ordering::Relaxed);
        self.function.store(function, Ordering::Release);
        // Methods of one function stay methods of one: bound methods are equal if their objects and functions are.
        let has_unread_arguments = matches!(self.name, "release" | "release_lock" | "__exit__");
        let is_same = |other: &&&Self| {
            // Relaxed: this thread wrote both.
            let is_called_alike = other.flags.load(Ordering::Relaxed) == flags || has_unread_arguments;
            other.function.load(Ordering::Relaxed) == function && is_called_alike
        };
        let entry = all.iter().find(is_same).map_or(self.entry, |first| first.entry);
        // SAFETY: an aligned word of the interpreter's data, which is writable. The interpreter reads it as a whole, and either function
        // does what is expected.
        unsafe { AtomicUsize::from_ptr(place as *mut usize) }.store(entry as *const () as usize, Ordering::Release);
    }
}
