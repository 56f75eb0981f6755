//! The targets, one file each.

mod cpython;
mod demangle;
mod elf;
mod options;
mod proc;
mod records;
mod report;
mod suppressions;
mod unwind;

/// One kind of input, and the code that reads it.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name of the target, of its program and of its directory in `corpus/`.
    pub name: &'static str,
    /// Reads an input; panics if the answer is wrong. Returns how much of it was understood, for example lines or frames.
    pub run: fn(&[u8]) -> usize,
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target {
        name: "cpython",
        run: cpython::run,
    },
    Target {
        name: "demangle",
        run: demangle::run,
    },
    Target {
        name: "elf",
        run: elf::run,
    },
    Target {
        name: "options",
        run: options::run,
    },
    Target {
        name: "proc",
        run: proc::run,
    },
    Target {
        name: "records",
        run: records::run,
    },
    Target {
        name: "report",
        run: report::run,
    },
    Target {
        name: "suppressions",
        run: suppressions::run,
    },
    Target {
        name: "unwind",
        run: unwind::run,
    },
];

/// Runs the target of this name.
pub fn run(name: &str, input: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    let _nobody_asks = (target.expect("a target of this name").run)(input);
}

/// Fails if a displayed text could move the cursor, change colours or change the writing direction.
fn assert_harmless(text: &str) {
    for line in text.lines() {
        assert_eq!(forkwatch_text::harmless::harmless(line), line, "is to be escaped");
    }
}

/// The lines of an input, without their line breaks.
fn lines(input: &[u8]) -> impl Iterator<Item = &[u8]> {
    input.split(|&byte| byte == b'\n')
}
