//! The libraries that do not work in a forked child, and say so themselves: one row each, with the sentence and its source.
//!
//! A row needs a sentence of the library's own makers. Beyond that, a finding needs a thread that the library had started and that the
//! fork lost, so that a child may use a library that its parent has not yet begun to use.

use std::borrow::Cow;

use glob::Pattern;

use crate::path::base_name;

/// One library.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Glob for its file's base name.
    pub library: &'static str,
    /// Globs for the functions that need what a fork does not copy.
    pub functions: &'static [&'static str],
    /// What it is.
    pub what: &'static str,
    /// What its makers say.
    pub sentence: &'static str,
    /// Where they say it.
    pub source: &'static str,
    /// What to do in this library's own terms.
    pub mend: &'static str,
}

/// Every row.
pub const ROWS: &[Row] = &[
    Row {
        library: "libgomp.so*",
        functions: &["GOMP_parallel*", "GOMP_loop*", "GOMP_teams*"],
        what: "GNU's OpenMP runtime",
        sentence: "So even after a parallel region is left, your process is still multi-threaded.",
        source: "https://gcc.gnu.org/bugzilla/show_bug.cgi?id=52303#c3",
        mend: "Fork before the first parallel region, end its threads before the fork with \
               omp_pause_resource_all(omp_pause_hard), or link an OpenMP runtime that survives fork (LLVM's libomp).",
    },
    Row {
        library: "libcuda.so*",
        functions: &["*"],
        what: "NVIDIA's CUDA driver",
        sentence: "CUDA does not duplicate any of its internal data structures or threads to other processes upon a call to fork. \
                   Any use of CUDA after a call to fork and before a subsequent call to exec has undefined behavior.",
        source: "https://doc.qt.io/axivion/reference/analysis_configuration/CUDA-1.6.html",
        mend: "Start the process with \"spawn\" or posix_spawn(), or call CUDA for the first time in the child.",
    },
    Row {
        library: "libcudart.so*",
        functions: &["*"],
        what: "NVIDIA's CUDA runtime",
        sentence: "CUDA does not support the fork() system call.",
        source: "https://github.com/NVIDIA/cuda-python/pull/1309",
        mend: "Start the process with \"spawn\" or posix_spawn(), or call CUDA for the first time in the child.",
    },
    Row {
        library: "libgrpc.so*",
        functions: &["*"],
        what: "gRPC's core",
        sentence: "gRPC Python wraps gRPC core, which uses multithreading for performance, and hence doesn't support `fork()`.",
        source: "https://github.com/grpc/grpc/blob/master/doc/fork_support.md",
        mend: "Make channels and stubs after the fork and never before it, or call grpc_prefork() and its counterparts around it.",
    },
    Row {
        library: "libgio-2.0.so*",
        functions: &["g_bus_*", "g_dbus_connection_*", "g_dbus_proxy_*"],
        what: "GLib's D-Bus client",
        sentence: "This function ... is not always reliable due to problems inherent in fork-without-exec",
        source: "https://docs.gtk.org/glib/func.test_trap_fork.html",
        mend: "Start the process with g_spawn_async() or GSubprocess, or connect to the bus for the first time in the child.",
    },
];

/// Functions that make a library usable in a child: after one of them, nothing is reported of that library.
pub const MAKES_ANEW: &[&str] = &[
    "*reinit*",
    "*_fork_child*",
    "*postfork*",
    "*after_fork*",
    "*_loop_fork",
    "*notify_fork*",
];

/// The row of the library of this file.
pub fn row_of(library: &str) -> Option<&'static Row> {
    let name = makers_name(base_name(library));
    ROWS.iter().find(|row| matches(row.library, &name))
}

/// The name that its makers gave a library's file. Python's wheels put a hash into it: `libgomp-e985bcbb.so.1.0.0`.
pub fn makers_name(file: &str) -> Cow<'_, str> {
    const HASH: usize = 8;
    let is_hash = |text: &str| text.len() == HASH && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parts = file.split_once(".so").and_then(|(start, end)| {
        let (name, _) = start.rsplit_once('-').filter(|(_, hash)| is_hash(hash))?;
        Some(format!("{name}.so{end}"))
    });
    parts.map_or(Cow::Borrowed(file), Cow::Owned)
}

/// Whether this glob matches the name. An invalid glob matches nothing.
pub fn matches(glob: &str, name: &str) -> bool {
    Pattern::new(glob).is_ok_and(|glob| glob.matches(name))
}

/// Checks a list of globs separated by commas: the error is one clear clause.
pub fn check(text: &str) -> Result<(), String> {
    let bad = crate::unsafe_functions::words(text).find_map(|word| Some((word, Pattern::new(word).err()?)));
    bad.map_or(Ok(()), |(word, error)| {
        Err(format!("'{word}' is no glob: {}", error.msg))
    })
}

#[cfg(test)]
mod tests {
    use super::{MAKES_ANEW, ROWS, check, makers_name, matches, row_of};
    use glob::Pattern;

    #[test]
    fn every_row_has_valid_globs_and_a_source() {
        for row in ROWS {
            assert!(
                row.functions
                    .iter()
                    .chain([&row.library])
                    .all(|glob| Pattern::new(glob).is_ok())
            );
            assert!(
                row.source.starts_with("https://") && !row.sentence.is_empty(),
                "{}",
                row.library
            );
        }
        assert!(MAKES_ANEW.iter().all(|glob| Pattern::new(glob).is_ok()));
    }

    #[test]
    fn a_library_is_known_by_its_file() {
        assert_eq!(row_of("/usr/lib/libgomp.so.1").unwrap().library, "libgomp.so*");
        assert!(row_of("/usr/lib/libgompetition.so").is_none());
        assert!(row_of("/scikit_learn.libs/libgomp-e985bcbb.so.1.0.0").is_some());
        assert_eq!(makers_name("libcudart-d0da41ae.so.11.0"), "libcudart.so.11.0");
        assert_eq!(makers_name("libgomp-plugin-nvptx.so.1"), "libgomp-plugin-nvptx.so.1");
        assert!(matches("libcuda*", "libcuda.so.1") && !matches("[", "["));
        assert!(check("libcuda*, libgomp*").is_ok() && check("a,[").is_err());
    }
}
