//! Entries for redirected calls: each knows its number, shows the call, and jumps to the function that the program meant, with
//! every argument where it was.
#![expect(unsafe_code, reason = "entries in assembly")]

use core::arch::global_asm;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// How many there are.
pub const ENTRIES: usize = 1536;
/// Bytes from one to the next.
const SIZE: usize = 16;

// The registers that may hold an argument are kept: also those for floating point (of AVX-512's, the lower half), whose number a variadic call passes in `al`,
// and `r10`, which some languages use for a function's surroundings.
global_asm!(
    ".pushsection .text.forkwatch_redirected_entries,\"ax\",@progbits",
    ".balign 16",
    ".hidden forkwatch_redirected_entries",
    ".globl forkwatch_redirected_entries",
    ".type forkwatch_redirected_entries,@function",
    "forkwatch_redirected_entries:",
    ".cfi_startproc",
    ".set forkwatch_redirected_entry, 0",
    ".rept {entries}",
    "mov r11d, forkwatch_redirected_entry",
    "jmp 2f",
    ".balign {size}",
    ".set forkwatch_redirected_entry, forkwatch_redirected_entry + 1",
    ".endr",
    "2:",
    "push rbp",
    ".cfi_def_cfa_offset 16",
    ".cfi_offset rbp, -16",
    "mov rbp, rsp",
    ".cfi_def_cfa_register rbp",
    "push rdi",
    "push rsi",
    "push rdx",
    "push rcx",
    "push r8",
    "push r9",
    "push rax",
    "push r10",
    "and rsp, -16",
    "sub rsp, 256",
    "cmp byte ptr [rip + {has_wide}], 0",
    "jne 3f",
    "movaps [rsp], xmm0",
    "movaps [rsp + 16], xmm1",
    "movaps [rsp + 32], xmm2",
    "movaps [rsp + 48], xmm3",
    "movaps [rsp + 64], xmm4",
    "movaps [rsp + 80], xmm5",
    "movaps [rsp + 96], xmm6",
    "movaps [rsp + 112], xmm7",
    "jmp 4f",
    "3:",
    "vmovups [rsp], ymm0",
    "vmovups [rsp + 32], ymm1",
    "vmovups [rsp + 64], ymm2",
    "vmovups [rsp + 96], ymm3",
    "vmovups [rsp + 128], ymm4",
    "vmovups [rsp + 160], ymm5",
    "vmovups [rsp + 192], ymm6",
    "vmovups [rsp + 224], ymm7",
    "4:",
    "mov rdx, rsi",
    "mov rsi, rdi",
    "mov edi, r11d",
    "mov rcx, [rbp + 8]",
    "lea r8, [rbp + 16]",
    "call {show}",
    "mov r11, rax",
    "cmp byte ptr [rip + {has_wide}], 0",
    "jne 5f",
    "movaps xmm0, [rsp]",
    "movaps xmm1, [rsp + 16]",
    "movaps xmm2, [rsp + 32]",
    "movaps xmm3, [rsp + 48]",
    "movaps xmm4, [rsp + 64]",
    "movaps xmm5, [rsp + 80]",
    "movaps xmm6, [rsp + 96]",
    "movaps xmm7, [rsp + 112]",
    "jmp 6f",
    "5:",
    "vmovups ymm0, [rsp]",
    "vmovups ymm1, [rsp + 32]",
    "vmovups ymm2, [rsp + 64]",
    "vmovups ymm3, [rsp + 96]",
    "vmovups ymm4, [rsp + 128]",
    "vmovups ymm5, [rsp + 160]",
    "vmovups ymm6, [rsp + 192]",
    "vmovups ymm7, [rsp + 224]",
    "6:",
    "mov rdi, [rbp - 8]",
    "mov rsi, [rbp - 16]",
    "mov rdx, [rbp - 24]",
    "mov rcx, [rbp - 32]",
    "mov r8, [rbp - 40]",
    "mov r9, [rbp - 48]",
    "mov rax, [rbp - 56]",
    "mov r10, [rbp - 64]",
    "leave",
    ".cfi_def_cfa rsp, 8",
    "jmp r11",
    ".cfi_endproc",
    ".size forkwatch_redirected_entries, . - forkwatch_redirected_entries",
    ".popsection",
    entries = const ENTRIES,
    size = const SIZE,
    show = sym show,
    has_wide = sym HAS_WIDE,
);

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

/// Whether the processor has registers of 32 bytes, in which a few functions take arguments. Relaxed: written before the first entry is
/// handed out.
#[unsafe(link_section = ".forkwatch_redirected")]
static HAS_WIDE: AtomicBool = AtomicBool::new(false);

/// From now on this is shown the calls.
pub fn observe(observer: Observer) {
    HAS_WIDE.store(std::is_x86_feature_detected!("avx"), Ordering::Relaxed);
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

    fn see(call: Redirected) -> usize {
        let [first, second] = call.arguments;
        SEEN.store(call.number * 100 + first * 10 + second, Ordering::Relaxed);
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

    #[target_feature(enable = "avx")]
    #[expect(improper_ctypes_definitions, reason = "the registers are what is tested")]
    extern "C" fn weigh_wide(x: core::arch::x86_64::__m256d, y: core::arch::x86_64::__m256d) -> f64 {
        let parts = [x, y].map(|wide| {
            // SAFETY: both are four numbers.
            unsafe { core::mem::transmute::<core::arch::x86_64::__m256d, [f64; 4]>(wide) }
        });
        parts.as_flattened().iter().fold(0.0, |sum, part| sum * 10.0 + part)
    }

    #[target_feature(enable = "avx")]
    fn weigh_through(entry: usize) -> f64 {
        use core::arch::x86_64::{__m256d, _mm256_set_pd};
        // SAFETY: the entry jumps to a function of this type.
        let call = unsafe { core::mem::transmute::<usize, extern "C" fn(__m256d, __m256d) -> f64>(entry) };
        call(_mm256_set_pd(4.0, 3.0, 2.0, 1.0), _mm256_set_pd(8.0, 7.0, 6.0, 5.0))
    }

    #[test]
    fn an_entry_leaves_wide_arguments() {
        if !std::is_x86_feature_detected!("avx") {
            return println!("skipped: the processor has no AVX");
        }
        observe(see);
        let address = entry(ENTRIES - 2, weigh_wide as *const () as usize).unwrap();
        // SAFETY: the processor has AVX.
        let sum = unsafe { weigh_through(address) };
        assert!((sum - 12_345_678.0).abs() < 1e-9, "{sum}");
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
