//! A range of this process's memory with the content of an input, always at the same address, so that an input can contain
//! pointers into itself.
#![allow(unsafe_code, reason = "memory at a chosen address")]

use core::ops::Range;
use std::sync::{Mutex, OnceLock};

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};

/// Where it begins: low, so that few bytes of a pointer differ. `make-cpython-image` uses the same address.
pub const BASE: usize = 0x1000_0000;
/// Its size.
pub const SIZE: usize = 64 << 10;

/// One input at a time: there is only one such range.
static MEMORY: OnceLock<Mutex<()>> = OnceLock::new();

/// Stores the input, followed by zeros, and returns its address.
pub fn with<R>(input: &[u8], run: impl FnOnce(Range<usize>) -> R) -> R {
    let memory = MEMORY.get_or_init(|| {
        let flags = MapFlags::PRIVATE | MapFlags::FIXED_NOREPLACE;
        // SAFETY: this fails if something is already mapped there.
        let mapped = unsafe {
            mmap_anonymous(
                core::ptr::with_exposed_provenance_mut(BASE),
                SIZE,
                ProtFlags::READ | ProtFlags::WRITE,
                flags,
            )
        };
        assert_eq!(mapped.expect("memory at this address").addr(), BASE);
        Mutex::new(())
    });
    // A target that failed left nothing half done.
    let _alone = memory.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    // SAFETY: mapped above, for good, and nobody else writes there: the lock is held.
    let bytes = unsafe { core::slice::from_raw_parts_mut(core::ptr::with_exposed_provenance_mut::<u8>(BASE), SIZE) };
    let (start, rest) = bytes.split_at_mut(input.len().min(SIZE));
    start.copy_from_slice(&input[..start.len()]);
    rest.fill(0);
    run(BASE..BASE + SIZE)
}
