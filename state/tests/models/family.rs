//! What a family has reported: of two processes with the same finding, one reports it. (Under loom, threads stand in for processes.)

use forkwatch_state::family::Family;
use loom::sync::Arc;
use loom::thread;

use crate::{Kernel, model};

#[test]
fn one_of_two_reports() {
    model(3, || {
        let family = Arc::new(Family::<Kernel>::new());
        family.found();
        let other = {
            let family = Arc::clone(&family);
            thread::spawn(move || family.insert(7))
        };
        let here = family.insert(7);
        assert!(here != other.join().unwrap(), "one of the two");
        assert!(family.has(7) && family.insert(8) && family.has(7));
    });
}
