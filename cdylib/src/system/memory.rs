//! Guarded reads of the program's memory: a lock may have been unmapped since it was taken, so nothing of the program's
//! is ever dereferenced. The kernel copies, and says so where there is nothing to copy.
#![expect(unsafe_code, reason = "process_vm_readv on oneself")]

use core::ffi::c_void;

/// Reads exactly `into.len()` bytes at `address`; false where any of them cannot be read, or the kernel forbids the call.
pub fn read(address: usize, into: &mut [u8]) -> bool {
    let local = libc::iovec { iov_base: into.as_mut_ptr().cast::<c_void>(), iov_len: into.len() };
    let remote = libc::iovec { iov_base: address as *mut c_void, iov_len: into.len() };
    // SAFETY: `local` describes `into`, which we may write; the remote side is checked by the kernel (EFAULT). The libc
    // function is a bare system call and touches nothing but errno, which hooks keep.
    let copied = unsafe { libc::process_vm_readv(rustix::process::getpid().as_raw_nonzero().get(), &local, 1, &remote, 1, 0) };
    usize::try_from(copied) == Ok(into.len())
}

/// Reads `N` bytes at `address`.
pub fn read_array<const N: usize>(address: usize) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    read(address, &mut bytes).then_some(bytes)
}

#[cfg(test)]
mod tests {
    #[test]
    fn good_memory_is_read_and_bad_memory_is_refused() {
        let value = 0x1234_5678_9abc_def0_u64;
        assert_eq!(super::read_array(&raw const value as usize), Some(value.to_ne_bytes()));
        assert_eq!(super::read_array::<8>(16), None);
    }
}
