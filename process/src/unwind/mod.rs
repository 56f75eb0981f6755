//! From one frame of a stack to its caller's, by the compiler's rules for one place in the code. What depends on the processor is in
//! [`crate::processor`].
//!
//! Nothing here but `tables` allocates, or takes more than some kilobytes of stack, so that a thread can walk its own stack from any
//! hook.
//!
//! | question | file |
//! |---|---|
//! | what is in the registers, as far as known? | `registers` |
//! | what do the tables say of this place? | `rules` |
//! | what does a DWARF expression come to? | `expression` |
//! | which code was interrupted by a signal? | `signal_frame` |
//! | what is in the tables of a module of any process? | `tables` |

mod expression;
mod registers;
mod rules;
mod signal_frame;
mod tables;

use gimli::{EndianSlice, NativeEndian};

pub use registers::Registers;
pub use rules::{NoCaller, OnSmallStack, Packed, Rules};
pub use signal_frame::interrupted;
pub use tables::{Entry, UnwindTables};

/// What gimli reads from.
pub type Slice<'bytes> = EndianSlice<'bytes, NativeEndian>;

/// Where a stack is read from.
pub trait Words {
    /// The word at `address`; `None` where none can be read.
    fn word(&mut self, address: usize) -> Option<usize>;
}
