//! The stack of another process that waits in a system call, without stopping or signalling it. A debugger would have to stop the
//! process.

mod signals;

use std::fs::{self, File};
use std::io;

use forkwatch_process::blocked_stack::Unwinder;
use forkwatch_process::memory::ProcessMemory;
use forkwatch_process::modules::Modules;
use forkwatch_process::resolver::{Naming, Resolver};
use forkwatch_schema::path::base_name;
use forkwatch_schema::record::Frame;

use crate::proc::Process;

pub use signals::power_over_wait;

/// A stack deeper than this is cut.
pub const MAX_FRAMES: usize = 128;

/// The modules of another process, whose memory we may read.
pub fn modules(process: Process) -> io::Result<Modules> {
    let memory = ProcessMemory::of(process.0).ok_or(io::ErrorKind::NotFound)?;
    // The mappings may be read by some who may not read the memory; this says why.
    drop(File::open(process.path("mem"))?);
    Ok(Modules::from_text(&fs::read(process.path("maps"))?, memory))
}

/// The stack of the thread that waits with this stack pointer and program counter, innermost first, without our own library.
pub fn of(modules: Modules, stack_pointer: u64, counter: u64) -> io::Result<Vec<Frame>> {
    let mut resolver = Resolver::with_modules(Naming::Full, modules);
    let mut unwinder = Unwinder::new(resolver.modules().clone());
    let place = |number: u64| usize::try_from(number).map_err(|_| io::ErrorKind::InvalidData);
    let addresses = unwinder.stack(place(counter)?, place(stack_pointer)?, MAX_FRAMES);
    let frames = resolver.frames(&addresses, true);
    Ok(frames.into_iter().filter(|frame| !is_ours(frame)).collect())
}

/// The name of the variable at this address of the process.
pub fn variable_at(modules: Modules, address: u64) -> Option<String> {
    Resolver::with_modules(Naming::Names, modules).name_of_variable(usize::try_from(address).ok()?)
}

/// Whether these frames are our hooks, between the program and libc.
fn is_ours(frame: &Frame) -> bool {
    frame
        .module
        .as_deref()
        .is_some_and(|path| base_name(path) == "libforkwatch.so")
}

/// One frame in words: function, file and line; or what is known instead.
pub fn described(frame: &Frame) -> String {
    let module = frame.module.as_deref().map(base_name);
    let place = match (&frame.file, frame.line, module) {
        (Some(file), Some(line), _) => format!("at {file}:{line}"),
        (Some(file), None, _) => format!("at {file}"),
        (None, _, Some(module)) => {
            let offset = frame.offset.as_deref().unwrap_or("?");
            format!("in {module}+{offset}")
        }
        (None, _, None) => format!("at {}", frame.ip),
    };
    match &frame.symbol {
        Some(symbol) => format!("{symbol} {place}"),
        None => format!("?? {place}"),
    }
}

/// The function that the program called and that waits: libc's own outermost one, where the thread is in libc at all.
pub fn waiting_function(stack: &[Frame]) -> Option<&str> {
    let is_libc = |frame: &&Frame| {
        let module = frame.module.as_deref().map(base_name);
        // Before glibc 2.34 the threads had a library of their own.
        module.is_some_and(|name| {
            ["libc.so", "libc-2", "libpthread"]
                .iter()
                .any(|start| name.starts_with(start))
        })
    };
    let symbol = stack.iter().take_while(is_libc).last()?.symbol.as_deref()?;
    // libc knows most of its functions by second names of its own: `__pthread_mutex_lock`, `__new_sem_wait_slow64`,
    // `_IO_new_popen`.
    let name = symbol
        .trim_start_matches('_')
        .trim_start_matches("GI_")
        .trim_start_matches('_');
    let name = name.strip_prefix("IO_").unwrap_or(name);
    let name = name.strip_prefix("new_").unwrap_or(name);
    name.split("_slow").next()
}

#[cfg(test)]
mod tests {
    use forkwatch_schema::record::Frame;

    use super::{described, waiting_function};

    fn frame(module: &str, symbol: Option<&str>) -> Frame {
        Frame {
            ip: "0x7f10".into(),
            module: Some(module.into()),
            offset: Some("0x10".into()),
            symbol: symbol.map(Into::into),
            ..Frame::default()
        }
    }

    #[test]
    fn the_function_that_the_program_called_is_named() {
        let libc = "/lib/x86_64-linux-gnu/libc.so.6";
        let stack = [
            frame(libc, None),
            frame(libc, Some("__lll_lock_wait_private")),
            frame(libc, Some("setenv")),
            frame("/x/app", Some("child")),
            frame(libc, Some("__libc_start_main")),
        ];
        assert_eq!(waiting_function(&stack), Some("setenv"));
        assert_eq!(waiting_function(&stack[3..]), None);
        let slow = [frame(libc, Some("__new_sem_wait_slow64.constprop.0"))];
        assert_eq!(waiting_function(&slow), Some("sem_wait"));
        let streams = ["_IO_new_popen", "_IO_puts"].map(|name| frame(libc, Some(name)));
        assert_eq!(waiting_function(&streams[..1]), Some("popen"));
        assert_eq!(waiting_function(&streams[1..]), Some("puts"));
    }

    #[test]
    fn a_frame_without_names_has_its_place() {
        assert_eq!(described(&frame("/x/app", None)), "?? in app+0x10");
        assert_eq!(
            described(&Frame {
                ip: "0x7".into(),
                ..Frame::default()
            }),
            "?? at 0x7"
        );
        let known = Frame {
            file: Some("/x/a.c".into()),
            line: Some(7),
            ..frame("/x/app", Some("main"))
        };
        assert_eq!(described(&known), "main at /x/a.c:7");
    }
}
