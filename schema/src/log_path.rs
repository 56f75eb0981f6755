//! Paths with `%p` (process id), `%h` (host), `%e` (program) and `%%` in them.

/// What the marks are replaced by, at the time of writing: a forked child writes its own files.
#[derive(Clone, Copy, Debug)]
pub struct Marks<'a> {
    /// The process that writes.
    pub pid: i32,
    /// This machine.
    pub host: &'a str,
    /// The program's name, without its directory.
    pub program: &'a str,
}

/// The path that the template makes. A `%` before anything else stays as it is.
pub fn expand(template: &[u8], marks: Marks<'_>) -> Vec<u8> {
    let mut path = Vec::with_capacity(template.len() + 16);
    let mut bytes = template.iter();
    while let Some(&byte) = bytes.next() {
        if byte != b'%' {
            path.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'p') => path.extend_from_slice(marks.pid.to_string().as_bytes()),
            Some(b'h') => path.extend_from_slice(one_part(marks.host).as_bytes()),
            Some(b'e') => path.extend_from_slice(one_part(marks.program).as_bytes()),
            Some(b'%') => path.push(b'%'),
            Some(&other) => path.extend_from_slice(&[b'%', other]),
            None => path.push(b'%'),
        }
    }
    path
}

/// A name that cannot lead to another directory.
fn one_part(name: &str) -> String {
    match name {
        "." | ".." => name.replace('.', "_"),
        _ => name.replace('/', "_"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Marks, expand};

    #[test]
    fn marks_are_replaced() {
        let marks = Marks {
            pid: 42,
            host: "box",
            program: "app",
        };
        let expand = |template: &str| String::from_utf8(expand(template.as_bytes(), marks)).unwrap();
        assert_eq!(expand("/tmp/%h/%e.%p.jsonl"), "/tmp/box/app.42.jsonl");
        assert_eq!(expand("100%% %x %"), "100% %x %");
    }

    #[test]
    fn a_name_leads_to_no_other_folder() {
        let marks = Marks {
            pid: 1,
            host: "../../etc",
            program: "..",
        };
        assert_eq!(expand(b"/tmp/%h/%e/x", marks), b"/tmp/.._.._etc/__/x");
    }
}
