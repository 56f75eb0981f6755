//! Rules of the unwinder: nobody reads a row that is made of two.

use forkwatch_state::rows::{Row, Rows};
use loom::sync::Arc;
use loom::thread;

use crate::{Kernel, interrupted, model};

fn row(number: u32) -> Row {
    Row {
        entry: number as usize,
        length: number,
        hash: u64::from(number),
        rules: [u64::from(number); 3],
    }
}

fn must_be_whole(rows: &Rows<Kernel>, address: usize) {
    // Each writer's row is of one number in all its words.
    assert!(rows.kept(address).is_none_or(|kept| kept == row(kept.length)));
}

#[test]
fn a_row_is_read_whole() {
    model(2, || {
        let rows = Arc::new(Rows::<Kernel>::empty());
        rows.keep(8, row(1));
        let writer = {
            let rows = Arc::clone(&rows);
            thread::spawn(move || rows.keep(8, row(2)))
        };
        must_be_whole(&rows, 8);
        writer.join().unwrap();
        assert_eq!(rows.kept(8), Some(row(2)));
        assert_eq!(rows.kept(16), None);
    });
}

#[test]
fn two_writers_do_not_mix() {
    model(2, || {
        let rows = Arc::new(Rows::<Kernel>::empty());
        let writer = {
            let rows = Arc::clone(&rows);
            thread::spawn(move || rows.keep(8, row(2)))
        };
        rows.keep(8, row(1));
        must_be_whole(&rows, 8);
        writer.join().unwrap();
        assert!(rows.kept(8).is_some_and(|kept| kept == row(kept.length)));
    });
}

#[test]
fn a_handler_reads_whole_rows_and_writes_none_into_another() {
    interrupted(0, |interrupt, _| {
        let rows = Arc::new(Rows::<Kernel>::empty());
        let handlers = Arc::clone(&rows);
        rows.keep(8, row(1));
        interrupt.during(
            || rows.keep(8, row(2)),
            move || {
                must_be_whole(&handlers, 8);
                handlers.keep(8, row(3));
                must_be_whole(&handlers, 8);
            },
        );
        assert!(rows.kept(8).is_some_and(|kept| kept == row(kept.length)));
    });
}
