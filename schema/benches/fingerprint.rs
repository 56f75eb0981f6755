//! The fingerprint of a fork, computed at each fork that may be reported.

use divan::{Bencher, black_box};
use forkwatch_schema::fingerprint;
use forkwatch_schema::record::Frame;

fn main() {
    divan::main();
}

fn stack(first: usize, frames: usize) -> Vec<Frame> {
    (first..first + frames)
        .map(|number| Frame {
            ip: format!("0x7f{number:010x}"),
            module: Some(String::from("/usr/lib/x86_64-linux-gnu/libserver.so.2")),
            offset: Some(format!("{number:#x}")),
            build_id: Some(String::from("93ac61ec5a8eb1396f9fbd350e3169a558528a40")),
            ..Frame::default()
        })
        .collect()
}

#[divan::bench(args = [1, 16, 64])]
fn of_a_fork_so_deep(bencher: Bencher, frames: usize) {
    let fork = stack(0, frames);
    bencher.bench(|| fingerprint::of_fork(black_box(&fork), None));
}
