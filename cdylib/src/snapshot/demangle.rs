//! Names of functions as people know them.
//!
//! Anyone may call this. It allocates, and nothing else.

use core::fmt::{self, Write};

/// The longest name in bytes; templates may unfold without end, and one record holds many names.
const MAX_NAME: usize = 1024;

/// The linker's name `raw` as its programmer wrote it: Rust without hash, C++ with parameters as gdb shows it, C as it is;
/// without the marks for symbol versions (`@GLIBC_2.2.5`) and for parts and clones that the compiler made (`.cold`,
/// `.part.0`), which change from build to build.
pub fn demangle(raw: &[u8]) -> String {
    let raw = String::from_utf8_lossy(raw);
    let name = without_marks(&raw);
    let mut shown = Bounded(String::new());
    if let Ok(rust) = rustc_demangle::try_demangle(name) {
        if write!(shown, "{rust:#}").is_ok() || !shown.0.is_empty() {
            return shown.0;
        }
    } else if name.starts_with("_Z")
        && let Ok(symbol) = cpp_demangle::Symbol::new(name)
    {
        let done = symbol.structured_demangle(&mut shown, &cpp_demangle::DemangleOptions::new());
        if done.is_ok() || shown.0.len() >= MAX_NAME {
            return shown.0;
        }
    }
    let mut plain = Bounded(String::new());
    // An error means that the name was cut.
    let _ = plain.write_str(name);
    plain.0
}

/// `name` without a symbol version and without a compiler's marks.
fn without_marks(name: &str) -> &str {
    const MARKS: [&str; 9] = [
        ".cold",
        ".part.",
        ".isra.",
        ".constprop.",
        ".lto_priv.",
        ".localalias",
        ".llvm.",
        ".clone.",
        ".warm",
    ];
    let ends = MARKS.iter().filter_map(|mark| name.find(mark)).chain(name.find('@'));
    // A name that begins with a mark is no marked name.
    let end = ends.filter(|&end| end > 0).min().unwrap_or(name.len());
    name.get(..end).unwrap_or(name)
}

/// Text that takes no more than [`MAX_NAME`] bytes.
struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            if self.0.len() + character.len_utf8() > MAX_NAME {
                return Err(fmt::Error);
            }
            self.0.push(character);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_as_written() {
        let cases = [
            ("pthread_mutex_lock@@GLIBC_2.2.5", "pthread_mutex_lock"),
            ("do_fork_exec.constprop.0", "do_fork_exec"),
            ("PyEval_EvalCode.cold", "PyEval_EvalCode"),
            (
                "_ZN4core3fmt9Formatter3pad17h0123456789abcdefE",
                "core::fmt::Formatter::pad",
            ),
            (
                "_ZN4core3fmt9Formatter3pad17h0123456789abcdefE.llvm.17",
                "core::fmt::Formatter::pad",
            ),
            ("_RNvC5mylib4main", "mylib::main"),
            ("_ZNSt5mutex4lockEv", "std::mutex::lock()"),
            ("_ZNSt5mutex4lockEv.part.0", "std::mutex::lock()"),
            ("_ZN3Foo3barEiPKc", "Foo::bar(int, char const*)"),
            ("_Zinvalid", "_Zinvalid"),
            ("@odd", "@odd"),
            ("", ""),
        ];
        for (raw, shown) in cases {
            assert_eq!(demangle(raw.as_bytes()), shown);
        }
    }

    #[test]
    fn no_name_is_longer_than_its_bound() {
        assert_eq!(demangle("ü".repeat(4000).as_bytes()).len(), MAX_NAME);
        let nested = format!("_Z1f{}i{}", "St6vectorI".repeat(40), "E".repeat(40));
        assert!(demangle(nested.as_bytes()).len() <= MAX_NAME);
    }
}
