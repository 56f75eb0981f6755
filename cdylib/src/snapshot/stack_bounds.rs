//! Where the stack lies of a thread whose creation we did not see.
#![expect(unsafe_code, reason = "getauxval")]

use forkwatch_process::file::read_whole;
use forkwatch_process::maps::parse;

/// How far the first thread's stack is taken to reach below its top; the kernel keeps at least 128 MiB free there.
const FIRST_STACK_BYTES: usize = 64 << 20;

/// The lowest and the highest address of the stack around `address`, a place on this thread's stack; `None` where it cannot be
/// found.
pub fn of_stack_around(address: usize) -> Option<(usize, usize)> {
    // The kernel puts 16 random bytes above every frame of the first thread's stack.
    // SAFETY: the function only reads the auxiliary vector.
    let top = usize::try_from(unsafe { libc::getauxval(libc::AT_RANDOM) }).ok()?;
    if address < top && top - address < FIRST_STACK_BYTES {
        return Some((top - FIRST_STACK_BYTES, top));
    }
    let maps = read_whole(c"/proc/thread-self/maps")?;
    let around = parse(&maps).find(|mapping| mapping.addresses.contains(&address))?;
    Some((around.addresses.start, around.addresses.end))
}
