//! The compiler's rules for one place in the code.
//!
//! Rules that need an unknown register are refused rather than guessed.

use gimli::{
    BaseAddresses, CfaRule, EhFrame, Encoding, FrameDescriptionEntry, Register, RegisterRule, UnwindContext,
    UnwindContextStorage, UnwindExpression, UnwindTableRow,
};

use super::{Registers, Slice, Words, expression};
use crate::processor::{
    COUNT, COUNTER, FRAME_POINTER, KEPT_BY_CALLEES, MAX_RULES, PACKED, RETURN_ADDRESS, STACK_POINTER, return_address,
};

/// A small area on the stack, instead of the heap: for the callee-saved registers and one remembered state. Code that needs more,
/// as only the return from a signal handler does, is not read.
#[derive(Debug)]
pub struct OnSmallStack;

impl UnwindContextStorage<usize> for OnSmallStack {
    type Rules = [(Register, RegisterRule<usize>); MAX_RULES];
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
        if let Some(rule) = registers.get_mut(usize::from(STACK_POINTER.0)) {
            *rule = RegisterRule::ValOffset(0);
        }
        Self {
            encoding: Encoding {
                address_size: 8,
                format: gimli::Format::Dwarf32,
                version: 1,
            },
            frame_address: CfaRule::RegisterAndOffset {
                register: STACK_POINTER,
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

    /// Whether the frame pointer points at its saved value with the return address above, as after `push rbp; mov rbp, rsp`, or
    /// `stp x29, x30, [sp, #-N]!; mov x29, sp`.
    pub fn has_frame_pointer(&self) -> bool {
        let CfaRule::RegisterAndOffset { register, offset } = self.frame_address else {
            return false;
        };
        let saved =
            |register, above: i64| self.rule(register) == Some(&RegisterRule::Offset(above.wrapping_sub(offset)));
        register == FRAME_POINTER && saved(FRAME_POINTER, 0) && saved(RETURN_ADDRESS, 8)
    }

    /// How many bytes of saved registers are below the saved frame pointer of a function with [`Self::has_frame_pointer`].
    pub fn saved_below_frame_pointer(&self) -> usize {
        /// The return address and the saved frame pointer are above.
        const ABOVE: i64 = 16;
        let offsets = KEPT_BY_CALLEES
            .iter()
            .filter_map(|register| match self.rule(*register) {
                Some(RegisterRule::Offset(offset)) => offset.checked_neg()?.checked_sub(ABOVE),
                _ => None,
            });
        offsets.max().and_then(|saved| usize::try_from(saved).ok()).unwrap_or(0)
    }

    /// The stack pointer of the caller of a function that has not saved its return address.
    pub fn stack_pointer_of_leafs_caller(&self, registers: &Registers) -> Option<usize> {
        let CfaRule::RegisterAndOffset { register, offset } = self.frame_address else {
            return None;
        };
        let is_saved = self.rule(RETURN_ADDRESS) != Some(&RegisterRule::SameValue);
        let frame = add(registers.get(register)?, offset)?;
        (!is_saved).then_some(frame)
    }

    /// The registers of the caller of the frame with `registers`, whose stack is `words`. `section` holds the rules' entry.
    pub fn caller(
        &self,
        section: &EhFrame<Slice<'_>>,
        registers: &Registers,
        words: &mut impl Words,
    ) -> Result<Registers, NoCaller> {
        if self.rule(RETURN_ADDRESS) == Some(&RegisterRule::Undefined) {
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
        let slot = match self.rule(RETURN_ADDRESS) {
            Some(RegisterRule::Offset(offset)) => add(frame, *offset).unwrap_or(0),
            _ => 0,
        };
        returned(caller, slot)
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

/// In place of a distance: the register is untouched.
const SAME: u8 = u8::MAX;
/// In place of the return address's distance: there is none.
const OUTERMOST: u8 = u8::MAX - 1;
/// Bytes for distances; the last two hold the lowest place.
const PLACES: usize = 14;
const WORD: i64 = size_of::<usize>() as i64;

const _: () = assert!(PACKED.len() <= PLACES, "each has a byte");

impl Rules {
    /// The same rules in three words; `None` where they have another shape. Registers are saved near each other: each has its
    /// distance from the lowest place, in words.
    pub fn packed(&self) -> Option<Packed> {
        let CfaRule::RegisterAndOffset { register, offset } = self.frame_address else {
            return None;
        };
        let plain = Self::unsaid();
        let offsets = PACKED.iter().filter_map(|register| match self.rule(*register) {
            Some(RegisterRule::Offset(offset)) => Some(*offset),
            _ => None,
        });
        let lowest = offsets.min().unwrap_or(0);
        let mut bytes = [0_u8; 16];
        for (byte, register) in bytes.iter_mut().take(PLACES).zip(PACKED) {
            *byte = match self.rule(register)? {
                RegisterRule::SameValue if KEPT_BY_CALLEES.contains(&register) => SAME,
                RegisterRule::Undefined if register == RETURN_ADDRESS => OUTERMOST,
                RegisterRule::Offset(offset) if (offset - lowest) % WORD == 0 => u8::try_from((offset - lowest) / WORD)
                    .ok()
                    .filter(|&distance| distance < OUTERMOST)?,
                _ => return None,
            };
        }
        if lowest % WORD != 0 {
            return None;
        }
        *bytes.last_chunk_mut()? = i16::try_from(lowest / WORD).ok()?.to_ne_bytes();
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
        let (&[first, second], register) = (bytes.as_chunks::<8>().0, u64::from(register.0)) else {
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
        caller.set(STACK_POINTER, Some(frame));
        let bytes = [first.to_ne_bytes(), second.to_ne_bytes()];
        let [.., low, high] = *bytes.as_flattened() else {
            return Err(NoCaller::Unknown);
        };
        let lowest = add(frame, i64::from(i16::from_ne_bytes([low, high])) * WORD);
        let mut slot = 0;
        for (byte, register) in bytes.as_flattened().iter().take(PLACES).zip(PACKED) {
            let value = match *byte {
                OUTERMOST => return Err(NoCaller::Outermost),
                SAME => registers.get(register),
                distance => {
                    let place = lowest.and_then(|lowest| add(lowest, i64::from(distance) * WORD));
                    if register == RETURN_ADDRESS {
                        slot = place.unwrap_or(0);
                    }
                    place.and_then(|place| words.word(place))
                }
            };
            caller.set(register, value);
        }
        returned(caller, slot)
    }
}

/// The caller's registers, of which the return address was read at `slot`, or was in a register where that is 0.
fn returned(mut caller: Registers, slot: usize) -> Result<Registers, NoCaller> {
    match caller.get(RETURN_ADDRESS).map(return_address) {
        Some(0) => Err(NoCaller::Outermost),
        Some(address) if caller.get(STACK_POINTER).is_some() => {
            caller.set(COUNTER, Some(address));
            caller.set_return_slot(slot);
            Ok(caller)
        }
        _ => Err(NoCaller::Unknown),
    }
}

/// `base + offset`, without wrapping.
fn add(base: usize, offset: i64) -> Option<usize> {
    base.checked_add_signed(isize::try_from(offset).ok()?)
}
