//! What the tables of `forkwatch-state` need from the kernel.
#![expect(unsafe_code, reason = "memory for the tables")]

use core::ptr::NonNull;
use core::sync::atomic::AtomicU32;
use core::time::Duration;

use forkwatch_state::system::System;
use rustix::thread::futex;

use super::region;

/// The kernel that this process runs on.
#[derive(Debug)]
pub struct Kernel;

// SAFETY: a region is fresh and zeroed, and begins at a page.
unsafe impl System for Kernel {
    fn reserve(bytes: usize) -> Option<NonNull<u8>> {
        region::reserve_for_ever(bytes)
    }

    unsafe fn release(place: NonNull<u8>, bytes: usize) {
        // SAFETY: the caller's promise.
        unsafe { region::release(place, bytes) };
    }

    unsafe fn discard(place: NonNull<u8>, bytes: usize) {
        // SAFETY: the caller's promise.
        unsafe { region::discard(place, bytes) };
    }

    fn sleep_while(word: &AtomicU32, value: u32, at_most: Option<Duration>) {
        let timeout = at_most.and_then(|nap| rustix::fs::Timespec::try_from(nap).ok());
        // Whatever ends the wait (a wake, a signal, the time-out), the caller reads the word again.
        let _any_end_is_right = futex::wait(word, futex::Flags::PRIVATE, value, timeout.as_ref());
    }

    fn wake_one(word: &AtomicU32) {
        // Waking fails only for a bad address, and the word is ours.
        let _cannot_fail = futex::wake(word, futex::Flags::PRIVATE, 1);
    }

    fn wake_all(word: &AtomicU32) {
        let _cannot_fail = futex::wake(word, futex::Flags::PRIVATE, u32::MAX >> 1);
    }
}

/// The same, with memory that the children of later forks share.
#[derive(Debug)]
pub struct SharedWithChildren;

// SAFETY: as for `Kernel`.
unsafe impl System for SharedWithChildren {
    fn reserve(bytes: usize) -> Option<NonNull<u8>> {
        region::reserve_shared(bytes)
    }

    unsafe fn release(place: NonNull<u8>, bytes: usize) {
        // SAFETY: the caller's promise.
        unsafe { Kernel::release(place, bytes) };
    }

    unsafe fn discard(place: NonNull<u8>, bytes: usize) {
        // SAFETY: the caller's promise.
        unsafe { Kernel::discard(place, bytes) };
    }

    fn sleep_while(word: &AtomicU32, value: u32, at_most: Option<Duration>) {
        Kernel::sleep_while(word, value, at_most);
    }

    fn wake_one(word: &AtomicU32) {
        Kernel::wake_one(word);
    }

    fn wake_all(word: &AtomicU32) {
        Kernel::wake_all(word);
    }
}
