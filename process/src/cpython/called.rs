//! Whether a frame has called a lock's `acquire` (or `__enter__`) but not yet its `release` (or `__exit__`), read from its code up to
//! its place.
//!
//! The calls before the frame's place count in order; it is not known which of them were jumped over. So this is strong evidence if
//! the lock is known to be held, and none if it is free.

use super::frame::Frame;
use super::object::Objects;
use super::opcodes::Opcodes;
use super::versions;

/// The names of the methods that take a lock, and of those that release it.
pub(super) const TAKES: [&str; 2] = ["acquire", "__enter__"];
const RELEASES: [&str; 2] = ["release", "__exit__"];

/// What the code refers to by a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Referred {
    /// The name of a global or an attribute.
    Name(usize),
    /// A local variable.
    Variable(usize),
    /// A variable that functions share, where those have numbers of their own.
    Shared(usize),
}

/// The size of an instruction.
const UNIT: usize = 2;

/// A call of a method of what was loaded just before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Called {
    object: Referred,
    /// The method's name, by its number.
    method: usize,
    /// How far into the code the method is loaded, in bytes.
    at: usize,
    /// How far into it the call is.
    end: usize,
}

/// The calls of a lock's methods in a function, in the order of its code.
struct LockCalls {
    calls: Vec<Called>,
    /// The numbers of the names of methods that take it.
    takes: Vec<usize>,
}

impl LockCalls {
    fn is_acquire(&self, called: &&Called) -> bool {
        self.takes.contains(&called.method)
    }
}

impl Objects {
    /// Whether the frame has called `acquire` of what it knows by this variable or attribute, and not `release` since.
    pub fn has_acquired(&self, frame: Frame, name: &str) -> bool {
        let until_now = || self.lock_calls(frame, name, usize::try_from(self.offset(frame)?).ok()?);
        until_now().is_some_and(|known| known.calls.last().is_some_and(|last| known.is_acquire(&last)))
    }

    /// Whether the frame is in a call of `acquire` of what it knows by this variable or attribute.
    pub(super) fn is_acquiring(&self, frame: Frame, name: &str) -> bool {
        let found = || {
            let now = usize::try_from(self.offset(frame)?).ok()?;
            let known = self.lock_calls(frame, name, now + UNIT)?;
            Some(
                known
                    .calls
                    .iter()
                    .any(|called| called.end == now && known.is_acquire(&called)),
            )
        };
        found().unwrap_or(false)
    }

    /// Where the frame has called `acquire` of what it knows by this variable or attribute, if its function does so in one place
    /// only, and has not called `release` since.
    pub(super) fn acquired_at(&self, frame: Frame, name: &str) -> Option<i32> {
        let now = usize::try_from(self.offset(frame)?).ok()?;
        let all = self.lock_calls(frame, name, self.code_length(frame)?)?;
        let mut acquired = all.calls.iter().filter(|called| all.is_acquire(called));
        let only = acquired.next().filter(|_| acquired.next().is_none())?;
        let is_between = |called: &Called| (only.at + 1..now).contains(&called.at);
        // In the call itself, the frame still waits.
        let is_held = only.end < now && !all.calls.iter().any(is_between);
        is_held.then(|| i32::try_from(only.at).ok())?
    }

    /// The calls of `acquire` and `release` of this variable or attribute in the first `length` bytes of the frame's code.
    fn lock_calls(&self, frame: Frame, name: &str, length: usize) -> Option<LockCalls> {
        /// Longer functions are not read.
        const MAX_BYTES: usize = 1 << 16;
        let opcodes = versions::of(self.interpreter.minor)?.opcodes.as_ref()?;
        let names = self.used_names(frame);
        let numbers = |wanted: [&str; 2]| -> Vec<usize> {
            let texts = names.iter().map(|&object| self.text(object).unwrap_or_default());
            let is_wanted = |(number, name): (usize, String)| wanted.contains(&name.as_str()).then_some(number);
            texts.enumerate().filter_map(is_wanted).collect()
        };
        let takes = numbers(TAKES);
        if takes.is_empty() {
            return None;
        }
        let releases = numbers(RELEASES);
        let mut code = vec![0; Some(length).filter(|&length| length <= MAX_BYTES)?];
        if !self.pages.read(self.code_start(frame)?, &mut code) {
            return None;
        }
        let variables = self.variable_names(frame);
        let plain = self.plain_variables(frame);
        let is_it = |called: &Called| {
            let name_of = match called.object {
                Referred::Name(number) => names.get(number),
                Referred::Variable(number) => variables.get(number),
                Referred::Shared(number) => variables.get(plain + number),
            };
            name_of.is_some_and(|&object| self.text(object).as_deref() == Some(name))
        };
        let calls = calls(opcodes, &code, |method| {
            takes.contains(&method) || releases.contains(&method)
        })?;
        Some(LockCalls {
            calls: calls.into_iter().filter(is_it).collect(),
            takes,
        })
    }
}

impl Objects {
    /// Whether the frame may be in a call of `acquire` that only tries: it names that method and passes arguments. A `with` block
    /// waits, and so does a call without arguments.
    pub fn may_only_try(&self, frame: Frame) -> bool {
        let enters_block = versions::of(self.interpreter.minor).and_then(|version| version.enters_block);
        let [opcode, number] = self.instruction(frame).unwrap_or_default();
        let names_it = || {
            let names = self.used_names(frame).into_iter();
            names.filter_map(|name| self.text(name)).any(|name| name == "acquire")
        };
        number != 0 && Some(opcode) != enters_block && names_it()
    }

    /// The instruction that the frame is at, and the low byte of its operand.
    pub(super) fn instruction(&self, frame: Frame) -> Option<[u8; 2]> {
        let offset = usize::try_from(self.offset(frame)?).ok()?;
        let start = self.code_start(frame)?;
        let mut instruction = [0; 2];
        self.pages.read(start + offset, &mut instruction).then_some(instruction)
    }
}

/// The calls of these methods in this code; `None` where it cannot be read.
fn calls(opcodes: &Opcodes, code: &[u8], is_wanted: impl Fn(usize) -> bool) -> Option<Vec<Called>> {
    let is_among = |ranges: &[(u8, u8)], opcode| ranges.iter().any(|&(first, last)| (first..=last).contains(&opcode));
    let mut calls = Vec::new();
    let (mut loaded, mut asked) = (None, None);
    let (mut unit, mut high) = (0, 0_usize);
    let units = code.as_chunks::<2>().0;
    while let Some(&[opcode, low]) = units.get(unit) {
        let number = high << 8 | usize::from(low);
        if is_among(opcodes.foreign, opcode) {
            return None;
        }
        let is_extended = opcodes.extended.contains(&opcode);
        high = if is_extended { number & 0xff_ffff } else { 0 };
        if is_extended {
            unit += 1;
            continue;
        }
        let before = loaded.take();
        if is_among(opcodes.attribute, opcode) {
            // Since 3.12 the lowest bit says whether a method is loaded.
            let name = number >> opcodes.attribute_flags;
            if is_wanted(name) {
                asked = before.map(|object| Called {
                    object,
                    method: name,
                    at: unit * 2,
                    end: unit * 2,
                });
            }
            loaded = Some(Referred::Name(name));
        } else if is_among(opcodes.global, opcode) {
            loaded = Some(Referred::Name(number >> opcodes.global_flags));
        } else if opcode == opcodes.name {
            loaded = Some(Referred::Name(number));
        } else if is_among(opcodes.variable, opcode) {
            loaded = Some(Referred::Variable(number));
        } else if opcodes.shared_variable == Some(opcode) {
            loaded = Some(Referred::Shared(number));
        } else if opcodes.two_variables.contains(&opcode) {
            loaded = Some(Referred::Variable(number & 0xf));
        } else if is_among(opcodes.call, opcode) {
            let end = unit * 2;
            calls.extend(asked.take().map(|called| Called { end, ..called }));
        }
        let space = opcodes
            .spaces
            .iter()
            .find(|(first, last, _)| (*first..=*last).contains(&opcode));
        unit += 1 + space.map_or(0, |(.., units)| *units);
    }
    Some(calls)
}

#[cfg(test)]
mod tests {
    use super::{Called, Referred, calls, versions};

    /// `lock.acquire(); self.door.acquire(timeout=5); g(1); lock.release()` in 3.14, without what fills working space.
    const CODE: [(u8, u8, usize); 21] = [
        (128, 0, 0),
        (92, 0, 4),
        (80, 3, 9),
        (52, 0, 3),
        (31, 0, 0),
        (86, 0, 0),
        (80, 4, 9),
        (80, 3, 9),
        (94, 5, 0),
        (82, 1, 0),
        (55, 1, 3),
        (31, 0, 0),
        (92, 7, 4),
        (94, 1, 0),
        (52, 1, 3),
        (31, 0, 0),
        (92, 0, 4),
        (80, 9, 9),
        (52, 0, 3),
        (31, 0, 0),
        (35, 0, 0),
    ];

    #[test]
    fn calls_of_methods_in_their_order() {
        // Working space must not be read as instructions.
        let units = |&(opcode, low, space): &(u8, u8, usize)| [vec![opcode, low], [80, 3].repeat(space)].concat();
        let code = CODE.iter().flat_map(units).collect::<Vec<u8>>();
        let called = |name, method, at, end| Called {
            object: Referred::Name(name),
            method,
            at,
            end,
        };
        let wanted = |method| method == 1 || method == 4;
        let opcodes = versions::of(14).unwrap().opcodes.as_ref().unwrap();
        let all = calls(opcodes, &code, wanted).unwrap();
        assert_eq!(
            all,
            [called(0, 1, 12, 32), called(2, 1, 64, 88), called(0, 4, 130, 150)]
        );
        let until_first_call = code.get(..32).unwrap();
        assert_eq!(calls(opcodes, until_first_call, wanted), Some(vec![]));
        let traced = [&code[..], &[250, 0]].concat();
        assert_eq!(calls(opcodes, &traced, wanted), None);
    }
}
