//! Names of functions as in their source.
//!
//! It allocates, and has no other effect.

use core::fmt::{self, Write};

use cpp_demangle::{DemangleOptions, ParseOptions, Symbol};

/// The longest name in bytes; templates may expand without bound, and one record holds many names.
const MAX_NAME: usize = 1024;

/// Stack that the demangler takes for each level that a C++ name nests, at most (measured).
const BYTES_PER_LEVEL: usize = if cfg!(debug_assertions) { 64 << 10 } else { 4 << 10 };

/// How deep a C++ name may nest before it is shown as it is: the demangler recurses, and the thread that reports a finding
/// may have a small stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nesting(u32);

impl Nesting {
    /// As deep as half of `stack_left` bytes allow; names of the standard library's containers nest up to 200 levels.
    pub fn within(stack_left: usize) -> Self {
        const MAX: usize = 256;
        Self(u32::try_from((stack_left / 2 / BYTES_PER_LEVEL).clamp(1, MAX)).unwrap_or(1))
    }
}

/// The linker's name `raw` as its programmer wrote it: Rust without hash, C++ with parameters as gdb shows it, C as it is;
/// without the marks for symbol versions (`@GLIBC_2.2.5`) and for parts and clones that the compiler made (`.cold`,
/// `.part.0`), which change from build to build.
pub fn demangle(raw: &[u8], nesting: Nesting) -> String {
    let raw = String::from_utf8_lossy(raw);
    let name = without_marks(&raw);
    let mut shown = Bounded(String::new());
    if let Ok(rust) = rustc_demangle::try_demangle(name) {
        if write!(shown, "{rust:#}").is_ok() || !shown.0.is_empty() {
            return shown.0;
        }
    } else if name.starts_with("_Z")
        && let Ok(symbol) = Symbol::new_with_options(name, &ParseOptions::default().recursion_limit(nesting.0))
    {
        let done = symbol.structured_demangle(&mut shown, &DemangleOptions::new().recursion_limit(nesting.0));
        if done.is_ok() || shown.0.len() >= MAX_NAME {
            return without_empty_packs(shown.0);
        }
    }
    let mut plain = Bounded(String::new());
    // An error means that the name was truncated.
    let _ = plain.write_str(name);
    plain.0
}

/// `name` without the commas that the demangler writes around a template's parameter pack that holds nothing.
fn without_empty_packs(mut name: String) -> String {
    const EMPTY: [(&str, &str); 5] = [(", , ", ", "), (", >", ">"), (", )", ")"), ("<, ", "<"), ("(, ", "(")];
    while let Some((pack, without)) = EMPTY.iter().find(|(pack, _)| name.contains(pack)) {
        name = name.replace(pack, without);
    }
    name
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
    // A name that begins with a mark is a name of its own.
    let end = ends.filter(|&end| end > 0).min().unwrap_or(name.len());
    let name = name.get(..end).unwrap_or(name);
    // A variable or function that is local to a function of C: `lock.0`.
    match name.rsplit_once('.') {
        Some((before, number)) if !before.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit()) => before,
        _ => name,
    }
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

    const AMPLE: Nesting = Nesting(16);

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
            ("_Z1fIiJEvEvT_DpT0_", "void f<int, void>(int)"),
            ("_Z1fIJEiEvT0_DpT_", "void f<int>(int)"),
            ("_Z1fIJEEvDpT_i", "void f<>(int)"),
            ("_Zinvalid", "_Zinvalid"),
            ("@odd", "@odd"),
            ("lock.0", "lock"),
            (".0", ".0"),
            ("", ""),
        ];
        for (raw, shown) in cases {
            assert_eq!(demangle(raw.as_bytes(), AMPLE), shown);
        }
    }

    #[test]
    fn a_small_stack_leaves_nested_names_as_they_are() {
        let nested = "_Z1fSt6vectorIS_IS_IS_IiEEEE";
        assert_eq!(demangle(nested.as_bytes(), Nesting::within(0)), nested);
        let thread = std::thread::Builder::new().stack_size(256 << 10);
        let deep = format!("_Z1f{}i", "P".repeat(2000));
        let shown = thread
            .spawn(move || demangle(deep.as_bytes(), Nesting::within(200 << 10)))
            .unwrap()
            .join();
        assert!(shown.unwrap().starts_with("_Z1fPPP"));
    }

    #[test]
    fn no_name_is_longer_than_its_bound() {
        assert_eq!(demangle("ü".repeat(4000).as_bytes(), AMPLE).len(), MAX_NAME);
        let nested = format!("_Z1f{}i{}", "St6vectorI".repeat(40), "E".repeat(40));
        assert!(demangle(nested.as_bytes(), AMPLE).len() <= MAX_NAME);
    }
}
