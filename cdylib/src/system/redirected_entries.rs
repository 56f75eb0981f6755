//! Entries for redirected calls: each knows its number, shows the call, and jumps to the function that the program meant, with
//! every argument where it was.
#![expect(unsafe_code, reason = "entries in assembly")]

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "x86_64")]
mod x86_64;

use core::sync::atomic::{AtomicUsize, Ordering};

/// How many there are.
pub const ENTRIES: usize = 1536;
/// Bytes from one to the next.
const SIZE: usize = 16;

unsafe extern "C" {
    fn forkwatch_redirected_entries();
}

/// A call that reached an entry.
#[derive(Clone, Copy, Debug)]
pub struct Redirected {
    /// The entry's number.
    pub number: usize,
    /// The call's first two arguments, if it has so many.
    pub arguments: [usize; 2],
    /// Where it returns to.
    pub return_address: usize,
    /// The caller's stack pointer after the return.
    pub stack_pointer: usize,
}

/// What is shown the calls. Returns the address of the function to call instead, or 0. It must not unwind.
pub type Observer = fn(Redirected) -> usize;

/// The observer; 0 while there is none. The store (Release) pairs with the load (Acquire) in `show`.
static OBSERVER: AtomicUsize = AtomicUsize::new(0);

/// The function behind each entry. Not among the zeros, which lie in the page that each fork copies. Relaxed: written before the
/// first slot leads to the entry, while the process has one thread or its only forking thread holds the report lock.
#[unsafe(link_section = ".forkwatch_redirected")]
static ORIGINALS: [AtomicUsize; ENTRIES] = [const { AtomicUsize::new(0) }; ENTRIES];

/// From now on this is shown the calls.
pub fn observe(observer: Observer) {
    #[cfg(target_arch = "x86_64")]
    x86_64::look_at_processor();
    OBSERVER.store(observer as usize, Ordering::Release);
}

/// Where calls of the entry of this number go on to.
pub fn set_original(number: usize, original: usize) {
    if let Some(place) = ORIGINALS.get(number) {
        // Relaxed: as `ORIGINALS` says.
        place.store(original, Ordering::Relaxed);
    }
}

/// The address of the entry of this number, from which calls go on to `original`; `None` beyond the last one, or while nobody
/// observes.
pub fn entry(number: usize, original: usize) -> Option<usize> {
    if OBSERVER.load(Ordering::Acquire) == 0 {
        return None;
    }
    ORIGINALS.get(number)?.store(original, Ordering::Relaxed);
    address(number)
}

/// The address of the entry of this number.
pub fn address(number: usize) -> Option<usize> {
    (number < ENTRIES).then(|| forkwatch_redirected_entries as *const () as usize + number * SIZE)
}

/// The number of the entry at this address.
pub fn number(address: usize) -> Option<usize> {
    let distance = address.checked_sub(forkwatch_redirected_entries as *const () as usize)?;
    Some(distance / SIZE).filter(|number| *number < ENTRIES)
}

/// Shows a call, and returns the address to go on to.
extern "C" fn show(number: usize, first: usize, second: usize, return_address: usize, stack_pointer: usize) -> usize {
    let observer = OBSERVER.load(Ordering::Acquire);
    // SAFETY: a slot leads here only after `entry` has found an observer.
    let observer = unsafe { core::mem::transmute::<usize, Observer>(observer) };
    let other = observer(Redirected {
        number,
        arguments: [first, second],
        return_address,
        stack_pointer,
    });
    if other == 0 { original(number) } else { other }
}

/// Where calls of the entry of this number go on to.
pub fn original(number: usize) -> usize {
    let place = ORIGINALS.get(number);
    // Relaxed: as `ORIGINALS` says.
    place.map_or(0, |original| original.load(Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::{ENTRIES, Redirected, entry, observe};
    use core::sync::atomic::{AtomicUsize, Ordering};

    static SEEN: AtomicUsize = AtomicUsize::new(0);

    pub(super) fn see(call: Redirected) -> usize {
        let [first, second] = call.arguments;
        SEEN.store(call.number * 100 + first * 10 + second, Ordering::Relaxed);
        #[cfg(target_arch = "x86_64")]
        if std::is_x86_feature_detected!("avx") {
            // SAFETY: the processor has them. Functions of libc may do so.
            unsafe { core::arch::x86_64::_mm256_zeroall() };
        }
        0
    }

    extern "C" fn weigh(a: usize, b: usize, c: usize, d: usize, e: usize, f: usize, g: usize, x: f64, y: f64) -> f64 {
        [a, b, c, d, e, f, g]
            .into_iter()
            .fold(0.0, |sum, part| sum * 10.0 + part as f64)
            + x
            - y
    }

    #[test]
    fn an_entry_shows_the_call_and_leaves_all_arguments() {
        observe(see);
        let original = weigh as *const () as usize;
        let address = entry(ENTRIES - 1, original).unwrap();
        // SAFETY: the entry jumps to a function of this type.
        let call = unsafe {
            core::mem::transmute::<usize, extern "C" fn(usize, usize, usize, usize, usize, usize, usize, f64, f64) -> f64>(
                address,
            )
        };
        assert!((call(1, 2, 3, 4, 5, 6, 7, 0.5, 0.25) - 1_234_567.25).abs() < 1e-9);
        assert_eq!(SEEN.load(Ordering::Relaxed), (ENTRIES - 1) * 100 + 12);
        assert!(entry(ENTRIES, original).is_none());
    }
}
