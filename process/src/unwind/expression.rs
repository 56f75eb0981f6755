//! What a DWARF expression in unwind rules comes to. The linker's call stubs and glibc's return from a signal handler have
//! such rules.

use gimli::{Encoding, Evaluation, EvaluationResult, EvaluationStorage, Expression, Location, Piece, Value};

use super::{Registers, Slice, Words};

/// The most operations of one expression; those that compilers write have about ten.
const MAX_OPERATIONS: u32 = 100;

/// Storage on the stack, instead of the heap.
struct OnStack;

impl<'bytes> EvaluationStorage<Slice<'bytes>> for OnStack {
    type Stack = [Value; 16];
    type ExpressionStack = [(Slice<'bytes>, Slice<'bytes>); 1];
    type Result = [Piece<Slice<'bytes>>; 1];
}

/// The value of `expression`, which begins with `initial` on its stack.
pub(super) fn value(
    expression: Expression<Slice<'_>>,
    encoding: Encoding,
    initial: Option<usize>,
    registers: &Registers,
    words: &mut impl Words,
) -> Option<usize> {
    let mut evaluation = Evaluation::<_, OnStack>::new_in(expression.0, encoding);
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
                let value = words.word(usize::try_from(address).ok()?)?;
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
