//! Pieces of scratch memory, while another thread clears it.

use forkwatch_state::own_lock::OwnLock;
use forkwatch_state::pieces::Pieces;
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use crate::{Kernel, model};

struct Memory {
    lock: OwnLock<Kernel>,
    pieces: Pieces,
    /// The one piece: loom finds two threads in it.
    piece: UnsafeCell<u32>,
}

// SAFETY: what the model is about.
unsafe impl Send for Memory {}
// SAFETY: what the model is about.
unsafe impl Sync for Memory {}

#[test]
fn memory_is_not_cleared_below_a_piece() {
    model(3, || {
        let memory = Arc::new(Memory {
            lock: OwnLock::new(),
            pieces: Pieces::empty(),
            piece: UnsafeCell::new(0),
        });
        let user = {
            let memory = Arc::clone(&memory);
            thread::spawn(move || {
                let piece = memory.pieces.hand_out(|| {
                    memory.lock.acquire();
                    memory.lock.release();
                    Some(&memory.piece)
                });
                // SAFETY: the piece is this thread's.
                piece.expect("there is one").with_mut(|piece| unsafe { *piece = 1 });
                memory.pieces.take_back();
            })
        };
        memory.lock.acquire();
        if memory.pieces.none_left() {
            // SAFETY: nobody has the piece.
            memory.piece.with_mut(|piece| unsafe { *piece = 0 });
        }
        memory.lock.release();
        user.join().unwrap();
    });
}
