//! The nearest valid word to a misspelt one, for messages that suggest what was probably meant.

/// This many letters are the beginning of a word rather than a typing error.
const BEGINNING: usize = 3;

/// The candidate nearest to `word`, however far it is; `None` only where there are no candidates.
///
/// A candidate that begins with the word is nearer than any other. Distance is counted in edits (insert, delete, replace, swap
/// neighbours), without regard to case.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_ascii_lowercase();
    candidates.into_iter().min_by_key(|candidate| {
        let candidate = candidate.to_ascii_lowercase();
        let goes_on = word.len() >= BEGINNING && candidate.starts_with(&word);
        (!goes_on, strsim::damerau_levenshtein(&word, &candidate))
    })
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_swapped_letter_finds_the_word() {
        assert_eq!(
            nearest("FORKWATCH_STRCIT", ["FORKWATCH_STACKS", "FORKWATCH_STRICT"]),
            Some("FORKWATCH_STRICT")
        );
    }

    #[test]
    fn a_beginning_finds_its_word() {
        assert_eq!(nearest("orphan", ["summary", "orphaned_lock"]), Some("orphaned_lock"));
    }

    #[test]
    fn case_does_not_count() {
        assert_eq!(nearest("THREADS", ["locks", "threads"]), Some("threads"));
    }

    #[test]
    fn no_candidates_give_none() {
        assert_eq!(nearest("word", []), None);
    }
}
