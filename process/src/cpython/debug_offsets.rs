//! An interpreter's own table for debuggers (`_Py_DebugOffsets`), at the start of `_PyRuntime` since 3.13.

/// Offsets, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DebugOffsets {
    /// `PY_VERSION_HEX`.
    pub version: u64,
    /// Whether it is a build with an interpreter lock.
    pub has_interpreter_lock: bool,
    /// `_PyRuntime`: the first interpreter.
    pub interpreters: usize,
    /// Interpreters: the next one.
    pub next_interpreter: usize,
    /// Interpreters: the first thread state.
    pub first_thread: usize,
    /// Interpreters: the dictionary of modules.
    pub modules: usize,
    /// Thread states: the innermost frame.
    pub innermost: usize,
    /// Thread states: the thread's `pthread_t`.
    pub thread_id: usize,
    /// Frames: the caller's frame.
    pub back: usize,
    /// Frames: the code.
    pub code: usize,
    /// Frames: the instruction.
    pub instruction: usize,
    /// Frames: the local variables.
    pub locals: usize,
    /// Frames: the owner.
    pub owner: usize,
    /// Code objects: the file.
    pub file: usize,
    /// Code objects: the qualified name.
    pub name: usize,
    /// Code objects: the table of lines.
    pub lines: usize,
    /// Code objects: the first line.
    pub first_line: usize,
    /// Code objects: the names of local variables.
    pub variables: usize,
    /// Code objects: the instructions.
    pub instructions: usize,
}

/// Where the table of a minor version has what is read, in words. The first word of each part is a size.
struct Places {
    /// The upper half of `PY_VERSION_HEX`.
    version: u64,
    modules: usize,
    /// The part for thread states.
    thread: usize,
    /// The thread's `pthread_t` in that part.
    thread_id: usize,
    /// The part for frames.
    frame: usize,
    /// The part for code objects.
    code: usize,
}

/// `_Py_DebugOffsets` of each version's headers.
#[rustfmt::skip]
const PLACES: [Places; 3] = [
    Places { version: 0x030d, modules: 11, thread: 19, thread_id: 5, frame: 28, code: 34 },
    Places { version: 0x030e, modules: 12, thread: 22, thread_id: 5, frame: 31, code: 39 },
    Places { version: 0x030f, modules: 12, thread: 22, thread_id: 8, frame: 39, code: 47 },
];

impl DebugOffsets {
    /// The words of the table that are read.
    pub const WORDS: usize = 57;

    /// Reads the table; `None` where it is that of a version which is not known.
    pub fn parse(table: &[u64; Self::WORDS]) -> Option<Self> {
        /// No structure of these has as many bytes; the interpreter's own state has more.
        const BIGGEST: usize = 1 << 16;
        const COOKIE: u64 = u64::from_ne_bytes(*b"xdebugpy");
        const BIGGEST_STATE: usize = 1 << 24;
        let [cookie, version, without_lock, ..] = *table;
        if cookie != COOKIE {
            return None;
        }
        let places = PLACES.iter().find(|places| places.version == version >> 16)?;
        let Places {
            thread, frame, code, ..
        } = *places;
        let word = |index: usize| usize::try_from(*table.get(index)?).ok();
        let at = |index| word(index).filter(|&offset| offset < BIGGEST);
        let in_state = |index| word(index).filter(|&offset| offset < BIGGEST_STATE);
        Some(Self {
            version,
            has_interpreter_lock: without_lock == 0,
            interpreters: in_state(5)?,
            next_interpreter: in_state(8)?,
            first_thread: in_state(9)?,
            modules: in_state(places.modules)?,
            innermost: at(thread + 4)?,
            thread_id: at(thread + places.thread_id)?,
            back: at(frame + 1)?,
            code: at(frame + 2)?,
            instruction: at(frame + 3)?,
            locals: at(frame + 4)?,
            owner: at(frame + 5)?,
            file: at(code + 1)?,
            name: at(code + 3)?,
            lines: at(code + 4)?,
            first_line: at(code + 5)?,
            variables: at(code + 7)?,
            instructions: at(code + 9)?,
        })
    }

    /// The 13 of 3.13.
    pub fn minor(&self) -> u32 {
        (self.version >> 16 & 0xff) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::DebugOffsets;

    #[test]
    fn tables_of_offsets() {
        let mut table: [u64; DebugOffsets::WORDS] = core::array::from_fn(|index| index as u64);
        table[..3].copy_from_slice(&[u64::from_ne_bytes(*b"xdebugpy"), 0x030e_0af0, 0]);
        let offsets = DebugOffsets::parse(&table).unwrap();
        assert_eq!((offsets.innermost, offsets.back, offsets.instructions), (26, 32, 48));
        assert_eq!(
            (offsets.interpreters, offsets.first_thread, offsets.minor()),
            (5, 9, 14)
        );
        table[35] = u64::MAX;
        assert_eq!(DebugOffsets::parse(&table), None, "no offset");
        table[35] = 80;
        table[2] = 1;
        let has_lock = DebugOffsets::parse(&table).map(|offsets| offsets.has_interpreter_lock);
        assert_eq!(has_lock, Some(false));
        table[1] = 0x0310_0000;
        assert_eq!(DebugOffsets::parse(&table), None, "a version that is not known");
    }
}
