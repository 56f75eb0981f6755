//! Where things lie in CPython's structures, in bytes, by minor version. Within one it never changes. Where the interpreter
//! brings a table for debuggers (`_Py_DebugOffsets`, since 3.13), what that says goes before what stands here.

use super::with_block::Exit;
use crate::system::python::Python;

/// The layout of one minor version.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// How a thread state names its innermost frame.
    pub innermost: Innermost,
    /// Frames: the caller's frame, the code, the module's variables, the instruction, the local variables.
    pub back: usize,
    pub code: usize,
    pub globals: usize,
    pub instruction: Instruction,
    pub locals: usize,
    /// Frames: who owns it; the interpreter's own ones stand for no function. `None` before there were such.
    pub owner: Option<usize>,
    /// Code objects: the file, the (qualified) name, the names of globals and attributes that the function uses.
    pub file: usize,
    pub name: usize,
    pub is_qualified: bool,
    pub names: usize,
    pub variables: Variables,
    /// Whether references in frames carry tags in their low bits.
    pub is_tagged: bool,
    /// How a frame keeps what its `with` blocks will call at their end; `None` where locks pass hooks, so that nobody asks.
    pub exit: Option<Exit>,
    /// `tuple`: the elements.
    pub elements: usize,
    /// `str`: the size of the head of an ASCII string, and of another.
    pub ascii: usize,
    pub compact: usize,
    /// Types: the keys that instances share.
    pub shared_keys: usize,
    pub keys: Keys,
    pub attributes: Attributes,
}

/// How a thread state names its innermost frame.
#[derive(Clone, Copy, Debug)]
pub enum Innermost {
    /// By a pointer.
    Here(usize),
    /// By a pointer to a structure that has it.
    Behind(usize, usize),
}

/// How a frame names its instruction.
#[derive(Clone, Copy, Debug)]
pub enum Instruction {
    /// By an `int` here, in units of so many bytes.
    Number(usize, i32),
    /// By an address here; the code object's instructions begin there.
    Address(usize, usize),
}

/// How a code object names local variables.
#[derive(Clone, Copy, Debug)]
pub enum Variables {
    /// By three tuples: plain ones, those that inner functions share, those of outer functions.
    Three(usize, usize, usize),
    /// By one tuple.
    One(usize),
}

/// How the keys of a dictionary lie.
#[derive(Clone, Copy, Debug)]
pub enum Keys {
    /// A number of slots, then entries of three words.
    Old,
    /// Logarithms; entries of two words where all keys are strings.
    New,
}

/// Where an instance has its attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attributes {
    /// In a dictionary that its type knows the place of.
    Dictionary,
    /// 3.11: before the object, a pointer to values, and one to a dictionary.
    TwoPointers,
    /// 3.12: before the object, a pointer to either.
    OnePointer,
    /// 3.13: in the object, as long as there is no dictionary.
    Inline,
}

/// The first word of a thread state is its predecessor, the second its successor, the third the interpreter.
pub const PREVIOUS: usize = 0;
pub const NEXT: usize = 8;

impl Layout {
    /// The layout of this interpreter; `None` where it is not known.
    pub fn of(python: &Python) -> Option<Self> {
        /// `PY_VERSION_HEX` of 3.13.1: before it, every lock has a semaphore.
        const FIRST_WITH_OWN_STATE: u64 = 0x030d_0100;
        let known = Self::known(python.minor)?;
        Some(match python.offsets {
            Some(official) => Self {
                innermost: Innermost::Here(official.innermost),
                back: official.back,
                code: official.code,
                instruction: Instruction::Address(official.instruction, official.instructions),
                locals: official.locals,
                owner: Some(official.owner),
                file: official.file,
                name: official.name,
                variables: Variables::One(official.variables),
                exit: known.exit.filter(|_| official.version >= FIRST_WITH_OWN_STATE),
                ..known
            },
            None => known,
        })
    }

    const fn known(minor: u32) -> Option<Self> {
        // Code objects before 3.8 have one counter less, which moves all behind it by a word.
        let code = if minor < 8 { 0 } else { 8 };
        let old = Self {
            innermost: Innermost::Here(24),
            back: 24,
            code: 32,
            globals: 48,
            instruction: Instruction::Number(104, 1),
            locals: 360,
            owner: None,
            file: 96 + code,
            name: 104 + code,
            is_qualified: false,
            names: 56 + code,
            variables: Variables::Three(64 + code, 80 + code, 72 + code),
            is_tagged: false,
            exit: None,
            elements: 24,
            ascii: 48,
            compact: 72,
            shared_keys: 856,
            keys: Keys::Old,
            attributes: Attributes::Dictionary,
        };
        let new = Self {
            innermost: Innermost::Behind(56, 0),
            back: 8,
            code: 0,
            globals: 24,
            instruction: Instruction::Address(56, 192),
            locals: 72,
            owner: Some(70),
            file: 112,
            name: 128,
            is_qualified: true,
            names: 32,
            variables: Variables::One(96),
            is_tagged: false,
            exit: None,
            elements: 24,
            ascii: 40,
            compact: 56,
            shared_keys: 880,
            keys: Keys::New,
            attributes: Attributes::OnePointer,
        };
        Some(match minor {
            6 => Self {
                instruction: Instruction::Number(120, 1),
                locals: 376,
                ..old
            },
            7..=9 => old,
            10 => Self {
                instruction: Instruction::Number(96, 2),
                locals: 352,
                ..old
            },
            11 => Self {
                innermost: Innermost::Behind(56, 8),
                back: 48,
                code: 32,
                globals: 8,
                instruction: Instruction::Address(56, 184),
                owner: None,
                ascii: 48,
                compact: 72,
                shared_keys: 872,
                attributes: Attributes::TwoPointers,
                ..new
            },
            12 => new,
            13 => Self {
                innermost: Innermost::Here(72),
                instruction: Instruction::Address(56, 200),
                attributes: Attributes::Inline,
                exit: Some(Exit::Bound),
                ..new
            },
            14 => Self {
                innermost: Innermost::Here(72),
                instruction: Instruction::Address(56, 208),
                attributes: Attributes::Inline,
                locals: 80,
                owner: Some(74),
                is_tagged: true,
                exit: Some(Exit::Pair),
                elements: 32,
                ..new
            },
            _ => return None,
        })
    }
}
