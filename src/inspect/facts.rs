//! The facts about a process.

use std::io;
use std::path::PathBuf;

use forkwatch_process::module::Module;
use forkwatch_schema::log_path::Marks;
use forkwatch_schema::path::base_name;
use forkwatch_schema::record::{Frame, Record};
use forkwatch_schema::signals::{Handled, Power};

use super::python::Python;
use super::rights::unreadable;
use crate::message::Failure;
use crate::proc::{FutexWait, Process, Stat, Status, SystemCall};
use crate::records;
use crate::stack;
use crate::{clock, run};

/// A snapshot of a process.
#[derive(Debug)]
pub struct Facts {
    /// The process.
    pub process: Process,
    /// Its state.
    pub stat: Stat,
    /// Its user.
    pub status: Status,
    /// Its program file, where it may be known.
    pub program: Option<PathBuf>,
    /// What its first thread waits in.
    pub call: io::Result<SystemCall>,
    /// The kernel's function that it waits in.
    pub kernel_function: Option<String>,
    /// Its parent, unless that is gone.
    pub parent: Option<Parent>,
    /// Where its only thread is.
    pub stack: io::Result<Vec<Frame>>,
    /// What its Python code does; `None` where it has none, or other threads.
    pub python: Option<Python>,
    /// The variable that contains the futex that it waits on.
    pub variable: Option<String>,
    /// What the library reported about it.
    pub watched: Watched,
}

/// A process's parent.
#[derive(Debug)]
pub struct Parent {
    /// The process.
    pub process: Process,
    /// Its state.
    pub stat: Stat,
    /// Whether it runs the same program file.
    pub has_same_program: bool,
}

/// Whether the library watches a process, and what it reported.
#[derive(Debug)]
pub enum Watched {
    /// Its mappings cannot be read.
    Unknown,
    /// The library is not loaded.
    No,
    /// The library cannot be loaded, because the program is this.
    Impossible(String),
    /// It is loaded, but its records do not go to a file.
    Unlogged,
    /// It is loaded, and wrote this about this process.
    Logged(PathBuf, Vec<Record>),
}

impl Facts {
    /// The stack, as far as it is known.
    pub fn stack_or_nothing(&self) -> &[Frame] {
        self.stack.as_deref().unwrap_or_default()
    }

    /// What the handlers of the process could do about the wait that it is in.
    pub fn power_of_signals(&self) -> Power {
        let copied = self.parent.as_ref().filter(|parent| parent.has_same_program);
        let handled = Handled {
            here: self.status.handled_signals,
            in_parent: copied.and_then(|parent| Some(parent.process.status().ok()?.handled_signals)),
        };
        let frames = self.python.as_ref().map(|python| &*python.frames);
        stack::power_over_wait(self.stack_or_nothing(), frames, frames.is_some(), handled)
    }

    /// Reads them all.
    pub fn gather(process: Process) -> Result<Self, Failure> {
        let gone = |error| unreadable(process, &error);
        let stat = process.stat().map_err(gone)?;
        let status = process.status().map_err(gone)?;
        let program = process.program().ok();
        let parent = parent(&stat, program.as_ref());
        let call = process.system_call();
        let modules = stack::modules(process);
        let watched = match &modules {
            Err(_) => Watched::Unknown,
            Ok(modules) if !modules.all().iter().any(is_library) => {
                run::obstacle(&process.path("exe")).map_or(Watched::No, Watched::Impossible)
            }
            Ok(_) => logged(process, &stat, program.as_ref(), parent.as_ref()),
        };
        let (mut python, mut variable, mut stack) = (None, None, Ok(Vec::new()));
        if let Ok(SystemCall::Waiting {
            stack_pointer, counter, ..
        }) = call
            && stat.threads == 1
        {
            let futex = call.as_ref().ok().and_then(FutexWait::of).map(|wait| wait.address);
            let copied = parent
                .as_ref()
                .filter(|parent| parent.has_same_program && stat.is_forked);
            if let Ok(modules) = &modules {
                python = Python::of(process, modules, futex, copied.map(|parent| parent.process));
            }
            let again = stack::modules(process).ok();
            variable = futex.and_then(|futex| stack::variable_at(again?, futex));
            stack = modules.and_then(|modules| stack::of(modules, stack_pointer, counter));
        }
        Ok(Self {
            kernel_function: process.kernel_function(),
            process,
            stat,
            status,
            program,
            call,
            parent,
            stack,
            python,
            variable,
            watched,
        })
    }
}

/// Whether this is our own library.
fn is_library(module: &Module) -> bool {
    module.base_name() == run::LIBRARY_NAME
}

fn parent(stat: &Stat, program: Option<&PathBuf>) -> Option<Parent> {
    let process = Process(stat.parent);
    let stat = process.stat().ok()?;
    let has_same_program = program.is_some() && process.program().ok().as_ref() == program;
    Some(Parent {
        process,
        stat,
        has_same_program,
    })
}

fn logged(process: Process, stat: &Stat, program: Option<&PathBuf>, parent: Option<&Parent>) -> Watched {
    let value = process.variable("FORKWATCH_LOG").ok().flatten();
    let Some(value) = value.filter(|value| !value.is_empty()) else {
        return Watched::Unlogged;
    };
    let host = records::host();
    let program = program
        .map(|path| path.to_string_lossy().into_owned())
        .unwrap_or_default();
    let path = |pid| {
        let path = records::log_file(
            &value,
            Marks {
                pid,
                host: &host,
                program: base_name(&program),
            },
        )?;
        // A relative path begins where the process is.
        Some(process.path("cwd").join(path))
    };
    let started = clock::started(stat.started);
    let Some(own) = path(process.0) else {
        return Watched::Unlogged;
    };
    // The parent reported the fork itself, in its own file if the path contains `%p`.
    let mut files = vec![own.clone()];
    files.extend(
        parent
            .and_then(|parent| path(parent.process.0))
            .filter(|path| *path != own),
    );
    let records = files.iter().flat_map(|path| records::about(path, process.0, &started));
    Watched::Logged(own, records.collect())
}
