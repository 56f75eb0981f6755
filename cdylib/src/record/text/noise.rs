//! Frames that tell nobody anything: how a program or thread begins, and how an interpreter or a runtime calls itself.

use forkwatch_schema::record::Frame;

use super::shorten;

/// A run of frames shorter than this is shown as it is.
const SHORTEST_RUN: usize = 3;

/// Below which every stack begins.
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
}

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
    },
];

/// Libraries that are below every program: where in them a thread is tells less than the name of the call it waits in.
const SYSTEM_LIBRARIES: &[&str] = &[
    "libc.so",
    "libpthread",
    "libm.so",
    "ld-linux",
    "libstdc++.so",
    "libgcc_s.so",
    "[vdso]",
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
    /// So many frames of a runtime in one line.
    Run(usize, &'static Runtime),
}

/// A stack without the frames at its bottom, and with runs of a runtime's frames taken together.
pub fn parts(stack: &[Frame]) -> Vec<Part<'_>> {
    let kept = &stack.get(..interesting(stack)).unwrap_or(stack);
    let mut parts = Vec::new();
    let mut position = 0;
    while let Some(rest) = kept.get(position..).filter(|rest| !rest.is_empty()) {
        let runtime = rest.first().and_then(runtime_of);
        let alike =
            |frame: &&Frame| runtime_of(frame).map(|runtime| runtime.name) == runtime.map(|runtime| runtime.name);
        let run = rest.iter().take_while(alike).count().max(1);
        match runtime {
            Some(runtime) if run >= SHORTEST_RUN => parts.push(Part::Run(run, runtime)),
            _ => parts.extend(
                rest.iter()
                    .take(run)
                    .enumerate()
                    .map(|(step, frame)| Part::Frame(position + step, frame)),
            ),
        }
        position += run;
    }
    parts
}

/// Whether a symbol is a runtime's.
pub fn is_of_runtime(symbol: &str) -> bool {
    runtime(symbol).is_some()
}

/// Whether a frame belongs to the program or one of its libraries, and to no runtime that calls it or that it waits in.
pub fn is_telling(frame: &Frame) -> bool {
    let Some(symbol) = frame.symbol.as_deref() else {
        return false;
    };
    let is_machinery = takes_python_lock(symbol) || symbol == "acquire_timed";
    !is_machinery && runtime(symbol).is_none() && !is_bottom(frame) && !is_of_system(frame)
}

/// Whether a function of this name takes one of Python's own locks.
pub fn takes_python_lock(symbol: &str) -> bool {
    PYTHON_LOCK_TAKERS.iter().any(|taker| symbol.starts_with(taker))
}

fn is_of_system(frame: &Frame) -> bool {
    let module = frame.module.as_deref().map_or("", shorten::base_name);
    SYSTEM_LIBRARIES.iter().any(|library| module.starts_with(library))
}

/// How many frames stand above those at the bottom; all, where there are no others.
fn interesting(stack: &[Frame]) -> usize {
    match stack.iter().rposition(|frame| !is_bottom(frame)) {
        Some(last) => last + 1,
        None => stack.len(),
    }
}

fn is_bottom(frame: &Frame) -> bool {
    match &frame.symbol {
        Some(symbol) => BOTTOM.contains(&symbol.as_str()),
        // A libc without its symbol table.
        None => frame
            .module
            .as_deref()
            .is_some_and(|module| module.ends_with("/libc.so.6")),
    }
}

fn runtime_of(frame: &Frame) -> Option<&'static Runtime> {
    runtime(frame.symbol.as_deref()?)
}

fn runtime(symbol: &str) -> Option<&'static Runtime> {
    RUNTIMES.iter().find(|runtime| {
        runtime.whole.contains(&symbol) || runtime.beginnings.iter().any(|beginning| symbol.starts_with(beginning))
    })
}
