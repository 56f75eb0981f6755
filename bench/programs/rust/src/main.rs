//! Threads that use the locks of `std::sync` and of `parking_lot` heavily, with work between them, and a channel.

use std::hint::black_box;
use std::sync::{Condvar, Mutex, RwLock, mpsc};
use std::thread;

const THREADS: usize = 4;
const ROUNDS: usize = 150_000;

/// Work of about 100 ns that nobody shares.
fn think(seed: usize) -> usize {
    (0..40).fold(seed, |sum, step| black_box(sum.wrapping_mul(31).wrapping_add(step)))
}

fn main() {
    let (sum, table) = (Mutex::new(0_usize), RwLock::new(vec![0_usize; 64]));
    let (fair, shelves) = (
        parking_lot::Mutex::new(0_usize),
        parking_lot::RwLock::new(vec![0_usize; 64]),
    );
    let (left, ended) = (Mutex::new(THREADS), Condvar::new());
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        for number in 0..THREADS {
            let (sum, table, fair, shelves, left, ended) = (&sum, &table, &fair, &shelves, &left, &ended);
            let sender = sender.clone();
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let value = think(round);
                    match round % 8 {
                        0 => *sum.lock().unwrap() += 1,
                        1 => *fair.lock() += 1,
                        2 => table.write().unwrap()[value % 64] += 1,
                        3 => shelves.write()[value % 64] += 1,
                        4 if round % 64 == 4 => sender.send(number).unwrap(),
                        even if even % 2 == 0 => _ = black_box(table.read().unwrap()[value % 64]),
                        _ => _ = black_box(shelves.read()[value % 64]),
                    }
                }
                drop(sender);
                *left.lock().unwrap() -= 1;
                ended.notify_all();
            });
        }
        let guard = left.lock().unwrap();
        drop(ended.wait_while(guard, |left| *left > 0).unwrap());
    });
    drop(sender);
    assert_eq!(*sum.lock().unwrap() + *fair.lock(), THREADS * ROUNDS / 4);
    assert_eq!(receiver.iter().count(), THREADS * ROUNDS.div_ceil(64));
}
