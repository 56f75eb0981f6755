//! `/proc/PID/stat`.

/// Forked and not called exec since (`PF_FORKNOEXEC` of the kernel's `sched.h`).
const FORKED: u64 = 0x40;

/// What a process is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// The name of its first thread.
    pub name: String,
    /// What that thread does, by the letter of proc(5): `R` runs, `S` waits, `T` is stopped.
    pub state: char,
    /// Its parent.
    pub parent: i32,
    /// Whether it is a forked child that still runs its parent's program.
    pub is_forked: bool,
    /// How many threads it has.
    pub threads: usize,
    /// When it started, in ticks since boot: together with the id this identifies a process for ever.
    pub started: u64,
}

impl Stat {
    /// Reads the line.
    pub fn parse(line: &[u8]) -> Option<Self> {
        // The name is in parentheses and may contain some, and spaces and newlines; nothing after it does.
        let open = line.iter().position(|&byte| byte == b'(')?;
        let close = line.iter().rposition(|&byte| byte == b')')?;
        let name = String::from_utf8_lossy(line.get(open + 1..close)?).into_owned();
        let rest = str::from_utf8(&line[close + 1..]).ok()?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        // proc(5) counts from 1, and the first two fields are the id and the name.
        let field = |number: usize| fields.get(number - 3).copied();
        let flags: u64 = field(9)?.parse().ok()?;
        Some(Self {
            name,
            state: field(3)?.chars().next()?,
            parent: field(4)?.parse().ok()?,
            is_forked: flags & FORKED != 0,
            threads: field(20)?.parse().ok()?,
            started: field(22)?.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Stat;

    fn line(name: &str, flags: u64) -> Vec<u8> {
        format!("42 ({name}) S 7 42 42 0 -1 {flags} 1 2 3 4 5 6 7 8 20 0 3 0 98765 4595712 83 1844").into_bytes()
    }

    #[test]
    fn a_name_may_hold_anything() {
        for name in ["cat", "my prog", "a) S 1 (b", "(", ")", "two\nlines", ""] {
            let stat = Stat::parse(&line(name, 0x40_0040)).unwrap();
            let expected = Stat {
                name: name.to_owned(),
                state: 'S',
                parent: 7,
                is_forked: true,
                threads: 3,
                started: 98765,
            };
            assert_eq!(stat, expected);
        }
        assert!(!Stat::parse(&line("cat", 0x40_0000)).unwrap().is_forked);
    }

    #[test]
    fn a_line_cut_short_says_nothing() {
        assert_eq!(Stat::parse(b""), None);
        assert_eq!(Stat::parse(b"42 (cat) S 7"), None);
        assert_eq!(Stat::parse(b"42 )cat( S 7"), None);
    }
}
