//! How to get from one frame to its caller's, by the compiler's rules for one place in the code (x86-64).
//!
//! Only `thread_stack` calls this, in the parent or in a forked child. Registers that the kernel does not show start as
//! unknown, and what would need one is refused rather than guessed.

use core::ops::Range;

use gimli::{
    CfaRule, Encoding, EvaluationResult, Location, Register, RegisterRule, UnwindContext, UnwindExpression, Value,
    X86_64,
};

use super::memory::ProcessMemory;
use super::unwind_tables::{Entry, Slice, UnwindTables};

/// Registers that the rules speak of: the sixteen general ones and the return address.
const COUNT: usize = 17;

/// The most operations of one expression; those that compilers write have about ten.
const MAX_OPERATIONS: u32 = 100;

/// The registers of one frame, as far as they are known.
#[derive(Clone, Debug)]
pub struct Registers {
    values: [Option<usize>; COUNT],
}

/// Why a frame has no caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoCaller {
    /// The function is where the thread begins.
    Outermost,
    /// The rules need a register or memory that is not known.
    Unknown,
}

/// The rules for one place in the code.
#[derive(Debug)]
pub struct Rules {
    entry: Entry,
    encoding: Encoding,
    frame_address: CfaRule<usize>,
    registers: Vec<(Register, RegisterRule<usize>)>,
    function_start: usize,
    is_signal_frame: bool,
}

/// A thread's stack, read in pieces.
#[derive(Debug)]
pub struct StackMemory {
    memory: ProcessMemory,
    start: usize,
    bytes: Vec<u8>,
}

impl Registers {
    /// Only program counter and stack pointer are known.
    pub fn new(counter: usize, stack_pointer: usize) -> Self {
        let mut registers = Self { values: [None; COUNT] };
        registers.set(X86_64::RA, Some(counter));
        registers.set(X86_64::RSP, Some(stack_pointer));
        registers
    }

    /// The value of `register`, where it is known.
    pub fn get(&self, register: Register) -> Option<usize> {
        *self.values.get(usize::from(register.0))?
    }

    /// Sets `register`, to unknown with `None`.
    pub fn set(&mut self, register: Register, value: Option<usize>) {
        if let Some(place) = self.values.get_mut(usize::from(register.0)) {
            *place = value;
        }
    }
}

impl Rules {
    /// The rules for the code at `address`; `None` where the compiler wrote none, or none that can be read.
    pub fn of(tables: &UnwindTables, address: usize) -> Option<Self> {
        let entry = tables.entry(address)?;
        let description = entry.description()?;
        let mut context = UnwindContext::new();
        let row = description
            .unwind_info_for_address(&entry.section(), entry.bases(), &mut context, address as u64)
            .ok()?;
        Some(Self {
            encoding: description.cie().encoding(),
            frame_address: row.cfa().clone(),
            registers: row.registers().cloned().collect(),
            function_start: usize::try_from(description.initial_address()).ok()?,
            is_signal_frame: description.is_signal_trampoline(),
            entry,
        })
    }

    /// Where the function begins.
    pub fn function_start(&self) -> usize {
        self.function_start
    }

    /// Whether this is the frame that the kernel put before a signal handler: its caller was interrupted, not calling.
    pub fn is_signal_frame(&self) -> bool {
        self.is_signal_frame
    }

    /// Whether `rbp` points at its saved value with the return address above, as after `push rbp; mov rbp, rsp`.
    pub fn has_frame_pointer(&self) -> bool {
        let at_16 = CfaRule::RegisterAndOffset {
            register: X86_64::RBP,
            offset: 16,
        };
        let saved = |register, offset| self.registers.contains(&(register, RegisterRule::Offset(offset)));
        self.frame_address == at_16 && saved(X86_64::RBP, -16) && saved(X86_64::RA, -8)
    }

    /// The registers of the caller of the frame with `registers`, whose stack is `stack`.
    pub fn caller(&self, registers: &Registers, stack: &mut StackMemory) -> Result<Registers, NoCaller> {
        let returns = self.registers.iter().find(|(register, _)| *register == X86_64::RA);
        if matches!(returns, Some((_, RegisterRule::Undefined))) {
            return Err(NoCaller::Outermost);
        }
        let Some(frame) = self.frame_address(registers, stack) else {
            return Err(NoCaller::Unknown);
        };
        let mut caller = Registers { values: [None; COUNT] };
        // By the calling convention a function gives these back as they were; of the others nothing is known.
        for register in [
            X86_64::RBX,
            X86_64::RBP,
            X86_64::R12,
            X86_64::R13,
            X86_64::R14,
            X86_64::R15,
        ] {
            caller.set(register, registers.get(register));
        }
        caller.set(X86_64::RSP, Some(frame));
        for (register, rule) in &self.registers {
            caller.set(*register, self.value(rule, *register, frame, registers, stack));
        }
        match caller.get(X86_64::RA) {
            Some(0) => Err(NoCaller::Outermost),
            Some(_) if caller.get(X86_64::RSP).is_some() => Ok(caller),
            _ => Err(NoCaller::Unknown),
        }
    }

    /// The canonical frame address: the stack pointer before the call.
    fn frame_address(&self, registers: &Registers, stack: &mut StackMemory) -> Option<usize> {
        match &self.frame_address {
            CfaRule::RegisterAndOffset { register, offset } => add(registers.get(*register)?, *offset),
            CfaRule::Expression(expression) => self.evaluate(expression, None, registers, stack),
        }
    }

    fn value(
        &self,
        rule: &RegisterRule<usize>,
        register: Register,
        frame: usize,
        registers: &Registers,
        stack: &mut StackMemory,
    ) -> Option<usize> {
        match rule {
            RegisterRule::SameValue => registers.get(register),
            RegisterRule::Offset(offset) => stack.word(add(frame, *offset)?),
            RegisterRule::ValOffset(offset) => add(frame, *offset),
            RegisterRule::Register(other) => registers.get(*other),
            RegisterRule::Expression(expression) => {
                let place = self.evaluate(expression, Some(frame), registers, stack)?;
                stack.word(place)
            }
            RegisterRule::ValExpression(expression) => self.evaluate(expression, Some(frame), registers, stack),
            RegisterRule::Constant(value) => usize::try_from(*value).ok(),
            RegisterRule::Undefined | RegisterRule::Architectural => None,
        }
    }

    /// The value of `expression`, which begins with `initial` on its stack. glibc's return from a signal handler and the
    /// linker's call stubs have such rules.
    fn evaluate(
        &self,
        expression: &UnwindExpression<usize>,
        initial: Option<usize>,
        registers: &Registers,
        stack: &mut StackMemory,
    ) -> Option<usize> {
        let section = self.entry.section();
        let program: gimli::Expression<Slice<'_>> = expression.get(&section).ok()?;
        let mut evaluation = program.evaluation(self.encoding);
        evaluation.set_max_iterations(MAX_OPERATIONS);
        if let Some(initial) = initial {
            evaluation.set_initial_value(initial as u64);
        }
        let mut state = evaluation.evaluate().ok()?;
        loop {
            state = match state {
                EvaluationResult::Complete => break,
                EvaluationResult::RequiresRegister { register, .. } => {
                    let value = registers.get(register)?;
                    evaluation.resume_with_register(Value::Generic(value as u64)).ok()?
                }
                EvaluationResult::RequiresMemory {
                    address,
                    size: 8,
                    space: None,
                    ..
                } => {
                    let value = stack.word(usize::try_from(address).ok()?)?;
                    evaluation.resume_with_memory(Value::Generic(value as u64)).ok()?
                }
                _ => return None,
            };
        }
        match evaluation.as_result().first()?.location {
            Location::Address { address } => usize::try_from(address).ok(),
            _ => None,
        }
    }
}

impl StackMemory {
    /// The stacks in `memory`.
    pub fn new(memory: ProcessMemory) -> Self {
        Self {
            memory,
            start: 0,
            bytes: Vec::new(),
        }
    }

    /// The word at `address`; `None` where nothing is mapped.
    pub fn word(&mut self, address: usize) -> Option<usize> {
        if let Some(value) = self.kept_word(address) {
            return Some(value);
        }
        // Frames are asked for from the innermost outwards, so read ahead; a stack's end lies at most this far.
        const PIECE: usize = 8 << 10;
        self.start = address;
        self.bytes.resize(PIECE, 0);
        let read = self.memory.read_some(address, &mut self.bytes);
        self.bytes.truncate(read);
        self.kept_word(address)
    }

    /// Forgets what was read: another thread's stack changes.
    pub fn forget(&mut self) {
        self.bytes.clear();
    }

    fn kept_word(&self, address: usize) -> Option<usize> {
        let offset = address.checked_sub(self.start)?;
        let word: Range<usize> = offset..offset.checked_add(size_of::<usize>())?;
        Some(usize::from_ne_bytes(self.bytes.get(word)?.try_into().ok()?))
    }
}

/// `base + offset`, without wrapping.
fn add(base: usize, offset: i64) -> Option<usize> {
    base.checked_add_signed(isize::try_from(offset).ok()?)
}
