#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| forkwatch_fuzz::run("cpython", input));
