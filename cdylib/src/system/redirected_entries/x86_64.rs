//! The entries on x86-64: 16 bytes each.

use core::arch::global_asm;
use core::sync::atomic::{AtomicBool, Ordering};

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
    entries = const super::ENTRIES,
    size = const super::SIZE,
    show = sym super::show,
    has_wide = sym HAS_WIDE,
);

/// Whether the processor has registers of 32 bytes, in which a few functions take arguments. Relaxed: written before the first entry is
/// handed out.
#[unsafe(link_section = ".forkwatch_redirected")]
static HAS_WIDE: AtomicBool = AtomicBool::new(false);

/// Finds out which registers it has.
pub(super) fn look_at_processor() {
    HAS_WIDE.store(std::is_x86_feature_detected!("avx"), Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::super::tests::see;
    use super::super::{ENTRIES, entry, observe};

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
}
