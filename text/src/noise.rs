//! Frames that carry no information: how a program or thread begins, and the internals of interpreters and runtimes.

use forkwatch_schema::path::base_name;
use forkwatch_schema::record::Frame;
use forkwatch_schema::users_frame;

/// A run of frames shorter than this is shown as it is.
const SHORTEST_RUN: usize = 3;

/// The functions at the bottom of every stack.
const BOTTOM: &[&str] = &[
    "__libc_start_call_main",
    "__libc_start_main",
    "__libc_start_main_impl",
    "__libc_start_main@@GLIBC_2.34",
    "_start",
    "start_thread",
    "clone3",
    "__clone3",
    "clone",
    "__clone",
];

/// A runtime whose frames are shown as one line.
#[derive(Debug)]
pub struct Runtime {
    /// Its name in that line.
    pub name: &'static str,
    whole: &'static [&'static str],
    beginnings: &'static [&'static str],
    /// The folder of its source files: it identifies inlined functions, whose names lack the namespace.
    folder: Option<&'static str>,
}

/// The first is CPython.
const RUNTIMES: &[Runtime] = &[
    Runtime {
        name: "the Python interpreter",
        whole: &[
            "thread_run",
            "pythread_wrapper",
            "type_call",
            "slot_tp_call",
            "slot_tp_init",
            "method_call",
            "object_vacall",
            "context_run",
            "context_run.lto_priv.0",
        ],
        beginnings: &[
            "_PyEval_",
            "PyEval_",
            "_PyFunction_",
            "PyFunction_",
            "_PyObject_",
            "PyObject_",
            "_PyVectorcall_",
            "PyVectorcall_",
            "_PyRun_",
            "PyRun_",
            "Py_RunMain",
            "Py_BytesMain",
            "Py_Main",
            "pymain_",
            "run_mod",
            "run_eval_code_obj",
            "pyrun_",
            "method_vectorcall",
            "cfunction_",
            "builtin_exec",
            "builtin_eval",
            "bounded_",
            "partial_vectorcall",
            "partial_call",
            "do_call_core",
            "call_function",
            "function_code_fastcall",
            "wrapperdescr_",
            "vectorcall_",
            "gen_send_ex",
            "gen_iternext",
            "_call_with_frames_removed",
        ],
        folder: None,
    },
    Runtime {
        name: "the Rust runtime",
        whole: &["__rust_try", "__rust_begin_short_backtrace"],
        beginnings: &[
            "std::rt::",
            "std::panic::",
            "std::panicking::",
            "std::sys::backtrace::__rust_begin_short_backtrace",
            "std::sys_common::backtrace::__rust_begin_short_backtrace",
            "std::thread::Builder::spawn_unchecked_",
            "std::thread::lifecycle::",
            "std::sys::pal::unix::thread::",
            "std::sys::thread::unix::",
            "core::ops::function::",
            "<alloc::boxed::Box<F,A> as core::ops::function::",
            "<alloc::boxed::Box<F, A> as core::ops::function::",
            "<alloc::boxed::Box<dyn core::ops::function::",
            "<core::panic::unwind_safe::AssertUnwindSafe",
        ],
        folder: None,
    },
    Runtime {
        name: "the C++ library",
        whole: &["execute_native_thread_routine"],
        beginnings: &[
            "std::__invoke",
            "void std::__invoke",
            "std::thread::_Invoker<",
            "std::thread::_State_impl<",
            "std::_Function_handler<",
            "std::function<",
        ],
        folder: Some("/c++/"),
    },
];

/// Functions of CPython that take one of Python's own locks, whatever that is made of.
const PYTHON_LOCK_TAKERS: &[&str] = &[
    "PyThread_acquire_lock",
    "lock_PyThread_acquire_lock",
    "rlock_acquire",
    "PyMutex_Lock",
    "_PyMutex_Lock",
];

/// What is shown of a stack.
#[derive(Debug)]
pub enum Part<'frames> {
    /// A frame and its number.
    Frame(usize, &'frames Frame),
    /// A number of frames of a runtime, in one line.
    Run(usize, &'static Runtime),
}

/// A stack without the frames at its bottom and libc's nameless ones at its top, and with runs of a runtime's frames taken together. Below Python's own frames
/// the interpreter's carry no information, not even those that do something.
pub fn parts(stack: &[Frame], is_below_python: bool) -> Vec<Part<'_>> {
    let kept = without_nameless_top(without_bottom(stack));
    let of = |frame: &Frame| match runtime_of(frame) {
        None if is_below_python && is_interpreters(frame) => RUNTIMES.first(),
        runtime => runtime,
    };
    let is_same =
        |one: &Frame, next: &Frame| of(one).map(|runtime| runtime.name) == of(next).map(|runtime| runtime.name);
    let mut parts = Vec::new();
    let mut position = 0;
    for run in kept.chunk_by(is_same) {
        match run.first().and_then(of) {
            Some(runtime) if run.len() >= SHORTEST_RUN || is_below_python => parts.push(Part::Run(run.len(), runtime)),
            _ => parts.extend(
                run.iter()
                    .enumerate()
                    .map(|(step, frame)| Part::Frame(position + step, frame)),
            ),
        }
        position += run.len();
    }
    parts
}

/// Whether a stack is that of any Python program: the interpreter's frames and nothing else.
pub fn is_interpreters_alone(stack: &[Frame]) -> bool {
    without_bottom(stack).iter().all(is_interpreters)
}

/// Whether a symbol is a runtime's.
pub fn is_of_runtime(symbol: &str) -> bool {
    runtime(symbol).is_some()
}

/// Whether a frame only calls others, for an interpreter or the runtime of a language, or is at the bottom of every stack.
pub fn is_aside(frame: &Frame) -> bool {
    is_bottom(frame) || is_interpreters(frame) || runtime_of(frame).is_some()
}

/// Whether a frame belongs to the program or one of its libraries, and to no runtime that calls it or that it waits in.
pub fn is_informative(frame: &Frame) -> bool {
    let Some(symbol) = frame.symbol.as_deref() else {
        return false;
    };
    !takes_python_lock(symbol) && !is_aside(frame) && !is_machinery(frame)
}

/// Whether a frame is part of a language's or libc's own machinery.
pub fn is_machinery(frame: &Frame) -> bool {
    users_frame::is_of_system(frame)
        || users_frame::is_machinery(frame)
        || frame.file.as_deref().and_then(runtime_of_file).is_some()
}

/// Whether a function of this name takes one of Python's own locks.
pub fn takes_python_lock(symbol: &str) -> bool {
    PYTHON_LOCK_TAKERS.iter().any(|taker| symbol.starts_with(taker))
}

/// Whether a stack ends in the interpreter's own code, as that of a call which takes one of Python's locks does.
pub fn ends_in_python_lock(stack: &[Frame]) -> bool {
    let mut symbols = stack.iter().take(3).filter_map(|frame| frame.symbol.as_deref());
    stack.first().is_some_and(is_interpreters) || symbols.any(takes_python_lock)
}

/// Whether a frame lies in CPython's program, library or modules.
pub fn is_interpreters(frame: &Frame) -> bool {
    let module = frame.module.as_deref().unwrap_or_default();
    let name = base_name(module);
    let program = name.strip_prefix("lib").unwrap_or(name).strip_prefix("python");
    let is_program =
        program.is_some_and(|version| !version.starts_with(|next: char| next.is_alphabetic() || next == '-'));
    is_program || module.contains("/lib-dynload/")
}

/// The stack without the frames at its bottom; the whole stack if there are no others.
fn without_bottom(stack: &[Frame]) -> &[Frame] {
    let last = stack.iter().rposition(|frame| !is_bottom(frame));
    last.and_then(|last| stack.get(..=last)).unwrap_or(stack)
}

/// The stack from libc's function on that makes a system call, where it does so in functions without a name (since glibc 2.41).
fn without_nameless_top(stack: &[Frame]) -> &[Frame] {
    let named = stack
        .iter()
        .position(|frame| frame.symbol.is_some() || !is_libcs(frame));
    let is_called_there = |&named: &usize| stack.get(named).is_some_and(is_libcs);
    let from = named.filter(is_called_there).unwrap_or(0);
    stack.get(from..).unwrap_or(stack)
}

fn is_libcs(frame: &Frame) -> bool {
    let module = frame.module.as_deref();
    module.is_some_and(|module| module.ends_with("/libc.so.6"))
}

fn is_bottom(frame: &Frame) -> bool {
    match &frame.symbol {
        Some(symbol) => BOTTOM.contains(&symbol.as_str()),
        // A libc without its symbol table.
        None => is_libcs(frame),
    }
}

fn runtime_of(frame: &Frame) -> Option<&'static Runtime> {
    match frame.symbol.as_deref() {
        Some(symbol) => runtime(symbol).or_else(|| runtime_of_file(frame.file.as_deref()?)),
        // An interpreter without its symbol table.
        None => RUNTIMES.first().filter(|_| is_interpreters(frame)),
    }
}

fn runtime_of_file(file: &str) -> Option<&'static Runtime> {
    RUNTIMES.iter().find(|runtime| {
        runtime
            .folder
            .is_some_and(|folder| file.starts_with("/usr/") && file.contains(folder))
    })
}

fn runtime(symbol: &str) -> Option<&'static Runtime> {
    RUNTIMES.iter().find(|runtime| {
        runtime.whole.contains(&symbol) || runtime.beginnings.iter().any(|beginning| symbol.starts_with(beginning))
    })
}

#[cfg(test)]
mod tests {
    use forkwatch_schema::record::Frame;

    use super::{Part, is_informative, parts};

    fn frame(symbol: &str, file: &str) -> Frame {
        Frame {
            module: Some("/srv/shop".into()),
            symbol: Some(symbol.into()),
            file: Some(file.into()),
            ..Frame::default()
        }
    }

    #[test]
    fn a_system_call_begins_with_the_function_of_libc_that_has_a_name() {
        let libc = |symbol: Option<&str>| Frame {
            module: Some("/usr/lib/libc.so.6".into()),
            symbol: symbol.map(str::to_owned),
            ..Frame::default()
        };
        let own = frame("wait", "/srv/shop.c");
        let shown = |stack: &[Frame]| -> Vec<Option<String>> {
            let parts = parts(stack, false);
            let symbol = |part: &Part<'_>| match part {
                Part::Frame(_, frame) => frame.symbol.clone(),
                Part::Run(..) => panic!("no runtime"),
            };
            parts.iter().map(symbol).collect()
        };
        let [read, wait] = ["read", "wait"].map(|name| Some(name.to_owned()));
        let stack = [libc(None), libc(None), libc(Some("read")), own.clone()];
        assert_eq!(shown(&stack), [read, wait.clone()]);
        let unknown = [libc(None), own];
        assert_eq!(
            shown(&unknown),
            [None, wait],
            "else it would seem to be the program's own call"
        );
    }

    #[test]
    fn inlined_functions_of_the_cpp_library_are_known_by_their_file() {
        let header = "/usr/include/c++/12/bits/std_mutex.h";
        let inlined = ["__gthread_mutex_lock", "lock", "lock_guard"].map(|name| frame(name, header));
        let own = frame("Ledger::hold(int)", "/srv/c++/ledger.cpp");
        let stack = [inlined.to_vec(), vec![own.clone()]].concat();
        let [Part::Run(3, _), Part::Frame(3, shown)] = parts(&stack, false)[..] else {
            panic!("{:?}", parts(&stack, false));
        };
        assert_eq!(shown, &own);
        assert!(is_informative(&own) && !is_informative(&inlined[1]));
    }
}
