//! The suppression file: one rule per line, `KIND:GLOB`, with `#` for comments.
//!
//! The glob is matched against every module base name, symbol, Python function, thread name and lock name of a finding.
//! `thread:GLOB` and `lock:GLOB` reach deeper: what they match counts neither as alive nor as a holder. `fingerprint:HEX` is for one
//! finding.

use glob::Pattern;

use crate::kind::{Kind, written};
use crate::nearest::nearest;

/// What a rule applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Findings of any kind (`*`).
    AnyKind,
    /// Findings of one kind.
    OneKind(Kind),
    /// Threads known to be harmless.
    Thread,
    /// Locks known to be harmless.
    Lock,
    /// The finding with this fingerprint.
    Fingerprint,
}

/// One rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// What the rule applies to.
    pub scope: Scope,
    glob: Pattern,
}

impl Rule {
    /// Whether the rule's glob matches this word.
    pub fn matches(&self, word: &str) -> bool {
        self.glob.matches(word)
    }

    /// Whether the rule suppresses findings of this kind.
    pub fn suppresses(&self, kind: Kind) -> bool {
        match self.scope {
            Scope::AnyKind => true,
            Scope::OneKind(own) => own == kind,
            Scope::Thread | Scope::Lock | Scope::Fingerprint => false,
        }
    }
}

/// Reads one line: a rule, nothing (`Ok(None)`: blank or comment), or one sentence that says what is wrong with it.
pub fn parse_line(line: &str) -> Result<Option<Rule>, String> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let Some((scope, glob)) = line.split_once(':') else {
        return Err(format!(
            "'{line}' is not a rule; write KIND:GLOB, for example unsafe_fork:*{line}*"
        ));
    };
    let scope = match scope.trim() {
        "*" => Scope::AnyKind,
        "thread" => Scope::Thread,
        "lock" => Scope::Lock,
        "fingerprint" => Scope::Fingerprint,
        word => match Kind::parse(word) {
            Some(kind) => Scope::OneKind(kind),
            None => {
                let words = written()
                    .map(|row| row.name)
                    .chain(["thread", "lock", "fingerprint", "*"]);
                let nearest = nearest(word, words).unwrap_or_default();
                return Err(format!("unknown kind '{word}'; the nearest is '{nearest}'"));
            }
        },
    };
    let glob = glob.trim();
    if glob.is_empty() {
        return Err(format!("'{line}' has no glob; '*' matches everything"));
    }
    if scope == Scope::Fingerprint && !(glob.len() == 16 && glob.bytes().all(|digit| digit.is_ascii_hexdigit())) {
        return Err(format!("'{glob}' is not a fingerprint, which has 16 hex digits"));
    }
    match Pattern::new(glob) {
        Ok(glob) => Ok(Some(Rule { scope, glob })),
        Err(error) => Err(format!(
            "invalid glob '{glob}': {} at character {}",
            error.msg,
            error.pos + 1
        )),
    }
}

/// Reads a whole file's text. `bad_line` receives the number (from 1) of each invalid line and what is wrong with it; such lines
/// are skipped.
pub fn parse(text: &str, mut bad_line: impl FnMut(usize, String)) -> Vec<Rule> {
    let mut rules = Vec::new();
    for (index, line) in text.lines().enumerate() {
        match parse_line(line) {
            Ok(Some(rule)) => rules.push(rule),
            Ok(None) => {}
            Err(error) => bad_line(index + 1, error),
        }
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::{Scope, parse};
    use crate::kind::Kind;

    #[test]
    fn rules_comments_and_bad_lines() {
        let text = "# ours\n\nunsafe_fork:libfoo*\nthread:pool-*\nlock:*cache*\n*:main\nunsafe_frok:x\nnonsense\nthread:\nlock:[\n\
                    fingerprint:*\nfingerprint:0123456789abcdef\n";
        let mut bad = Vec::new();
        let rules = parse(text, |line, error| bad.push((line, error)));
        let scopes: Vec<_> = rules.iter().map(|rule| rule.scope).collect();
        assert_eq!(
            scopes,
            [
                Scope::OneKind(Kind::UnsafeFork),
                Scope::Thread,
                Scope::Lock,
                Scope::AnyKind,
                Scope::Fingerprint
            ]
        );
        assert!(rules[0].matches("libfoo.so.1") && !rules[0].matches("libbar.so"));
        assert!(rules[0].suppresses(Kind::UnsafeFork) && !rules[0].suppresses(Kind::LeakedLock));
        assert!(!rules[1].suppresses(Kind::UnsafeFork) && rules[3].suppresses(Kind::Summary));
        let lines: Vec<_> = bad.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [7, 8, 9, 10, 11]);
        assert!(bad[0].1.contains("'unsafe_fork'"), "{}", bad[0].1);
        assert!(bad[4].1.contains("16 hex digits"), "{}", bad[4].1);
        assert!(rules[4].matches("0123456789abcdef") && !rules[4].suppresses(Kind::UnsafeFork));
    }

    #[test]
    fn a_glob_crosses_slashes_and_colons() {
        let mut bad = 0;
        let rules = parse("*:std::*::run*", |_, _| bad += 1);
        assert_eq!(bad, 0);
        assert!(rules[0].matches("std::thread::a/b::run_it"));
    }
}
