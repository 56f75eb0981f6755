//! What the unwinder must know of the processor that it was compiled for. Both files define the same names.
//!
//! | name | what it is |
//! |---|---|
//! | `COUNTER` | the number under which a frame's program counter is kept |
//! | `RETURN_ADDRESS` | the number whose rules say where a function's return address is |
//! | `STACK_POINTER`, `FRAME_POINTER` | these registers |
//! | `KEPT_BY_CALLEES` | registers that are unchanged after a call; nothing is known about the others |
//! | `PACKED` | registers that rules of the common shape may be about: the return address first |
//! | `COUNT` | one more than the highest number that is kept |
//! | `MAX_RULES` | how many registers the rules for one place may be about |
//! | `VENDOR` | whose additions to DWARF its compilers use |
//! | `return_address` | the address in a word that holds a return address |
//! | `RETURN_CODE` | the code that a signal handler returns to |
//! | `INTERRUPTED_AT`, `INTERRUPTED` | where the interrupted registers are then, and in which order |

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(target_arch = "aarch64")]
pub use self::aarch64::{
    COUNT, COUNTER, FRAME_POINTER, INTERRUPTED, INTERRUPTED_AT, KEPT_BY_CALLEES, MAX_RULES, PACKED, RETURN_ADDRESS,
    RETURN_CODE, STACK_POINTER, VENDOR, return_address,
};
#[cfg(target_arch = "x86_64")]
pub use self::x86_64::{
    COUNT, COUNTER, FRAME_POINTER, INTERRUPTED, INTERRUPTED_AT, KEPT_BY_CALLEES, MAX_RULES, PACKED, RETURN_ADDRESS,
    RETURN_CODE, STACK_POINTER, VENDOR, return_address,
};

#[cfg(not(any(target_arch = "aarch64", target_arch = "x86_64")))]
compile_error!("forkwatch is written for x86-64 and aarch64");
