//! What is needed to read CPython's structures: offsets in bytes, and which of several forms is used.
//!
//! The values are in `versions/`, one file per minor version; within one they never change.

/// The layout of one minor version.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// How a thread state names its innermost frame.
    pub innermost: Innermost,
    /// Thread states: the thread's `pthread_t`.
    pub thread_id: usize,
    /// How everything is found without calling the interpreter; `None` where nothing says it.
    pub runtime: Option<Runtime>,
    /// Frames: the caller's frame.
    pub back: usize,
    /// Frames: the code.
    pub code: usize,
    /// Frames: the module's variables.
    pub globals: usize,
    /// Frames: the instruction.
    pub instruction: Instruction,
    /// Frames: the local variables.
    pub locals: usize,
    /// Frames: the owner; the interpreter's own frames belong to no function. `None` in versions without such frames.
    pub owner: Option<usize>,
    /// Whether references in frames carry tags in their low bits.
    pub is_tagged: bool,
    /// Code objects: the file.
    pub file: usize,
    /// Code objects: the (qualified) name.
    pub name: usize,
    /// Whether that name is the qualified one.
    pub is_qualified: bool,
    /// Code objects: the names of globals and attributes that the function uses.
    pub names: usize,
    /// Code objects: the names of local variables.
    pub variables: Variables,
    /// Code objects: the first line.
    pub first_line: usize,
    /// Code objects: the form and the place of the table of lines.
    pub lines: (Lines, usize),
    /// Code objects: the first instruction with a line; `None` in versions where all have one.
    pub first_traceable: Option<usize>,
    /// How frames tell which blocks they are in.
    pub blocks: Blocks,
    /// From this version on (`PY_VERSION_HEX`), locks have a state of their own; before it, every lock has a libc semaphore.
    pub own_locks_since: Option<u64>,
    /// `function`: the name.
    pub function_name: usize,
    /// `function`: its other parts.
    pub function: Function,
    /// Interpreters: the list of the functions that a child calls; `None` in versions without `os.register_at_fork`.
    pub child_handlers: Option<usize>,
    /// `tuple`: the elements.
    pub elements: usize,
    /// `str`: the size of the head of an ASCII string.
    pub ascii: usize,
    /// `str`: the size of the head of another string.
    pub compact: usize,
    /// Types: the keys that instances share; `None` where their dictionaries refer to them.
    pub shared_keys: Option<usize>,
    /// The form of dictionaries' keys.
    pub keys: Keys,
    /// Where instances have their attributes.
    pub attributes: Attributes,
}

/// How a thread state names its innermost frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Innermost {
    /// By a pointer.
    Here(usize),
    /// By a pointer to a structure that has it.
    Behind(usize, usize),
}

/// The parts of a `function`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Function {
    /// The code.
    pub code: usize,
    /// The module's variables.
    pub globals: usize,
    /// The cells of variables of the functions around it.
    pub closure: usize,
}

/// What leads from `_PyRuntime` to all interpreters, their threads and their modules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Runtime {
    /// `_PyRuntime`: the first interpreter.
    pub interpreters: usize,
    /// Interpreters: the next one.
    pub next_interpreter: usize,
    /// Interpreters: the first thread state.
    pub first_thread: usize,
    /// Interpreters: the dictionary of modules.
    pub modules: usize,
}

/// How a frame names its instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instruction {
    /// By an `int` here, in units of this many bytes.
    Number(usize, i32),
    /// By an address here; the code object's instructions begin there.
    Address(usize, usize),
}

/// How a code object names local variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variables {
    /// By three tuples: plain ones, those that inner functions share, those of outer functions.
    Three(usize, usize, usize),
    /// By one tuple.
    One(usize),
}

/// The form of a table of lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    /// Up to 3.9 (`co_lnotab`): pairs of bytes, how far the instruction and the line advance.
    Pairs,
    /// 3.10: pairs of bytes, how long a range of instructions is, and how far its line is from the last range's.
    Ranges,
    /// Since 3.11: entries of varying size, with columns.
    Locations,
}

/// How frames tell which `with` blocks they are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocks {
    /// Up to 3.10: each has a stack of them.
    Stack(BlockStack),
    /// Since 3.11: by the code's table of exceptions.
    Table(BlockTable),
}

/// A frame's stack of blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockStack {
    /// Frames: how many blocks there are.
    pub count: usize,
    /// Frames: the blocks, the outermost first.
    pub blocks: usize,
    /// Frames: a pointer to the stack of values.
    pub values: usize,
}

/// What belongs to the code's table of exceptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockTable {
    /// What the value stack has for a block.
    pub exit: Exit,
    /// Code objects: the table of exceptions.
    pub exceptions: usize,
    /// Code objects: the number of local variables.
    pub variable_count: usize,
    /// Code objects: how many values a frame has room for, behind its variables.
    pub stack_size: usize,
    /// `generator` and `coroutine`: the state.
    pub generator_state: usize,
    /// The lowest and the highest state of one that has begun and is not running.
    pub suspended: (i8, i8),
    /// `generator` and `coroutine`: the frame.
    pub generator_frame: usize,
}

/// How a frame keeps what a `with` block calls at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Up to 3.13: the method bound to its object.
    Bound,
    /// Since 3.14: the function, and its object above it.
    Pair,
}

/// The layout of a dictionary's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// Since 3.13: in the object, as long as there is no dictionary.
    Inline,
}

/// The first word of a thread state is its predecessor, the second its successor, the third the interpreter.
pub const PREVIOUS: usize = 0;
/// The second.
pub const NEXT: usize = 8;
/// The third.
pub const INTERPRETER: usize = 16;
