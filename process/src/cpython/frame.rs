//! The frames of a thread.

use forkwatch_schema::record::PythonFrame;

use super::layout::{Innermost, Instruction, Variables};
use super::line_table::line_at;
use super::object::{MAX_ENTRIES, Objects};

/// The most frames followed, where the interpreter's own are among them.
const MAX_FRAMES: usize = 1024;
/// The longest table of lines that is read; frames in longer functions have no line.
const MAX_LINE_TABLE: usize = 1 << 18;
/// `_frameowner`: from here on, the interpreter's own frames at the bottom of a C call.
const OWNED_BY_C: u8 = 3;
/// Cells: the content.
pub(super) const CONTENT: usize = 16;

/// One frame of a function.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    pub(super) address: usize,
    pub(super) code: usize,
}

impl Objects {
    /// The frames of the thread with this state, innermost first.
    pub fn frames(&self, state: usize, limit: usize) -> Vec<Frame> {
        self.frames_if(state, limit, |frame| {
            (self.type_of(frame.code) == Some(self.interpreter.types.code)).then(|| self.has_begun(frame))
        })
    }

    /// A number that identifies the place where the thread with this state is, in this process. Of
    /// the code, only what marks a frame without a line is read.
    pub fn place(&self, state: usize, limit: usize) -> u64 {
        let place = |frame: Frame| {
            let instruction = match self.layout.instruction {
                Instruction::Number(place, _) => self.pages.int(frame.address + place).map(i64::from),
                // Each thread has instructions of its own.
                Instruction::Address(..) if self.build.copies.is_some() => self.offset(frame).map(i64::from),
                Instruction::Address(place, _) => self
                    .pages
                    .word(frame.address + place)
                    .map(usize::cast_signed)
                    .map(|word| word as i64),
            };
            (frame.code as u64).rotate_left(32) ^ instruction.unwrap_or(0).cast_unsigned()
        };
        let mix = |hash: u64, place: u64| (hash ^ place).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23);
        self.unchecked_frames(state, limit).into_iter().map(place).fold(0, mix)
    }

    /// The frames of the thread with this state, innermost first, whatever the type of their code objects is.
    pub(super) fn unchecked_frames(&self, state: usize, limit: usize) -> Vec<Frame> {
        self.frames_if(state, limit, |frame| Some(self.has_begun(frame)))
    }

    /// The frames for which `counts` is true, up to the first one that it does not know.
    fn frames_if(&self, state: usize, limit: usize, counts: impl Fn(Frame) -> Option<bool>) -> Vec<Frame> {
        let innermost = match self.layout.innermost {
            Innermost::Here(offset) => self.pages.pointer(state + offset),
            Innermost::Behind(offset, inner) => self
                .pages
                .pointer(state + offset)
                .and_then(|behind| self.pages.pointer(behind + inner)),
        };
        let mut frames = Vec::new();
        let mut next = innermost;
        for _ in 0..MAX_FRAMES {
            let Some(address) = next else { break };
            if frames.len() == limit {
                break;
            }
            next = self.pages.pointer(address + self.layout.back);
            let is_the_interpreters = self
                .layout
                .owner
                .is_some_and(|owner| self.pages.byte(address + owner).is_none_or(|owner| owner >= OWNED_BY_C));
            if is_the_interpreters {
                continue;
            }
            let code = self.pages.pointer(address + self.layout.code);
            let code = code.map(|word| self.referred(word));
            let frame = code.map(|code| Frame { address, code });
            match frame.and_then(|frame| Some((frame, counts(frame)?))) {
                Some((frame, true)) => frames.push(frame),
                Some((_, false)) => {}
                // The rest is not what it should be.
                None => break,
            }
        }
        frames
    }

    /// Whether the frame has reached its function's first line: what `traceback` shows. From 3.12 on a class that was called
    /// often has a frame `__init__` between its caller and its own `__init__`, which has no line and never gets there.
    fn has_begun(&self, frame: Frame) -> bool {
        let Some(first) = self.layout.first_traceable else {
            return true;
        };
        match (self.pages.int(frame.code + first), self.offset(frame)) {
            (Some(first), Some(offset)) => offset / 2 >= first,
            _ => true,
        }
    }

    /// The frame here, if it is a function's.
    pub(super) fn frame_at(&self, address: usize) -> Option<Frame> {
        let code = self.referred(self.pages.pointer(address + self.layout.code)?);
        (self.type_of(code) == Some(self.interpreter.types.code)).then_some(Frame { address, code })
    }

    /// The frame as records have it.
    pub fn record_of(&self, frame: Frame) -> Option<PythonFrame> {
        Some(PythonFrame {
            file: self.file(frame)?,
            line: self.line(frame).unwrap_or(0),
            function: self.function(frame)?,
        })
    }

    /// The file of the frame's code.
    pub fn file(&self, frame: Frame) -> Option<String> {
        self.text(self.pages.pointer(frame.code + self.layout.file)?)
    }

    /// The plain name of the frame's function.
    pub fn plain_name(&self, frame: Frame) -> Option<String> {
        let name = self.text(self.pages.pointer(frame.code + self.layout.name)?)?;
        Some(name.rsplit('.').next().unwrap_or_default().to_owned())
    }

    /// The name of the frame's function; before 3.11 code does not know its class, but a method has its object in hand.
    pub fn function(&self, frame: Frame) -> Option<String> {
        let name = self.text(self.pages.pointer(frame.code + self.layout.name)?)?;
        if self.layout.is_qualified {
            return Some(name);
        }
        let first = self.first_local(frame, "self").and_then(|object| self.type_of(object));
        let of = first.or_else(|| {
            let class = self.first_local(frame, "cls")?;
            (self.type_of(class)? == self.interpreter.types.meta).then_some(class)
        });
        let class = of.and_then(|of| self.type_name(of));
        Some(match class.as_deref().and_then(|class| class.rsplit('.').next()) {
            Some(class) => format!("{class}.{name}"),
            None => name,
        })
    }

    /// The line that the frame is at.
    pub fn line(&self, frame: Frame) -> Option<u32> {
        self.line_of(frame, self.offset(frame)?)
    }

    /// The line of the instruction at this offset of the frame's code.
    pub(super) fn line_of(&self, frame: Frame, offset: i32) -> Option<u32> {
        let (format, table) = self.layout.lines;
        let table = self.bytes(self.pages.pointer(frame.code + table)?, MAX_LINE_TABLE)?;
        let first = self.pages.int(frame.code + self.layout.first_line)?;
        line_at(format, first, &table, offset)
    }

    /// Where the instructions of the frame's code begin.
    pub(super) fn code_start(&self, frame: Frame) -> Option<usize> {
        /// `PyBytesObject.ob_sval`.
        const BYTES: usize = 32;
        match self.layout.instruction {
            Instruction::Address(_, start) => self.copy_run_by(frame, start),
            // `co_code` comes two pointers before `co_names` (up to 3.10).
            Instruction::Number(..) => Some(self.pages.pointer(frame.code + self.layout.names - 16)? + BYTES),
        }
    }

    /// Where the copy of its code begins that this frame runs; `start` is where the code itself does, in the code object.
    fn copy_run_by(&self, frame: Frame, start: usize) -> Option<usize> {
        /// The most copies: one for each thread.
        const MAX: usize = 1 << 16;
        let number = match self.build.copies {
            Some(copies) => usize::try_from(self.pages.int(frame.address + copies.number)?).ok()?,
            None => 0,
        };
        match self.build.copies {
            Some(copies) if number != 0 => {
                let table = self.pages.pointer(frame.code + copies.table)?;
                let count = self.pages.word(table)?;
                (number < count.min(MAX)).then(|| self.pages.pointer(table + 8 + number * 8))?
            }
            _ => Some(frame.code + start),
        }
    }

    /// How long the frame's code is, in bytes.
    pub(super) fn code_length(&self, frame: Frame) -> Option<usize> {
        /// `PyVarObject.ob_size`, of the code since 3.11, else of the `bytes` that it refers to.
        const SIZE: usize = 16;
        match self.layout.instruction {
            Instruction::Address(..) => usize::try_from(self.pages.int(self.part(frame.code, SIZE))?)
                .ok()?
                .checked_mul(2),
            Instruction::Number(..) => {
                let code = self.pages.pointer(frame.code + self.layout.names - 16)?;
                self.pages.word(code.checked_add(SIZE)?)
            }
        }
    }

    /// How many of the frame's variables no other function shares, in versions that number those apart.
    pub(super) fn plain_variables(&self, frame: Frame) -> usize {
        match self.layout.variables {
            Variables::Three(plain, _, _) => {
                let names = self.pages.pointer(frame.code + plain);
                names.and_then(|names| self.pages.word(names + 16)).unwrap_or(0)
            }
            Variables::One(_) => 0,
        }
    }

    /// How far into its code the frame is, in bytes.
    pub(super) fn offset(&self, frame: Frame) -> Option<i32> {
        match self.layout.instruction {
            Instruction::Number(place, unit) => self.pages.int(frame.address + place)?.checked_mul(unit),
            Instruction::Address(place, start) => {
                let address = self.pages.pointer(frame.address + place)?;
                // An instruction is two bytes; a frame that has not begun is before the first one.
                i32::try_from(address.wrapping_sub(self.copy_run_by(frame, start)?).cast_signed()).ok()
            }
        }
    }

    /// The object in the frame's first local variable, if it has this name.
    pub fn first_local(&self, frame: Frame, name: &str) -> Option<usize> {
        let tuple = match self.layout.variables {
            Variables::Three(plain, _, _) => plain,
            Variables::One(all) => all,
        };
        let names = self.pages.pointer(frame.code + tuple)?;
        let first = *self.elements(names, 1).first()?;
        if self.text(first)? != name {
            return None;
        }
        match self.referred(self.pages.word(frame.address + self.layout.locals)?) {
            // Before 3.11, an argument that inner functions share has moved to the shared ones.
            0 => self
                .locals(frame)
                .into_iter()
                .find(|&(its, _)| its == first)
                .map(|(_, object)| object),
            object => Some(self.content(object)),
        }
    }

    /// The names of the function's local variables, in the order of its frames.
    pub fn variable_names(&self, frame: Frame) -> Vec<usize> {
        /// The most that are examined.
        const MAX: usize = 256;
        let names = |offset| {
            let tuple = self.pages.pointer(frame.code + offset);
            tuple.map_or_else(Vec::new, |tuple| self.elements(tuple, MAX))
        };
        match self.layout.variables {
            Variables::Three(plain, shared, outer) => [names(plain), names(shared), names(outer)].concat(),
            Variables::One(all) => names(all),
        }
    }

    /// The names and objects of the frame's local variables.
    pub fn locals(&self, frame: Frame) -> Vec<(usize, usize)> {
        let names = self.variable_names(frame);
        let start = frame.address + self.layout.locals;
        let object = |(index, name)| Some((name, self.referred(self.pages.word(start + index * 8)?)));
        let locals = names.into_iter().enumerate().map_while(object);
        locals
            .filter(|&(_, object)| object != 0)
            .map(|(name, object)| (name, self.content(object)))
            .collect()
    }

    /// The address of the dictionary with the module's variables, which tells one module from another.
    pub fn module(&self, frame: Frame) -> Option<usize> {
        self.pages.pointer(frame.address + self.layout.globals)
    }

    /// The module's variables.
    pub fn globals(&self, frame: Frame) -> Vec<(usize, usize)> {
        let module = self.module(frame);
        module.map_or_else(Vec::new, |module| self.entries(module, MAX_ENTRIES))
    }

    /// The names of variables of the module, and of attributes, that the function uses.
    pub fn used_names(&self, frame: Frame) -> Vec<usize> {
        const MAX: usize = 256;
        let names = self.pages.pointer(frame.code + self.layout.names);
        names.map_or_else(Vec::new, |names| self.elements(names, MAX))
    }

    /// What a cell holds, for variables that functions share; any other object itself.
    fn content(&self, object: usize) -> usize {
        if self.type_of(object) == Some(self.interpreter.types.cell) {
            self.pointer_in(object, CONTENT).unwrap_or(object)
        } else {
            object
        }
    }
}
