//! Which instructions of a version's code matter here.

/// The numbers of the instructions that matter in one minor version, those that the interpreter has fitted to their use among
/// them. `python3 -c 'import opcode; print(opcode.opmap, opcode._specialized_opmap, opcode._inline_cache_entries)'` prints them.
#[derive(Clone, Copy, Debug)]
pub struct Opcodes {
    /// `EXTENDED_ARG`.
    pub extended: &'static [u8],
    /// `LOAD_ATTR` and `LOAD_METHOD`, and in each range the first and the last number.
    pub attribute: &'static [(u8, u8)],
    /// How many low bits of an attribute's operand are not part of its number.
    pub attribute_flags: u32,
    /// The same of a global's.
    pub global_flags: u32,
    /// `LOAD_GLOBAL`.
    pub global: &'static [(u8, u8)],
    /// `LOAD_NAME`.
    pub name: u8,
    /// `LOAD_FAST`, and since 3.11 `LOAD_DEREF`.
    pub variable: &'static [(u8, u8)],
    /// `LOAD_DEREF` up to 3.10: its numbers begin behind the plain variables.
    pub shared_variable: Option<u8>,
    /// Those that load two local variables, the numbers of both in one operand.
    pub two_variables: &'static [u8],
    /// `CALL` and its like.
    pub call: &'static [(u8, u8)],
    /// How many units of working space follow an instruction.
    pub spaces: &'static [(u8, u8, usize)],
    /// Instructions of tracers and compilers, which stand in for others: such code is not read.
    pub foreign: &'static [(u8, u8)],
}
