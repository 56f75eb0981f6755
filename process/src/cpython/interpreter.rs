//! An interpreter in a process: its version, and where its types and its state are.

use core::ffi::CStr;

use super::debug_offsets::DebugOffsets;

/// An interpreter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interpreter {
    /// The 13 of 3.13.
    pub minor: u32,
    /// The types by which objects are recognised.
    pub types: Types,
    /// Its own table of offsets; `None` before 3.13.
    pub offsets: Option<DebugOffsets>,
}

impl Interpreter {
    /// Whether it is built with an interpreter lock.
    pub fn has_lock(&self) -> bool {
        self.offsets.is_none_or(|offsets| offsets.has_interpreter_lock)
    }
}

/// The addresses of type objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

impl Types {
    /// The types, each at the address that `address_of` returns for its name.
    pub fn by_name(address_of: impl Fn(&'static CStr) -> Option<usize>) -> Option<Self> {
        Some(Self {
            code: address_of(c"PyCode_Type")?,
            text: address_of(c"PyUnicode_Type")?,
            dict: address_of(c"PyDict_Type")?,
            tuple: address_of(c"PyTuple_Type")?,
            list: address_of(c"PyList_Type")?,
            cell: address_of(c"PyCell_Type")?,
            meta: address_of(c"PyType_Type")?,
            member: address_of(c"PyMemberDescr_Type")?,
            generators: [address_of(c"PyGen_Type")?, address_of(c"PyCoro_Type")?],
        })
    }
}

/// Reads "3.13.0 (main, ...) [GCC ...]", which `Py_GetVersion` returns. `None` for Python 2.
pub fn minor_of(version: &[u8]) -> Option<u32> {
    let version = core::str::from_utf8(version).ok()?;
    let digits = version.strip_prefix("3.")?;
    let end = digits.find(|character: char| !character.is_ascii_digit())?;
    digits.get(..end)?.parse().ok()
}

/// Whether an interpreter that says this of its version is built without an interpreter lock.
pub fn is_without_lock(version: &[u8]) -> bool {
    core::str::from_utf8(version).is_ok_and(|version| version.contains("free-threading build"))
}

#[cfg(test)]
mod tests {
    use super::{is_without_lock, minor_of};

    #[test]
    fn versions() {
        assert_eq!(minor_of(b"3.13.0 (main, Nov  1 2024) [GCC 12.2.0]"), Some(13));
        assert_eq!(minor_of(b"3.7.16 (default)"), Some(7));
        assert_eq!(minor_of(b"3.13.0 experimental free-threading build (main)"), Some(13));
        assert!(is_without_lock(b"3.14.0 free-threading build (main)") && !is_without_lock(b"3.14.0 (main)"));
        assert_eq!(minor_of(b"2.7.18 (default)"), None);
        assert_eq!(minor_of(b"3."), None);
    }
}
