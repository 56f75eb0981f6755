//! The kernel's clocks, read by system call. The vDSO would be faster, but under Valgrind it is not mapped where the kernel says.
#![expect(unsafe_code, reason = "a system call and an instruction")]

use core::time::Duration;

use forkwatch_process::system_call::system_call;

/// A time: whole seconds, and nanoseconds below one.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Time {
    /// Whole seconds.
    pub seconds: i64,
    /// The rest, in nanoseconds.
    pub nanoseconds: i64,
}

/// The time of day, since 1970.
pub fn of_day() -> Time {
    read(libc::CLOCK_REALTIME)
}

/// A monotonic time, exact to a few milliseconds.
pub fn monotonic() -> Time {
    read(libc::CLOCK_MONOTONIC_COARSE)
}

/// The same in milliseconds.
pub fn milliseconds() -> u64 {
    let now = monotonic();
    now.seconds.unsigned_abs() * 1000 + now.nanoseconds.unsigned_abs() / 1_000_000
}

/// A monotonic time, exact.
pub fn exact() -> Time {
    read(libc::CLOCK_MONOTONIC)
}

/// The same since some fixed point; zero where the kernel refuses to give it.
pub fn since_start() -> Duration {
    let now = exact();
    Duration::from_secs(now.seconds.unsigned_abs()) + Duration::from_nanos(now.nanoseconds.unsigned_abs())
}

/// The processor's clock, in ticks of a nanosecond or less; it only has to run evenly enough to bound a rate.
#[cfg(target_arch = "x86_64")]
pub fn ticks() -> u64 {
    // SAFETY: every x86-64 processor has the instruction; a process that forbids it (PR_SET_TSC) does not use locks and threads
    // normally.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// The processor's clock, in ticks of a nanosecond or less; it only has to run evenly enough to bound a rate. Such a clock often counts
/// only some tens of millions a second, so what it counts is multiplied by a power of two.
#[cfg(target_arch = "aarch64")]
pub fn ticks() -> u64 {
    let (count, frequency): (u64, u64);
    // SAFETY: Linux lets every program read both.
    unsafe {
        core::arch::asm!(
            "mrs {count}, cntvct_el0",
            "mrs {frequency}, cntfrq_el0",
            count = out(reg) count,
            frequency = out(reg) frequency,
            options(nomem, nostack, preserves_flags),
        );
    }
    /// Of a frequency from two to four thousand million.
    const ZEROS: u32 = 32;
    count << frequency.leading_zeros().saturating_sub(ZEROS).min(ZEROS)
}

fn read(clock: i32) -> Time {
    let mut time = Time::default();
    let arguments = [clock.unsigned_abs() as usize, &raw mut time as usize, 0, 0, 0, 0];
    // SAFETY: the kernel fills the time, which is laid out as a `timespec`. These clocks are always there; where a sandbox refuses
    // the call, the time is 0.
    unsafe { system_call(libc::SYS_clock_gettime, arguments) };
    time
}
