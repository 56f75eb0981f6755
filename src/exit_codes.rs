//! The command's own exit codes. Everything else that it may exit with is the watched program's status.

/// Done.
pub const OK: u8 = 0;

/// `forkwatch report --fail-on`: a finding is as bad as the level given.
pub const FAIL_ON: u8 = 1;

/// Wrong usage: an unknown option, a value that an option does not take, or a path that holds nothing to read.
pub const USAGE: u8 = 2;

/// Under `--strict`, unless `--error-exitcode` says otherwise: the program succeeded, but a finding of `ERROR` or `FATAL`
/// was written somewhere in its process tree. The value is that of ThreadSanitizer.
pub const FINDINGS: u8 = 66;

/// `forkwatch` itself could not do its job: the program cannot be watched, a file could not be written, or a receiver did not take
/// all records.
pub const CANNOT_WATCH: u8 = 125;

/// The program was found but cannot be executed, as with `env` and the shells.
pub const NOT_EXECUTABLE: u8 = 126;

/// The program was not found, as with `env` and the shells.
pub const NOT_FOUND: u8 = 127;

/// Signal N ended the program, and cannot be raised again.
pub const SIGNAL_BASE: u8 = 128;

#[cfg(test)]
mod tests {
    /// The table of `docs/EXIT_CODES.md`, from the comments above. `FORKWATCH_BLESS=1` writes it.
    #[test]
    fn the_page_of_exit_codes_has_the_table() {
        let (source, _) = include_str!("exit_codes.rs").split_once("#[cfg(test)]").unwrap();
        let mut table = String::from("| code | meaning |\n|---|---|\n");
        let mut meaning = Vec::new();
        for line in source.lines() {
            if let Some(text) = line.strip_prefix("/// ") {
                meaning.push(text);
            } else if let Some((name, code)) = line.strip_suffix(';').and_then(|line| line.split_once(": u8 = ")) {
                let code = if name.ends_with("SIGNAL_BASE") {
                    format!("{code} + N")
                } else {
                    code.to_owned()
                };
                table += &format!("| {code} | {} |\n", meaning.join(" "));
                meaning.clear();
            }
        }
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/EXIT_CODES.md");
        let page = std::fs::read_to_string(path).unwrap();
        let (before, rest) = page.split_once("<!-- exit codes -->\n").unwrap();
        let (held, after) = rest.split_once("<!-- end -->").unwrap();
        if std::env::var_os("FORKWATCH_BLESS").is_some_and(|value| !value.is_empty()) {
            let whole = format!("{before}<!-- exit codes -->\n\n{table}\n<!-- end -->{after}");
            std::fs::write(path, whole).unwrap();
        } else {
            assert_eq!(held.trim(), table.trim());
        }
    }
}
