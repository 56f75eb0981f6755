//! CPython's own functions and types, where the process has them: linked into the program or loaded for all to see.
//!
//! Only what neither locks, allocates nor runs Python code is called: who holds the interpreter lock, which thread state is
//! this thread's, which line an instruction belongs to.
#![expect(unsafe_code, reason = "functions of CPython's")]

use core::ffi::{CStr, c_char, c_int, c_void};
use core::sync::atomic::{AtomicU32, Ordering};

use once_cell::race::OnceBox;

use super::libc_threads;
use super::next_definition::{self, Access, Scope};

/// Searches by the first thread before it is taken for granted that this is no Python program.
const MOST_SEARCHES: u32 = 32;

static FOUND: OnceBox<Python> = OnceBox::new();
/// Relaxed: a count.
static SEARCHES: AtomicU32 = AtomicU32::new(0);

/// An interpreter that is there.
#[derive(Debug)]
pub struct Python {
    /// The 13 of 3.13.
    pub minor: u32,
    /// The types by which objects are recognised.
    pub types: Types,
    /// Where it says that things lie; `None` before 3.13.
    pub offsets: Option<Offsets>,
    check: unsafe extern "C" fn() -> c_int,
    thread_state: unsafe extern "C" fn() -> *mut c_void,
    line: unsafe extern "C" fn(*mut c_void, c_int) -> c_int,
}

/// The addresses of type objects.
#[derive(Debug)]
pub struct Types {
    /// `code`.
    pub code: usize,
    /// `str`.
    pub text: usize,
    /// `dict`.
    pub dict: usize,
    /// `tuple`.
    pub tuple: usize,
    /// `list`.
    pub list: usize,
    /// `cell`.
    pub cell: usize,
    /// `type`.
    pub meta: usize,
    /// The descriptors of slots.
    pub member: usize,
    /// `generator` and `coroutine`.
    pub generators: [usize; 2],
}

/// What the interpreter's own table for debuggers says, in bytes: `_Py_DebugOffsets`, at the start of `_PyRuntime`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offsets {
    /// `PY_VERSION_HEX`.
    pub version: u64,
    /// Thread states: the innermost frame.
    pub innermost: usize,
    /// Frames: the caller's frame.
    pub back: usize,
    /// Frames: the code.
    pub code: usize,
    /// Frames: the instruction.
    pub instruction: usize,
    /// Frames: the local variables.
    pub locals: usize,
    /// Frames: who owns it.
    pub owner: usize,
    /// Code objects: the file.
    pub file: usize,
    /// Code objects: the qualified name.
    pub name: usize,
    /// Code objects: the names of local variables.
    pub variables: usize,
    /// Code objects: the instructions.
    pub instructions: usize,
}

impl Offsets {
    /// The words of the table that are read.
    const WORDS: usize = 49;

    /// Reads the table of 3.`minor`; `None` where it is another version's, or one of a build without an interpreter lock.
    fn read(minor: u32, table: &[u64; Self::WORDS]) -> Option<Self> {
        const COOKIE: u64 = u64::from_ne_bytes(*b"xdebugpy");
        let [cookie, version, without_lock, ..] = *table;
        if cookie != COOKIE || version >> 16 != u64::from(3 << 8 | minor) || without_lock != 0 {
            return None;
        }
        // Where the parts for thread states, frames and code begin; the first word of each is its size.
        let (thread, frame, code) = match minor {
            13 => (19, 28, 34),
            14 => (22, 31, 39),
            _ => return None,
        };
        /// No structure of these has as many bytes.
        const BIGGEST: usize = 1 << 16;
        let at = |index: usize| {
            usize::try_from(*table.get(index)?)
                .ok()
                .filter(|&offset| offset < BIGGEST)
        };
        Some(Self {
            version,
            innermost: at(thread + 4)?,
            back: at(frame + 1)?,
            code: at(frame + 2)?,
            instruction: at(frame + 3)?,
            locals: at(frame + 4)?,
            owner: at(frame + 5)?,
            file: at(code + 1)?,
            name: at(code + 3)?,
            variables: at(code + 7)?,
            instructions: at(code + 9)?,
        })
    }
}

impl Python {
    /// Whether this thread holds the interpreter lock: then no other thread changes any object.
    pub fn is_locked_by_this_thread(&self) -> bool {
        // SAFETY: the function compares two words, and takes no lock.
        unsafe { (self.check)() != 0 }
    }

    /// The address of this thread's state; `None` in a thread that never ran Python code.
    pub fn thread_state(&self) -> Option<usize> {
        // SAFETY: the function reads thread-specific data, and takes no lock.
        let state = unsafe { (self.thread_state)() };
        (!state.is_null()).then_some(state as usize)
    }

    /// The line of the instruction at this offset in the code object; `None` where it has none.
    ///
    /// # Safety
    /// A code object lives at the address until this returns.
    pub unsafe fn line(&self, code: usize, offset: c_int) -> Option<u32> {
        // SAFETY: the caller's promise; the function decodes a table of the object's, and neither allocates nor locks.
        u32::try_from(unsafe { (self.line)(code as *mut c_void, offset) }).ok()
    }
}

/// The interpreter, if the search has found one.
pub fn found() -> Option<&'static Python> {
    FOUND.get()
}

/// Searches for it. Not at a fork, which it would hold up.
pub fn search() {
    if FOUND.get().is_some() || SEARCHES.fetch_add(1, Ordering::Relaxed) >= MOST_SEARCHES {
        return;
    }
    if let Some(python) = python() {
        // Whoever was first has found the same.
        let _first_wins = FOUND.set(Box::new(python));
    }
}

fn python() -> Option<Python> {
    let check = symbol(c"PyGILState_Check")?;
    let version = symbol(c"Py_GetVersion")?;
    let address = |name| symbol(name).map(|symbol| symbol as usize);
    let types = Types {
        code: address(c"PyCode_Type")?,
        text: address(c"PyUnicode_Type")?,
        dict: address(c"PyDict_Type")?,
        tuple: address(c"PyTuple_Type")?,
        list: address(c"PyList_Type")?,
        cell: address(c"PyCell_Type")?,
        meta: address(c"PyType_Type")?,
        member: address(c"PyMemberDescr_Type")?,
        generators: [address(c"PyGen_Type")?, address(c"PyCoro_Type")?],
    };
    let (thread_state, line) = (symbol(c"PyGILState_GetThisThreadState")?, symbol(c"PyCode_Addr2Line")?);
    // SAFETY: the functions of these names have had these types since 3.4, and are not unloaded with an interpreter.
    unsafe {
        let version = core::mem::transmute::<*mut c_void, unsafe extern "C" fn() -> *const c_char>(version);
        let minor = minor(CStr::from_ptr(version()).to_bytes())?;
        Some(Python {
            minor,
            types,
            offsets: offsets(minor),
            check: core::mem::transmute::<*mut c_void, unsafe extern "C" fn() -> c_int>(check),
            thread_state: core::mem::transmute::<*mut c_void, unsafe extern "C" fn() -> *mut c_void>(thread_state),
            line: core::mem::transmute::<*mut c_void, unsafe extern "C" fn(*mut c_void, c_int) -> c_int>(line),
        })
    }
}

/// Reads "3.13.0 (main, ...) [GCC ...]". `None` for Python 2, and for builds without an interpreter lock, where objects change
/// at any time.
fn minor(version: &[u8]) -> Option<u32> {
    let version = core::str::from_utf8(version).ok()?;
    if version.contains("free-threading") {
        return None;
    }
    let digits = version.strip_prefix("3.")?;
    let end = digits.find(|character: char| !character.is_ascii_digit())?;
    digits.get(..end)?.parse().ok()
}

fn offsets(minor: u32) -> Option<Offsets> {
    /// The first version with the table.
    const FIRST: u32 = 13;
    if minor < FIRST {
        return None;
    }
    let table = symbol(c"_PyRuntime")?.cast::<[u64; Offsets::WORDS]>();
    // SAFETY: since 3.13 the object begins with the table, which is longer than this and never written, and lives as long as
    // the interpreter.
    Offsets::read(minor, unsafe { &*table })
}

fn symbol(name: &CStr) -> Option<*mut c_void> {
    // Alone, nobody unloads what is read.
    let access = if libc_threads::none_was_made() {
        Access::Direct
    } else {
        Access::Guarded
    };
    let address = next_definition::find(Scope::All, access, name, None);
    (!address.is_null()).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::{Offsets, minor};

    #[test]
    fn tables_of_offsets() {
        let mut table: [u64; Offsets::WORDS] = core::array::from_fn(|index| index as u64);
        table[..3].copy_from_slice(&[u64::from_ne_bytes(*b"xdebugpy"), 0x030e_0af0, 0]);
        let offsets = Offsets::read(14, &table).unwrap();
        assert_eq!((offsets.innermost, offsets.back, offsets.instructions), (26, 32, 48));
        assert_eq!(Offsets::read(13, &table), None, "another version's");
        table[35] = u64::MAX;
        assert_eq!(Offsets::read(14, &table), None, "no offset");
        table[35] = 80;
        table[2] = 1;
        assert_eq!(Offsets::read(14, &table), None, "without an interpreter lock");
    }

    #[test]
    fn versions() {
        assert_eq!(minor(b"3.13.0 (main, Nov  1 2024) [GCC 12.2.0]"), Some(13));
        assert_eq!(minor(b"3.7.16 (default)"), Some(7));
        assert_eq!(minor(b"3.13.0 experimental free-threading build (main)"), None);
        assert_eq!(minor(b"2.7.18 (default)"), None);
        assert_eq!(minor(b"3."), None);
    }
}
