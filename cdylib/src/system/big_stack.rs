//! The library's own stack, for work that needs much: a program's thread may have 16 KiB in all, and a signal handler less.
#![expect(unsafe_code, reason = "switching stacks")]

use core::arch::global_asm;
use core::ffi::c_void;
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicPtr, Ordering};
use std::panic::{AssertUnwindSafe, catch_unwind};

use forkwatch_state::report_lock::ReportLock;
use rustix::mm::{MprotectFlags, mprotect};

use super::region;

// Calls its third argument with its first, on the stack whose top is its second. All in assembly, so that its call frame
// information is correct: a debugger or a crash handler can walk through it.
#[cfg(target_arch = "x86_64")]
global_asm!(
    ".pushsection .text.forkwatch_call_on_stack,\"ax\",@progbits",
    ".hidden forkwatch_call_on_stack",
    ".globl forkwatch_call_on_stack",
    ".type forkwatch_call_on_stack,@function",
    "forkwatch_call_on_stack:",
    ".cfi_startproc",
    "push rbp",
    ".cfi_def_cfa_offset 16",
    ".cfi_offset rbp, -16",
    "mov rbp, rsp",
    ".cfi_def_cfa_register rbp",
    "mov rsp, rsi",
    "call rdx",
    "mov rsp, rbp",
    "pop rbp",
    ".cfi_def_cfa rsp, 8",
    "ret",
    ".cfi_endproc",
    ".size forkwatch_call_on_stack, . - forkwatch_call_on_stack",
    ".popsection",
);

#[cfg(target_arch = "aarch64")]
global_asm!(
    ".pushsection .text.forkwatch_call_on_stack,\"ax\",@progbits",
    ".hidden forkwatch_call_on_stack",
    ".globl forkwatch_call_on_stack",
    ".type forkwatch_call_on_stack,@function",
    "forkwatch_call_on_stack:",
    ".cfi_startproc",
    "hint #34",
    "stp x29, x30, [sp, #-16]!",
    ".cfi_def_cfa_offset 16",
    ".cfi_offset x29, -16",
    ".cfi_offset x30, -8",
    "mov x29, sp",
    ".cfi_def_cfa_register x29",
    "mov sp, x1",
    "blr x2",
    "mov sp, x29",
    "ldp x29, x30, [sp], #16",
    ".cfi_def_cfa sp, 0",
    ".cfi_restore x29",
    ".cfi_restore x30",
    "ret",
    ".cfi_endproc",
    ".size forkwatch_call_on_stack, . - forkwatch_call_on_stack",
    ".popsection",
);

unsafe extern "C" {
    fn forkwatch_call_on_stack(place: *mut c_void, top: usize, go: extern "C" fn(*mut c_void));
}

const BYTES: usize = 1 << 20;
const GUARD: usize = 4096;

/// Acquire and Release, in pairs: a thread that finds the stack finds its guard page set up.
static STACK: AtomicPtr<c_void> = AtomicPtr::new(null_mut());

struct Call<F, R> {
    work: Option<F>,
    result: Option<R>,
}

/// Runs `work` on the big stack, or on the current one where there is no memory for it. `None` where the work panicked. One thread
/// at a time uses it, the one with the report lock. Not reentrant.
pub fn run<R>(lock: &mut ReportLock, work: impl FnOnce(&mut ReportLock) -> R) -> Option<R> {
    switch(|| work(lock))
}

fn switch<R, F: FnOnce() -> R>(work: F) -> Option<R> {
    let mut call = Call {
        work: Some(work),
        result: None,
    };
    let place = (&raw mut call).cast::<c_void>();
    match bottom() {
        Some(bottom) => {
            let top = bottom as usize + BYTES;
            // SAFETY: the region is ours, nobody else runs on it, and its top is aligned as the ABI asks before a call. `go`
            // takes `place` and does not unwind.
            unsafe { forkwatch_call_on_stack(place, top, go::<R, F>) };
        }
        None => go::<R, F>(place),
    }
    call.result
}

/// Returns the stack to the kernel: its mappings are copied at every fork.
pub fn clear(_proof: &mut ReportLock) {
    if let Some(bottom) = NonNull::new(STACK.swap(null_mut(), Ordering::AcqRel)) {
        // SAFETY: the region is ours and nobody runs on it.
        unsafe { region::release(bottom.cast(), BYTES) };
    }
}

/// As [`run`], on the current stack.
pub fn run_here<R, F: FnOnce() -> R>(work: F) -> Option<R> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

extern "C" fn go<R, F: FnOnce() -> R>(place: *mut c_void) {
    // SAFETY: `switch` passes its own `Call` of these very types, and waits.
    let call = unsafe { &mut *place.cast::<Call<F, R>>() };
    if let Some(work) = call.work.take() {
        call.result = catch_unwind(AssertUnwindSafe(work)).ok();
    }
}

fn bottom() -> Option<*mut c_void> {
    let known = STACK.load(Ordering::Acquire);
    if !known.is_null() {
        return Some(known);
    }
    let fresh = region::reserve(BYTES)?.as_ptr().cast::<c_void>();
    // The lowest page catches an overflow, and marks the end for code that measures how much stack is left.
    // SAFETY: the region is ours and untouched. A failure leaves the stack without its guard.
    let _unguarded_on_failure = unsafe { mprotect(fresh, GUARD, MprotectFlags::empty()) };
    STACK.store(fresh, Ordering::Release);
    Some(fresh)
}

#[cfg(test)]
mod tests {
    use forkwatch_state::report_lock::ReportLock;

    #[test]
    fn work_runs_elsewhere_and_its_result_comes_back() {
        // SAFETY: this test alone uses the stack.
        let mut lock = unsafe { ReportLock::is_held() };
        let here = 0_u8;
        let (there, sum) = super::run(&mut lock, |_| {
            let there = [1_u8; 300_000];
            (
                (&raw const there) as usize,
                there.iter().map(|&one| u64::from(one)).sum::<u64>(),
            )
        })
        .unwrap();
        assert_eq!(sum, 300_000);
        assert!(there.abs_diff(&raw const here as usize) > 500_000);
        assert!(
            super::run(&mut lock, |_| if sum > 0 {
                panic!("on purpose")
            })
            .is_none()
        );
        super::clear(&mut lock);
        assert_eq!(super::run(&mut lock, |_| 7), Some(7));
    }
}
