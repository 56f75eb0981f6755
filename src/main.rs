//! probe
static LIB: &[u8] = include_bytes!(env!("FORKWATCH_LIBRARY"));
fn main() { println!("{}", LIB.len()); }
