//! Two words that are read together.

use forkwatch_state::code_range::CodeRange;
use loom::sync::Arc;
use loom::thread;

use crate::model;

#[test]
fn each_thread_gets_both_words() {
    model(3, || {
        let range = Arc::new(CodeRange::unknown());
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let range = Arc::clone(&range);
                thread::spawn(move || range.get_or(|| 10..20))
            })
            .collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), 10..20);
        }
    });
}
