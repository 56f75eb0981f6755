//! The place of a stack: its most informative frame, with file and line.

use forkwatch_schema::path::base_name;
use forkwatch_schema::record::{Detail, Frame, Lock, PythonFrame};
use forkwatch_schema::users_frame;
use forkwatch_text::noise;

use super::finding::Whole;

/// A place in code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place<'record> {
    /// The function; none where only the module is known.
    pub function: Option<&'record str>,
    /// Its source file.
    pub file: Option<&'record str>,
    /// The line in it.
    pub line: Option<u32>,
    /// The file of machine code.
    pub module: Option<&'record str>,
    /// The distance from its load base.
    pub offset: Option<&'record str>,
}

impl<'record> From<&'record Frame> for Place<'record> {
    fn from(frame: &'record Frame) -> Self {
        Self {
            function: frame.symbol.as_deref(),
            file: frame.file.as_deref(),
            line: frame.line,
            module: frame.module.as_deref(),
            offset: frame.offset.as_deref(),
        }
    }
}

impl<'record> From<&'record PythonFrame> for Place<'record> {
    fn from(frame: &'record PythonFrame) -> Self {
        Self {
            function: Some(&frame.function),
            file: Some(&frame.file),
            line: Some(frame.line),
            module: None,
            offset: None,
        }
    }
}

impl Place<'_> {
    /// `send (shop.c:27)`, `send (shop+0x1189)`, `send`.
    pub fn in_words(&self) -> String {
        let function = self.function.unwrap_or("??");
        match (self.file, self.line, self.module, self.offset) {
            (Some(file), Some(line), ..) => format!("{function} ({}:{line})", base_name(file)),
            (Some(file), None, ..) => format!("{function} ({})", base_name(file)),
            (None, _, Some(module), Some(offset)) => format!("{function} ({}+{offset})", base_name(module)),
            _ => function.to_owned(),
        }
    }
}

/// The most informative place: the user's own Python frame, else the innermost native frame of the program's own code,
/// preferably one with a line.
pub fn of_stack<'record>(native: &'record [Frame], python: Option<&'record [PythonFrame]>) -> Option<Place<'record>> {
    if let Some(frame) = python.and_then(users_frame::of_python) {
        return Some(frame.into());
    }
    let informative = || native.iter().filter(|frame| noise::is_informative(frame));
    let has_name = |frame: &&Frame| frame.symbol.is_some();
    let own = informative()
        .find(|frame| frame.file.is_some())
        .or_else(|| informative().find(has_name));
    if let Some(frame) = own {
        return Some(frame.into());
    }
    let frame = native.iter().find(has_name).or_else(|| native.first())?;
    let place = Place::from(frame);
    // No user has an interpreter's source file to look into.
    let is_interpreters = noise::is_interpreters(frame);
    Some(Place {
        file: place.file.filter(|_| !is_interpreters),
        line: place.line.filter(|_| !is_interpreters),
        ..place
    })
}

/// Where a finding happens: the fork, the child's call, or where the lock was taken.
pub fn of_finding<'shown>(finding: &'shown Whole<'_>) -> Option<Place<'shown>> {
    let (native, python) = stack(finding.example.detail()?)?;
    of_stack(native, python)
}

/// Where a lock was taken; `None` where that is not known, or where only an interpreter's own code is: then its name says more.
pub fn of_acquisition(lock: &Lock) -> Option<Place<'_>> {
    let (stack, python) = (&lock.acquired_stack, lock.acquired_python_stack.as_deref());
    let is_known = python.is_some() || !stack.is_empty() && !noise::is_interpreters_alone(stack);
    is_known.then(|| of_stack(stack, python)).flatten()
}

/// The stacks of what happened.
pub fn stack(detail: &Detail) -> Option<(&[Frame], Option<&[PythonFrame]>)> {
    Some(match detail {
        Detail::UnsafeFork(fork) => (&fork.fork.stack, fork.fork.python_stack.as_deref()),
        Detail::OrphanedLock(orphan) => (&orphan.stack, orphan.python_stack.as_deref()),
        Detail::PossibleDeadlock(possible) => (&possible.stack, possible.python_stack.as_deref()),
        Detail::SharedDescriptor(shared) => (&shared.stack, shared.python_stack.as_deref()),
        Detail::StuckChild(stuck) => (&stuck.stack, stuck.python_stack.as_deref()),
        Detail::Call(call) => (&call.stack, call.python_stack.as_deref()),
        Detail::LeakedLock(leak) => (&leak.lock.acquired_stack, None),
        Detail::SlowHandler(_) | Detail::ForkOutcome(_) | Detail::Summary(_) => return None,
    })
}

/// The locks in a finding.
pub fn locks(detail: &Detail) -> &[Lock] {
    match detail {
        Detail::UnsafeFork(fork) => &fork.locks,
        Detail::OrphanedLock(orphan) => std::slice::from_ref(&orphan.lock),
        Detail::PossibleDeadlock(possible) => std::slice::from_ref(&possible.lock),
        Detail::LeakedLock(leak) => std::slice::from_ref(&leak.lock),
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::of_stack;
    use forkwatch_schema::record::{Frame, PythonFrame};

    fn frame(module: &str, symbol: &str, file: Option<&str>) -> Frame {
        Frame {
            module: Some(module.into()),
            offset: Some("0x10".into()),
            symbol: Some(symbol.into()),
            file: file.map(Into::into),
            line: file.map(|_| 7),
            ..Frame::default()
        }
    }

    #[test]
    fn the_programs_own_frame_is_most_informative() {
        let stack = [
            frame("/lib/libc.so.6", "fork", Some("nptl/fork.c")),
            frame("/bin/shop", "helper", None),
            frame("/bin/shop", "send", Some("/src/shop.c")),
            frame("/bin/shop", "_start", Some("start.S")),
        ];
        assert_eq!(of_stack(&stack, None).unwrap().in_words(), "send (shop.c:7)");
        assert_eq!(of_stack(&stack[..2], None).unwrap().in_words(), "helper (shop+0x10)");
        assert_eq!(of_stack(&stack[..1], None).unwrap().in_words(), "fork (fork.c:7)");
        let python = [PythonFrame {
            file: "/app/a.py".into(),
            line: 3,
            function: "main".into(),
        }];
        assert_eq!(of_stack(&stack, Some(&python)).unwrap().in_words(), "main (a.py:3)");
        let interpreters = [frame(
            "/usr/bin/python3.11",
            "os_fork_impl",
            Some("Modules/posixmodule.c"),
        )];
        let place = of_stack(&interpreters, None).unwrap();
        assert_eq!(
            (place.in_words().as_str(), place.file),
            ("os_fork_impl (python3.11+0x10)", None)
        );
        assert_eq!(of_stack(&[], None), None);
    }
}
