//! Which programs are watched, by globs for the file names of executables (`FORKWATCH_PROGRAMS`).

use glob::Pattern;

/// What a value selects: `python*,!git`.
#[derive(Clone, Debug)]
pub struct Programs {
    included: Vec<Pattern>,
    excluded: Vec<Pattern>,
    /// Without a glob that includes, all are included, unless there is none that excludes either.
    includes_others: bool,
}

impl Programs {
    /// Reads a value: globs separated by commas, of which those that begin with `!` exclude. The empty value selects nothing. The
    /// error is a clause that follows the value.
    pub fn parse(value: &str) -> Result<Self, String> {
        let mut programs = Self {
            included: Vec::new(),
            excluded: Vec::new(),
            includes_others: false,
        };
        for word in value.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            let (list, glob) = match word.strip_prefix('!') {
                Some(glob) => (&mut programs.excluded, glob.trim()),
                None => (&mut programs.included, word),
            };
            if glob.contains('/') {
                return Err(format!("'{glob}' is matched against a file name, which has no '/'"));
            }
            let pattern = Pattern::new(glob).map_err(|error| format!("'{glob}' is no valid glob: {}", error.msg))?;
            list.push(pattern);
        }
        programs.includes_others = programs.included.is_empty() && !programs.excluded.is_empty();
        Ok(programs)
    }

    /// Whether an executable with this file name is watched. What excludes it counts more than what includes it.
    pub fn include(&self, name: &str) -> bool {
        let any = |globs: &[Pattern]| globs.iter().any(|glob| glob.matches(name));
        !any(&self.excluded) && (self.includes_others || any(&self.included))
    }
}

#[cfg(test)]
mod tests {
    use super::Programs;

    fn included(value: &str) -> Vec<&'static str> {
        let programs = Programs::parse(value).unwrap();
        ["python3.12", "git", "git-lfs", "sh"]
            .into_iter()
            .filter(|name| programs.include(name))
            .collect()
    }

    #[test]
    fn globs_include_and_exclude() {
        assert_eq!(included("python*"), ["python3.12"]);
        assert_eq!(included("python*,!git"), ["python3.12"]);
        assert_eq!(included("!git"), ["python3.12", "git-lfs", "sh"]);
        assert_eq!(included(" * , !git* "), ["python3.12", "sh"]);
        assert_eq!(included("!git,git*"), ["git-lfs"], "the order does not matter");
        assert_eq!(included("python?.12,sh"), ["python3.12", "sh"]);
    }

    #[test]
    fn the_empty_value_includes_nothing() {
        assert_eq!(included(""), [""; 0]);
        assert_eq!(included(" , "), [""; 0]);
    }

    #[test]
    fn what_matches_no_file_name_is_refused() {
        assert!(Programs::parse("/usr/bin/git").unwrap_err().contains("has no '/'"));
        assert!(Programs::parse("[").unwrap_err().contains("no valid glob"));
    }
}
