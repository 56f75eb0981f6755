//! Whether a frame has called `acquire` of a lock by hand, and not `release` since: read from its code, up to where it is.
//!
//! The calls before the frame's place count in the order in which they stand; which of them were jumped over cannot be told.
//! So this is strong evidence where the lock is known to be held, and none where it is free.

use super::frame::Frame;
use super::layout::Instruction;
use super::object::Objects;

/// The numbers of the instructions that matter in one minor version, those that the interpreter has fitted to their use among
/// them. `python3 -c 'import opcode; print(opcode.opmap, opcode._specialized_opmap, opcode._inline_cache_entries)'` tells them.
struct Opcodes {
    extended: u8,
    attribute: &'static [(u8, u8)],
    global: &'static [(u8, u8)],
    name: u8,
    variable: &'static [(u8, u8)],
    two_variables: &'static [u8],
    call: &'static [(u8, u8)],
    /// How many units of working space follow an instruction.
    spaces: &'static [(u8, u8, usize)],
    /// From here on, instructions of tracers and compilers stand in for others: such code is not read.
    foreign: u8,
}

const OF_13: Opcodes = Opcodes {
    extended: 71,
    attribute: &[(82, 82), (191, 202)],
    global: &[(91, 91), (203, 204)],
    name: 92,
    variable: &[(84, 85), (87, 87)],
    two_variables: &[88],
    call: &[(53, 53), (57, 57), (162, 181)],
    spaces: &[
        (3, 3, 1),
        (5, 5, 1),
        (39, 39, 1),
        (40, 40, 3),
        (45, 45, 1),
        (53, 53, 3),
        (58, 59, 1),
        (72, 72, 1),
        (77, 77, 1),
        (82, 82, 9),
        (91, 91, 4),
        (93, 93, 1),
        (97, 100, 1),
        (104, 104, 1),
        (108, 108, 4),
        (117, 117, 1),
        (150, 161, 1),
        (162, 181, 3),
        (182, 190, 1),
        (191, 202, 9),
        (203, 204, 4),
        (205, 206, 1),
        (208, 208, 1),
        (209, 211, 4),
        (212, 213, 1),
        (214, 219, 3),
        (220, 222, 1),
    ],
    foreign: 223,
};

const OF_14: Opcodes = Opcodes {
    extended: 69,
    attribute: &[(80, 80), (177, 189)],
    global: &[(92, 92), (192, 193)],
    name: 93,
    variable: &[(83, 84), (86, 86), (88, 88)],
    two_variables: &[87, 89],
    call: &[(52, 52), (55, 55), (143, 165)],
    spaces: &[
        (3, 3, 5),
        (38, 38, 1),
        (39, 39, 3),
        (44, 44, 5),
        (52, 52, 3),
        (55, 55, 3),
        (56, 57, 1),
        (70, 70, 1),
        (75, 75, 1),
        (80, 80, 9),
        (92, 92, 4),
        (96, 96, 1),
        (100, 103, 1),
        (106, 106, 1),
        (110, 110, 4),
        (119, 119, 1),
        (129, 142, 5),
        (143, 165, 3),
        (166, 176, 1),
        (177, 189, 9),
        (192, 193, 4),
        (194, 195, 1),
        (197, 197, 1),
        (198, 200, 4),
        (201, 202, 1),
        (203, 208, 3),
        (209, 211, 1),
    ],
    foreign: 212,
};

/// What the code refers to by a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Referred {
    /// The name of a global or an attribute.
    Name(usize),
    /// A local variable.
    Variable(usize),
}

/// A call of a method of what was loaded just before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Called {
    object: Referred,
    /// The method's name, by its number.
    method: usize,
}

impl Objects {
    /// Whether the frame has called `acquire` of what it knows by this variable or attribute, and not `release` since.
    pub fn has_acquired(&self, frame: Frame, name: &str) -> bool {
        /// Longer functions are not read.
        const MOST_BYTES: usize = 1 << 16;
        let found = || {
            let opcodes = match self.python.minor {
                13 => &OF_13,
                14 => &OF_14,
                _ => return None,
            };
            let Instruction::Address(_, start) = self.layout.instruction else {
                return None;
            };
            let names = self.used_names(frame);
            let number = |name: &str| {
                names
                    .iter()
                    .position(|&object| self.text(object).as_deref() == Some(name))
            };
            let acquire = number("acquire")?;
            let release = number("release");
            let length = usize::try_from(self.offset(frame)?)
                .ok()
                .filter(|&length| length <= MOST_BYTES)?;
            let mut code = vec![0; length];
            if !self.pages.read(frame.code + start, &mut code) {
                return None;
            }
            let variables = self.variable_names(frame);
            let is_it = |object| {
                let name_of = match object {
                    Referred::Name(number) => names.get(number),
                    Referred::Variable(number) => variables.get(number),
                };
                name_of.is_some_and(|&object| self.text(object).as_deref() == Some(name))
            };
            let last = calls(opcodes, &code, |method| method == acquire || Some(method) == release)?
                .into_iter()
                .rfind(|called| is_it(called.object))?;
            Some(last.method == acquire)
        };
        found().unwrap_or(false)
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
        if opcode >= opcodes.foreign {
            return None;
        }
        high = if opcode == opcodes.extended {
            number & 0xff_ffff
        } else {
            0
        };
        if opcode == opcodes.extended {
            unit += 1;
            continue;
        }
        let before = loaded.take();
        if is_among(opcodes.attribute, opcode) {
            // In 3.12 the lowest bit came to say whether a method is asked for.
            let name = number >> 1;
            if is_wanted(name) {
                asked = before.map(|object| Called { object, method: name });
            }
            loaded = Some(Referred::Name(name));
        } else if is_among(opcodes.global, opcode) {
            loaded = Some(Referred::Name(number >> 1));
        } else if opcode == opcodes.name {
            loaded = Some(Referred::Name(number));
        } else if is_among(opcodes.variable, opcode) {
            loaded = Some(Referred::Variable(number));
        } else if opcodes.two_variables.contains(&opcode) {
            loaded = Some(Referred::Variable(number & 0xf));
        } else if is_among(opcodes.call, opcode) {
            calls.extend(asked.take());
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
    use super::{Called, OF_14, Referred, calls};

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
        // What stands in working space must not be taken for instructions.
        let units = |&(opcode, low, space): &(u8, u8, usize)| [vec![opcode, low], [80, 3].repeat(space)].concat();
        let code = CODE.iter().flat_map(units).collect::<Vec<u8>>();
        let called = |name, method| Called {
            object: Referred::Name(name),
            method,
        };
        let wanted = |method| method == 1 || method == 4;
        let all = calls(&OF_14, &code, wanted).unwrap();
        assert_eq!(all, [called(0, 1), called(2, 1), called(0, 4)]);
        let until_first_call = code.get(..32).unwrap();
        assert_eq!(calls(&OF_14, until_first_call, wanted), Some(vec![]));
        let traced = [&code[..], &[250, 0]].concat();
        assert_eq!(calls(&OF_14, &traced, wanted), None);
    }
}
