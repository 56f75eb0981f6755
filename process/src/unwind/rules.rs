//! The compiler's rules for one place in the code.
//!
//! Rules that need an unknown register are refused rather than guessed.

use gimli::{
    BaseAddresses, CfaRule, EhFrame, Encoding, FrameDescriptionEntry, Register, RegisterRule, UnwindContext,
    UnwindContextStorage, UnwindExpression, UnwindTableRow, X86_64,
};

use super::registers::COUNT;
use super::{Registers, Slice, Words, expression};

/// The callee-saved registers of the calling convention; nothing is known about the others.
const KEPT_BY_CALLEES: [Register; 6] = [
    X86_64::RBX,
    X86_64::RBP,
    X86_64::R12,
    X86_64::R13,
    X86_64::R14,
    X86_64::R15,
];

/// A small area on the stack, instead of the heap: for the callee-saved registers and one remembered state. Code that needs more,
/// as only the return from a signal handler does, is not read.
#[derive(Debug)]
pub struct OnSmallStack;

impl UnwindContextStorage<usize> for OnSmallStack {
    type Rules = [(Register, RegisterRule<usize>); 9];
    type Stack = [UnwindTableRow<usize, Self>; 3];
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
#[derive(Clone, Debug)]
pub struct Rules {
    encoding: Encoding,
    frame_address: CfaRule<usize>,
    registers: [RegisterRule<usize>; COUNT],
    is_signal_frame: bool,
}

impl Rules {
    /// The rules of `entry` for the code at `address`; `None` where none can be read. `S`: where they are stored,
    /// [`gimli::StoreOnHeap`] or [`OnSmallStack`].
    pub fn of<S: UnwindContextStorage<usize>>(
        entry: &FrameDescriptionEntry<Slice<'_>>,
        section: &EhFrame<Slice<'_>>,
        bases: &BaseAddresses,
        address: usize,
    ) -> Option<Self> {
        let mut context = UnwindContext::<usize, S>::new_in();
        let row = entry
            .unwind_info_for_address(section, bases, &mut context, address as u64)
            .ok()?;
        let mut rules = Self {
            encoding: entry.cie().encoding(),
            frame_address: row.cfa().clone(),
            ..Self::unsaid()
        };
        rules.is_signal_frame = entry.is_signal_trampoline();
        for (register, rule) in row.registers() {
            if let Some(place) = rules.registers.get_mut(usize::from(register.0)) {
                *place = rule.clone();
            }
        }
        Some(rules)
    }

    /// What holds where the tables say nothing.
    fn unsaid() -> Self {
        let mut registers = [const { RegisterRule::Architectural }; COUNT];
        for register in KEPT_BY_CALLEES {
            if let Some(rule) = registers.get_mut(usize::from(register.0)) {
                *rule = RegisterRule::SameValue;
            }
        }
        if let Some(rule) = registers.get_mut(usize::from(X86_64::RSP.0)) {
            *rule = RegisterRule::ValOffset(0);
        }
        Self {
            encoding: Encoding {
                address_size: 8,
                format: gimli::Format::Dwarf32,
                version: 1,
            },
            frame_address: CfaRule::RegisterAndOffset {
                register: X86_64::RSP,
                offset: 0,
            },
            registers,
            is_signal_frame: false,
        }
    }

    fn rule(&self, register: Register) -> Option<&RegisterRule<usize>> {
        self.registers.get(usize::from(register.0))
    }

    /// Whether this is the frame that the kernel made for a signal handler: its caller was interrupted, rather than making a call.
    pub fn is_signal_frame(&self) -> bool {
        self.is_signal_frame
    }

    /// Whether `rbp` points at its saved value with the return address above, as after `push rbp; mov rbp, rsp`.
    pub fn has_frame_pointer(&self) -> bool {
        let at_16 = CfaRule::RegisterAndOffset {
            register: X86_64::RBP,
            offset: 16,
        };
        let saved = |register, offset| self.rule(register) == Some(&RegisterRule::Offset(offset));
        self.frame_address == at_16 && saved(X86_64::RBP, -16) && saved(X86_64::RA, -8)
    }

    /// How many bytes of saved registers are below the saved `rbp` of a function with [`Self::has_frame_pointer`].
    pub fn saved_below_frame_pointer(&self) -> usize {
        /// The return address and the saved `rbp` are above.
        const ABOVE: i64 = 16;
        let offsets = KEPT_BY_CALLEES
            .iter()
            .filter_map(|register| match self.rule(*register) {
                Some(RegisterRule::Offset(offset)) => offset.checked_neg()?.checked_sub(ABOVE),
                _ => None,
            });
        offsets.max().and_then(|saved| usize::try_from(saved).ok()).unwrap_or(0)
    }

    /// The registers of the caller of the frame with `registers`, whose stack is `words`. `section` holds the rules' entry.
    pub fn caller(
        &self,
        section: &EhFrame<Slice<'_>>,
        registers: &Registers,
        words: &mut impl Words,
    ) -> Result<Registers, NoCaller> {
        if self.rule(X86_64::RA) == Some(&RegisterRule::Undefined) {
            return Err(NoCaller::Outermost);
        }
        let frame = match &self.frame_address {
            CfaRule::RegisterAndOffset { register, offset } => {
                registers.get(*register).and_then(|base| add(base, *offset))
            }
            CfaRule::Expression(expression) => self.evaluate(expression, section, None, registers, words),
        };
        let frame = frame.ok_or(NoCaller::Unknown)?;
        let mut caller = Registers::unknown();
        for (number, rule) in (0..).zip(&self.registers) {
            let register = Register(number);
            let value = match rule {
                RegisterRule::SameValue => registers.get(register),
                RegisterRule::Offset(offset) => add(frame, *offset).and_then(|place| words.word(place)),
                RegisterRule::ValOffset(offset) => add(frame, *offset),
                RegisterRule::Register(other) => registers.get(*other),
                RegisterRule::Expression(expression) => self
                    .evaluate(expression, section, Some(frame), registers, words)
                    .and_then(|place| words.word(place)),
                RegisterRule::ValExpression(expression) => {
                    self.evaluate(expression, section, Some(frame), registers, words)
                }
                RegisterRule::Constant(value) => usize::try_from(*value).ok(),
                _ => None,
            };
            caller.set(register, value);
        }
        match caller.get(X86_64::RA) {
            Some(0) => Err(NoCaller::Outermost),
            Some(_) if caller.get(X86_64::RSP).is_some() => Ok(caller),
            _ => Err(NoCaller::Unknown),
        }
    }

    fn evaluate(
        &self,
        expression: &UnwindExpression<usize>,
        section: &EhFrame<Slice<'_>>,
        initial: Option<usize>,
        registers: &Registers,
        words: &mut impl Words,
    ) -> Option<usize> {
        let expression = expression.get(section).ok()?;
        expression::value(expression, self.encoding, initial, registers, words)
    }
}

/// Rules of the common shape in three words: the canonical frame address is a register and a number, and each register that a
/// function gives back is untouched or saved at a small distance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packed(pub [u64; 3]);

/// The registers that [`Packed`] can hold; there must be no rules for any other.
const PACKED: [Register; 7] = [
    X86_64::RA,
    X86_64::RBX,
    X86_64::RBP,
    X86_64::R12,
    X86_64::R13,
    X86_64::R14,
    X86_64::R15,
];
const SAME: i16 = i16::MIN;
const OUTERMOST: i16 = i16::MIN + 1;

impl Rules {
    /// The same rules in three words; `None` where they have another shape.
    pub fn packed(&self) -> Option<Packed> {
        let CfaRule::RegisterAndOffset { register, offset } = self.frame_address else {
            return None;
        };
        let plain = Self::unsaid();
        let mut shorts = [0_i16; 8];
        for (short, register) in shorts.iter_mut().zip(PACKED) {
            *short = match self.rule(register)? {
                RegisterRule::SameValue if register != X86_64::RA => SAME,
                RegisterRule::Undefined if register == X86_64::RA => OUTERMOST,
                RegisterRule::Offset(offset) => i16::try_from(*offset).ok().filter(|&offset| offset > OUTERMOST)?,
                _ => return None,
            };
        }
        let others = (0..)
            .map(Register)
            .take(COUNT)
            .filter(|register| !PACKED.contains(register));
        let nothing_said = |register: Register| {
            let rule = self.rule(register);
            rule == plain.rule(register) || rule == Some(&RegisterRule::Undefined)
        };
        if self.is_signal_frame || !others.into_iter().all(nothing_said) {
            return None;
        }
        let bytes = shorts.map(i16::to_ne_bytes);
        let words = bytes.as_flattened().as_chunks::<8>().0;
        let (&[first, second], register) = (words, u64::from(register.0)) else {
            return None;
        };
        let offset = u64::from(i32::try_from(offset).ok()?.cast_unsigned());
        Some(Packed([
            register << 32 | offset,
            u64::from_ne_bytes(first),
            u64::from_ne_bytes(second),
        ]))
    }
}

impl Packed {
    /// As [`Rules::caller`].
    pub fn caller(self, registers: &Registers, words: &mut impl Words) -> Result<Registers, NoCaller> {
        let [frame, first, second] = self.0;
        let [register, offset] = [(frame >> 32) as u32, (frame & 0xffff_ffff) as u32];
        let register = Register(u16::try_from(register).map_err(|_| NoCaller::Unknown)?);
        let frame = registers
            .get(register)
            .and_then(|base| add(base, i64::from(offset.cast_signed())))
            .ok_or(NoCaller::Unknown)?;
        let mut caller = Registers::unknown();
        caller.set(X86_64::RSP, Some(frame));
        let bytes = [first.to_ne_bytes(), second.to_ne_bytes()];
        for (bytes, register) in bytes.as_flattened().as_chunks::<2>().0.iter().zip(PACKED) {
            let value = match i16::from_ne_bytes(*bytes) {
                OUTERMOST => return Err(NoCaller::Outermost),
                SAME => registers.get(register),
                offset => add(frame, offset.into()).and_then(|place| words.word(place)),
            };
            caller.set(register, value);
        }
        match caller.get(X86_64::RA) {
            Some(0) => Err(NoCaller::Outermost),
            Some(_) => Ok(caller),
            None => Err(NoCaller::Unknown),
        }
    }
}

/// `base + offset`, without wrapping.
fn add(base: usize, offset: i64) -> Option<usize> {
    base.checked_add_signed(isize::try_from(offset).ok()?)
}
