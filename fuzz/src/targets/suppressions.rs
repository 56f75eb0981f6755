//! A suppression file, and after a NUL byte the words of a finding that its rules are matched against, one per line.

use forkwatch_schema::record::Frame;
use forkwatch_schema::suppressions::Suppressions;

pub fn run(input: &[u8]) -> usize {
    let end = input.iter().position(|&byte| byte == 0);
    let (file, words) = input.split_at(end.unwrap_or(input.len()));
    let lines = String::from_utf8_lossy(file).lines().count();
    let (rules, complaints) = Suppressions::load([("f".to_owned(), Ok::<_, String>(file.to_vec()))].into_iter());
    assert!(
        complaints.len() <= lines,
        "{} complaints about {lines} lines",
        complaints.len()
    );
    for complaint in &complaints {
        assert!(
            complaint.len() <= 4 * file.len() + 200,
            "a complaint longer than its file"
        );
    }
    if rules.is_empty() {
        return 0;
    }
    for word in String::from_utf8_lossy(words).lines() {
        let frame = Frame {
            symbol: Some(word.to_owned()),
            module: Some(word.to_owned()),
            ..Frame::default()
        };
        let as_thread = rules.thread_is_harmless(word, Some(word), Some(word));
        assert!(!as_thread || rules.has_thread_rules(), "no rule speaks about threads");
        let _either = rules.lock_is_harmless(Some(word), Some(word), &[frame]);
    }
    lines - complaints.len()
}
