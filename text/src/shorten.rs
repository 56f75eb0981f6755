//! Paths and symbols a person can read.

use super::page::GLUE;
use super::style::Style;

/// The longest symbol that is shown in full, in columns.
const MAX_SYMBOL: usize = 100;

/// The longest name of a thread or a lock that is shown in full, in columns.
const MAX_NAME: usize = 72;

/// Spellings that demangling gives, and what people write.
const SPELLINGS: &[(&str, &str)] = &[
    (
        "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >",
        "std::string",
    ),
    (
        "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char>>",
        "std::string",
    ),
    (
        "std::basic_string_view<char, std::char_traits<char> >",
        "std::string_view",
    ),
    (
        "std::basic_string_view<char, std::char_traits<char>>",
        "std::string_view",
    ),
    ("std::__cxx11::", "std::"),
];

/// The longest path that is shown in full, in columns.
const MAX_PATH: usize = 64;

/// The last parts of a longer path that are shown.
const LAST_PARTS: usize = 3;

/// Folders that only say how compiler or packages were installed; what follows them is the library's own path.
const BUILD_FOLDERS: &[&str] = &[
    "/lib/rustlib/src/rust/library/",
    "/.cargo/git/checkouts/",
    "/site-packages/",
    "/dist-packages/",
];

/// A name in quotes, cut in the middle where it is long, that no line is wrapped in.
pub fn quoted(name: &str) -> String {
    if name.is_empty() {
        return String::from("without a name");
    }
    let name = ellipsis(name, MAX_NAME);
    let mut text = String::from("\"");
    for character in name.chars() {
        if matches!(character, '"' | '\\') {
            text.push('\\');
        }
        text.push(if character == ' ' { GLUE } else { character });
    }
    text.push('"');
    text
}

/// A demangled symbol; a long one loses its parameters, then its template arguments, then its middle.
pub fn symbol(name: &str) -> String {
    let mut name = String::from(without_hash(name));
    for (from, to) in SPELLINGS {
        if name.contains(from) {
            name = name.replace(from, to);
        }
    }
    if fits(&name) {
        return name;
    }
    // The name of an operator would be taken for a bracket.
    if !name.contains("operator") {
        name = fold(&name, '(', ')');
        if !fits(&name) {
            name = fold(&name, '<', '>');
        }
    }
    ellipsis(&name, MAX_SYMBOL)
}

/// The path of a source file or module: relative to the working directory or the home directory, without the directories that
/// only the compiler cares for. A long one loses its beginning; the record has it whole.
pub fn path(path: &str, style: &Style) -> String {
    let path = near(&without_detours(path), style);
    if path.chars().count() <= MAX_PATH {
        return path;
    }
    let last = path.rmatch_indices('/').nth(LAST_PARTS - 1);
    match last.and_then(|(slash, _)| path.get(slash..)) {
        Some(last) => format!("...{last}"),
        None => path,
    }
}

/// The path without `.`, and without `..` and the directory that it leaves.
fn without_detours(path: &str) -> String {
    let is_detour = |part: &str| matches!(part, "." | "..");
    if !path.split('/').any(is_detour) {
        return String::from(path);
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match (part, parts.last()) {
            (".", _) => {}
            ("..", Some(&last)) if !matches!(last, "" | "..") => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

/// The path as seen from where the reader is.
fn near(path: &str, style: &Style) -> String {
    if let Some(after) = path.strip_prefix("/rustc/") {
        let mut parts = after.splitn(3, '/');
        if let (Some(_commit), Some("library"), Some(rest)) = (parts.next(), parts.next(), parts.next()) {
            return String::from(rest);
        }
    }
    for folder in BUILD_FOLDERS {
        if let Some((_, rest)) = path.split_once(folder) {
            return String::from(rest);
        }
    }
    if let Some((_, after)) = path.split_once("/.cargo/registry/src/")
        && let Some((_index, rest)) = after.split_once('/')
    {
        return String::from(rest);
    }
    if let Some(rest) = below(path, style.working_directory.as_deref()) {
        return String::from(rest);
    }
    if let Some(rest) = below(path, style.home.as_deref()) {
        return format!("~/{rest}");
    }
    String::from(path)
}

/// Whether a source file is the program's own, judging by its path.
pub fn is_own(path: &str, style: &Style) -> bool {
    let near = !path.starts_with(['/', '<']) || below(path, style.working_directory.as_deref()).is_some();
    near && !path.contains("/site-packages/") && !path.contains("/.cargo/")
}

/// Text with its middle left out where it is wider than `columns`.
pub fn ellipsis(text: &str, columns: usize) -> String {
    let count = text.chars().count();
    if count <= columns {
        return String::from(text);
    }
    let keep = columns.saturating_sub(3);
    let head = keep / 2;
    let tail = keep - head;
    let mut short: String = text.chars().take(head).collect();
    short.push_str("...");
    short.extend(text.chars().skip(count - tail));
    short
}

fn fits(name: &str) -> bool {
    name.chars().count() <= MAX_SYMBOL
}

/// The rest of `path` below `folder`; nothing counts as below the root folder.
fn below<'path>(path: &'path str, folder: Option<&str>) -> Option<&'path str> {
    let folder = folder?.trim_end_matches('/');
    if folder.is_empty() {
        return None;
    }
    path.strip_prefix(folder)?.strip_prefix('/')
}

/// A Rust symbol without the hash at its end.
fn without_hash(name: &str) -> &str {
    match name.rsplit_once("::h") {
        Some((rest, hash)) if hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => rest,
        _ => name,
    }
}

/// The name with the text between brackets replaced by dots, where the bracket follows a word: `a<b>` but not the `<a as b>`
/// at the beginning of a Rust name.
fn fold(name: &str, open: char, close: char) -> String {
    let mut short = String::new();
    let mut depth = 0_usize;
    let mut before = ' ';
    for character in name.chars() {
        let after_word = before.is_alphanumeric() || matches!(before, '_' | '>') || (open == '<' && before == ':');
        if depth == 0 && !(character == open && after_word) {
            short.push(character);
        } else if character == open {
            depth += 1;
        } else if character == close && before != '-' {
            depth -= 1;
            if depth == 0 {
                short.push(open);
                short.push_str("...");
                short.push(close);
            }
        }
        before = character;
    }
    // Brackets that do not match: better long than wrong.
    if depth == 0 { short } else { String::from(name) }
}

#[cfg(test)]
mod tests {
    use super::{MAX_PATH, ellipsis, is_own, path, quoted, symbol};
    use crate::style::Style;

    fn style() -> Style {
        Style {
            home: Some(String::from("/home/ann/")),
            working_directory: Some(String::from("/home/ann/shop")),
            ..Style::default()
        }
    }

    #[test]
    fn paths_lose_what_only_the_compiler_cares_for() {
        let cases = [
            ("/home/ann/shop/src/main.c", "src/main.c"),
            ("/home/ann/shopping/main.c", "~/shopping/main.c"),
            (
                "/home/ann/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/nix-0.30.1/src/lib.rs",
                "nix-0.30.1/src/lib.rs",
            ),
            (
                "/home/ann/.cargo/git/checkouts/nix-0a1b/77f/src/lib.rs",
                "nix-0a1b/77f/src/lib.rs",
            ),
            ("/rustc/0123abcd/library/std/src/rt.rs", "std/src/rt.rs"),
            (
                "/home/ann/.rustup/toolchains/x/lib/rustlib/src/rust/library/core/src/a.rs",
                "core/src/a.rs",
            ),
            (
                "/build/glibc-2.39/./nptl/pthread_create.c",
                "/build/glibc-2.39/nptl/pthread_create.c",
            ),
            (
                "./posix/../sysdeps/unix/sysv/linux/pause.c",
                "sysdeps/unix/sysv/linux/pause.c",
            ),
            ("../../lib/a.c", "../../lib/a.c"),
            ("/../a.c", "/../a.c"),
            (
                "/tmp/python-build.20260509073455.222/Python-3.11.7/Modules/_threadmodule.c",
                ".../Python-3.11.7/Modules/_threadmodule.c",
            ),
            (
                "/srv/app/.venv/lib/python3.12/site-packages/celery/app/base.py",
                "celery/app/base.py",
            ),
            ("src/main.rs", "src/main.rs"),
            ("", ""),
        ];
        for (given, wanted) in cases {
            assert_eq!(path(given, &style()), wanted);
        }
        let nowhere = Style {
            home: Some(String::from("/")),
            working_directory: Some(String::new()),
            ..style()
        };
        assert_eq!(path("/srv/a.c", &nowhere), "/srv/a.c");
        let flat = "x".repeat(MAX_PATH + 1);
        assert_eq!(path(&flat, &nowhere), flat);
    }

    #[test]
    fn a_programs_own_files_are_distinguished_from_its_libraries() {
        assert!(is_own("/home/ann/shop/a.c", &style()) && is_own("src/main.rs", &style()));
        assert!(!is_own(
            "/home/ann/shop/.venv/lib/python3.12/site-packages/x.py",
            &style()
        ));
        assert!(!is_own("<frozen importlib._bootstrap>", &style()) && !is_own("/usr/include/c++/13/mutex", &style()));
    }

    #[test]
    fn symbols_that_fit_stay_whole() {
        for name in [
            "main",
            "<alloc::vec::Vec<T> as core::ops::Drop>::drop",
            "(anonymous namespace)::f(int)",
            "a::operator<",
        ] {
            assert_eq!(symbol(name), name);
        }
        assert_eq!(symbol("a::b::h0123456789abcdef"), "a::b");
        assert_eq!(symbol("a::horse"), "a::horse");
    }

    #[test]
    fn long_symbols_lose_parameters_first_then_template_arguments_then_their_middle() {
        let long = "x".repeat(120);
        assert_eq!(
            symbol(&format!("shop::(anonymous namespace)::f<int>({long})")),
            "shop::(anonymous namespace)::f<int>(...)"
        );
        assert_eq!(symbol(&format!("f<{long}>({long}) const")), "f<...>(...) const");
        assert_eq!(
            symbol(&format!("<a::B<{long}> as C>::d")),
            symbol(&format!("<a::B<{long}> as C>::d"))
        );
        assert!(symbol(&format!("<a::{long} as C>::d")).ends_with("x as C>::d"));
        assert_eq!(symbol(&format!("{long}::operator()(int)")).chars().count(), 100);
        assert!(symbol(&format!("f<{long}")).starts_with("f<xxx"));
        assert!(symbol(&format!("f>{long}<a->b>)")).starts_with("f>xxx"));
    }

    #[test]
    fn ellipses_count_characters_and_not_bytes() {
        assert_eq!(ellipsis("äöüäöüäöü", 7), "äö...öü");
        assert_eq!(ellipsis("abcdef", 2), "...");
        assert_eq!(quoted("a\"b\\"), "\"a\\\"b\\\\\"");
    }
}
