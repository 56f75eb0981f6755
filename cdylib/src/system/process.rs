//! The process as a whole: its end without ceremony, and whether it is still the one we knew.
#![expect(unsafe_code, reason = "exit_group and a page that a fork wipes")]

use core::ffi::c_void;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, AtomicU8, Ordering};

use super::region;

/// Ends the process at once: no handlers, no buffers. libc's `_exit` is hooked by ourselves, so the kernel is asked.
pub fn exit_now(status: i32) -> ! {
    loop {
        // SAFETY: `exit_group` takes one number and does not return.
        unsafe {
            core::arch::asm!(
                "syscall",
                in("rax") libc::SYS_exit_group,
                in("rdi") status,
                lateout("rcx") _,
                lateout("r11") _,
                options(nostack),
            );
        }
    }
}

/// The kernel clears this page in the child of any fork, seen by us or not (`MADV_WIPEONFORK`, Linux 4.14).
static MARK: AtomicPtr<u8> = AtomicPtr::new(null_mut());
const MARKED: u8 = 1;
const PAGE: usize = 4096;

/// Marks this process as the one we know. Called by stage one, and in each child that a hook has seen.
pub fn mark() {
    let mut page = MARK.load(Ordering::Acquire);
    if page.is_null() {
        let Some(fresh) = region::reserve(PAGE) else { return };
        page = fresh.as_ptr();
        // SAFETY: the page is ours and nobody else knows it.
        let wiped = unsafe {
            rustix::mm::madvise(page.cast::<c_void>(), PAGE, rustix::mm::Advice::LinuxWipeOnFork)
        };
        if wiped.is_err() {
            // Older kernels: then every process counts as known.
            return;
        }
        MARK.store(page, Ordering::Release);
    }
    marked(page).store(MARKED, Ordering::Release);
}

/// Whether this process is the child of a fork that passed by every hook and handler (an inline system call).
pub fn is_unseen_child() -> bool {
    let page = MARK.load(Ordering::Acquire);
    !page.is_null() && marked(page).load(Ordering::Acquire) != MARKED
}

fn marked(page: *mut u8) -> &'static AtomicU8 {
    // SAFETY: the page is never given back, and is only ever used as this atomic.
    unsafe { AtomicU8::from_ptr(page) }
}

/// Waits for a child of ours to end, and takes its status from nobody else: the caller made it and has told nobody of it.
pub fn reap(child: i32) {
    if let Some(child) = rustix::process::Pid::from_raw(child) {
        // A program that ignores SIGCHLD leaves nothing to reap, which is as good.
        let _gone_either_way =
            rustix::io::retry_on_intr(|| rustix::process::waitpid(Some(child), rustix::process::WaitOptions::empty()));
    }
}
