//! The nearest valid word to a misspelt one, for messages that say what was probably meant.

/// The candidate nearest to `word`, however far it is; `None` only where there are no candidates.
///
/// Distance is counted in edits (insert, delete, replace, swap neighbours), without regard to case.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_ascii_lowercase();
    candidates
        .into_iter()
        .min_by_key(|candidate| strsim::damerau_levenshtein(&word, &candidate.to_ascii_lowercase()))
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
    fn case_does_not_count() {
        assert_eq!(nearest("THREADS", ["locks", "threads"]), Some("threads"));
    }

    #[test]
    fn no_candidates_give_none() {
        assert_eq!(nearest("word", []), None);
    }
}
