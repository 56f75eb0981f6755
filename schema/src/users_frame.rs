//! The frame of a stack in the user's own code: the place that a finding is about.
//!
//! Of Python code, that is neither the standard library nor an installed package. Of native code, it is no system library and
//! no part of a language's runtime.

use crate::path::base_name;
use crate::record::{Frame, PythonFrame};

/// Libraries below every program.
const SYSTEM_LIBRARIES: &[&str] = &[
    "libc.so",
    "libpthread",
    "libm.so",
    "ld-linux",
    "libstdc++.so",
    "libc++.so",
    "libc++abi.so",
    "libgcc_s.so",
    "libforkwatch.so",
    "[vdso]",
];

/// Functions between a program and what it called. Compilers also put them into the program itself.
const MACHINERY: &[&str] = &[
    "std::",
    "<std::",
    "void std::",
    "core::",
    "<core::",
    "boost::",
    "__gthread",
    "__gnu_cxx::",
    "pthread_",
    "parking_lot",
    "nix::",
    "PyThread_",
    "acquire_timed",
];

/// The innermost frame in the user's own code, else in an installed package, else in code that came from no file, else the innermost
/// of all.
pub fn of_python(frames: &[PythonFrame]) -> Option<&PythonFrame> {
    let innermost = |is_meant: fn(&str) -> bool| frames.iter().find(|frame| is_meant(&frame.file));
    frames
        .iter()
        .find(|frame| is_users_own(frame))
        .or_else(|| innermost(|file| !is_standard(file)))
        .or_else(|| innermost(is_text))
        .or_else(|| frames.first())
}

/// The innermost frame of code that came from no file and that this frame runs, as by `exec` or in a doctest.
pub fn run_by<'frames>(users: &PythonFrame, frames: &'frames [PythonFrame]) -> Option<&'frames PythonFrame> {
    let inside = frames.iter().take_while(|frame| !core::ptr::eq(*frame, users));
    inside.into_iter().find(|frame| is_text(&frame.file))
}

/// Whether code came from no file, but from the user: given to the interpreter, to `exec` or `eval`, or a part of a documentation. What
/// the interpreter and packages generate themselves has other names.
fn is_text(file: &str) -> bool {
    const STARTS: [&str; 5] = ["<string>", "<stdin>", "<console>", "<doctest ", "<ipython-input-"];
    STARTS.iter().any(|start| file.starts_with(start))
}

/// The innermost frame that is no system library's and no runtime's, else no system library's, else the innermost of all. It is
/// the same whether the functions that were inlined there are known or not.
pub fn of_native(frames: &[Frame]) -> Option<&Frame> {
    // Of functions inlined into one another, the last is the one that symbol tables name.
    let is_inlined = |position: usize, frame: &Frame| frames.get(position + 1).is_some_and(|next| next.ip == frame.ip);
    let whole = || {
        let numbered = frames.iter().enumerate();
        numbered.filter_map(move |(position, frame)| (!is_inlined(position, frame)).then_some(frame))
    };
    whole()
        .find(|frame| !is_of_system(frame) && !is_machinery(frame))
        .or_else(|| whole().find(|frame| !is_of_system(frame)))
        .or_else(|| whole().next())
}

/// Whether a frame lies in one of the libraries below every program.
pub fn is_of_system(frame: &Frame) -> bool {
    let module = frame.module.as_deref().map_or("", base_name);
    SYSTEM_LIBRARIES.iter().any(|library| module.starts_with(library))
}

/// Whether a frame's function stands between a program and what it called.
pub fn is_machinery(frame: &Frame) -> bool {
    let symbol = frame.symbol.as_deref().unwrap_or_default();
    MACHINERY.iter().any(|start| symbol.starts_with(start))
}

/// Whether a frame lies in the user's own code.
pub fn is_users_own(frame: &PythonFrame) -> bool {
    !is_standard(&frame.file) && !is_installed(&frame.file)
}

fn is_installed(file: &str) -> bool {
    file.contains("/site-packages/") || file.contains("/dist-packages/") || file.contains("/bin/")
}

/// The installed package that a file belongs to; `None` for the user's own code and the standard library.
pub fn package(file: &str) -> Option<&str> {
    let (_, inside) = file.split_once("-packages/")?;
    inside.split(['/', '.']).next()
}

/// Whether a file is part of the standard library, or there is no file.
pub fn is_standard(file: &str) -> bool {
    const PARTS: [&str; 3] = ["/multiprocessing/", "/concurrent/futures/", "/threading.py"];
    let lies_there = file.contains("/lib/python3") && !file.contains("-packages/");
    lies_there || PARTS.iter().any(|part| file.contains(part)) || file.ends_with("/pty.py") || file.starts_with('<')
}

#[cfg(test)]
mod tests {
    use super::{of_native, of_python, run_by};
    use crate::record::{Frame, PythonFrame};

    fn chosen(files: &[&str]) -> Option<usize> {
        let frames: Vec<PythonFrame> = files
            .iter()
            .map(|file| PythonFrame {
                file: (*file).into(),
                line: 1,
                function: "f".into(),
            })
            .collect();
        let chosen = of_python(&frames)?;
        frames.iter().position(|frame| core::ptr::eq(frame, chosen))
    }

    #[test]
    fn the_users_own_code_comes_first() {
        let standard = "/usr/lib/python3.11/multiprocessing/popen_fork.py";
        let package = "/env/lib/python3.11/site-packages/celery/worker.py";
        assert_eq!(chosen(&[standard, package, "/app/tasks.py", "/app/main.py"]), Some(2));
        assert_eq!(chosen(&[standard, package, "/env/bin/celery"]), Some(1));
        assert_eq!(chosen(&["<frozen os>", standard]), Some(0));
        assert_eq!(chosen(&[]), None);
    }

    #[test]
    fn code_without_a_file_comes_after_all_that_has_one() {
        let standard = "/usr/lib/python3.11/threading.py";
        let package = "/env/lib/python3.11/site-packages/celery/worker.py";
        assert_eq!(chosen(&[standard, "<string>"]), Some(1));
        assert_eq!(chosen(&[standard, package, "<string>"]), Some(1));
        assert_eq!(chosen(&["<string>", "/app/main.py"]), Some(1));
        let frames = ["<frozen os>", "<string>", "<string>", "/app/main.py", "<string>"].map(|file| PythonFrame {
            file: file.into(),
            line: 1,
            function: "f".into(),
        });
        let run = run_by(&frames[3], &frames).expect("it runs code");
        assert!(core::ptr::eq(run, &frames[1]));
        assert!(run_by(&frames[0], &frames).is_none());
    }

    /// The innermost native frame of the user's; each is an address, a module and a symbol.
    fn chosen_native(frames: &[(&str, &str, &str)]) -> Option<usize> {
        let frames: Vec<Frame> = frames
            .iter()
            .map(|(ip, module, symbol)| Frame {
                ip: (*ip).into(),
                module: Some((*module).into()),
                symbol: (!symbol.is_empty()).then(|| (*symbol).into()),
                ..Frame::default()
            })
            .collect();
        let chosen = of_native(&frames)?;
        frames.iter().position(|frame| core::ptr::eq(frame, chosen))
    }

    #[test]
    fn of_native_code_no_system_library_and_no_runtime_counts() {
        let libc = ("0x1", "/lib/libc.so.6", "forkpty");
        let wrapper = ("0x2", "/bin/shop", "nix::unistd::fork");
        let (inner, outer) = (("0x3", "/bin/shop", "start"), ("0x4", "/bin/shop", "main"));
        assert_eq!(chosen_native(&[libc, wrapper, inner, outer]), Some(2));
        assert_eq!(chosen_native(&[libc, wrapper]), Some(1));
        assert_eq!(chosen_native(&[libc]), Some(0));
        assert_eq!(chosen_native(&[]), None);
        // Stripped.
        assert_eq!(chosen_native(&[libc, ("0x2", "/bin/shop", ""), outer]), Some(1));
    }

    #[test]
    fn inlined_functions_make_no_difference() {
        let runtime = ("0x2", "/bin/shop", "std::rt::lang_start");
        let (inlined, outer) = (("0x2", "/bin/shop", "closure"), ("0x4", "/bin/shop", "main"));
        assert_eq!(chosen_native(&[runtime, outer]), Some(1));
        assert_eq!(chosen_native(&[inlined, runtime, outer]), Some(2));
    }
}
