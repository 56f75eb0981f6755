//! The files below `/proc/PID`.

use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use super::{Stat, Status, SystemCall};

/// A process, by its id. The id may be reused when it ends, see [`Stat::started`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Process(pub i32);

/// The ids of all processes that we may see.
pub fn all() -> impl Iterator<Item = Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok().map(Process))
}

impl Process {
    /// The path of one of its files.
    pub fn path(self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.0))
    }

    /// Its state.
    pub fn stat(self) -> io::Result<Stat> {
        Stat::parse(&fs::read(self.path("stat"))?).ok_or(ErrorKind::InvalidData.into())
    }

    /// Its user, and which signals it handles.
    pub fn status(self) -> io::Result<Status> {
        Ok(Status::parse(&fs::read(self.path("status"))?))
    }

    /// The kernel's ids of its threads, in their order.
    pub fn threads(self) -> io::Result<Vec<i32>> {
        let mut threads: Vec<i32> = fs::read_dir(self.path("task"))?
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .collect();
        threads.sort_unstable();
        Ok(threads)
    }

    /// The system call that its first thread waits in. The kernel shows it to those who might trace the process.
    pub fn system_call(self) -> io::Result<SystemCall> {
        self.system_call_of(self.0)
    }

    /// The system call that one of its threads waits in.
    pub fn system_call_of(self, thread: i32) -> io::Result<SystemCall> {
        let text = fs::read(self.path(&format!("task/{thread}/syscall")))?;
        SystemCall::parse(&text).ok_or(ErrorKind::InvalidData.into())
    }

    /// The kernel's function that it waits in, for those who may not see the system call.
    pub fn kernel_function(self) -> Option<String> {
        let name = fs::read_to_string(self.path("wchan")).ok()?;
        (!name.is_empty() && name != "0").then_some(name)
    }

    /// The program file.
    pub fn program(self) -> io::Result<PathBuf> {
        fs::read_link(self.path("exe"))
    }

    /// Its arguments.
    pub fn arguments(self) -> io::Result<Vec<OsString>> {
        Ok(texts(&fs::read(self.path("cmdline"))?))
    }

    /// A variable of the environment that its program was started with.
    pub fn variable(self, name: &str) -> io::Result<Option<OsString>> {
        let environment = texts(&fs::read(self.path("environ"))?);
        let mut found = environment.iter().filter_map(|entry| {
            let (key, value) = split_once(entry.as_encoded_bytes(), b'=')?;
            (key == name.as_bytes()).then(|| OsString::from_vec(value.to_vec()))
        });
        Ok(found.next())
    }
}

/// Texts that each end with a NUL.
fn texts(bytes: &[u8]) -> Vec<OsString> {
    let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes);
    if bytes.is_empty() {
        return Vec::new();
    }
    let texts = bytes.split(|&byte| byte == 0);
    texts.map(|text| OsString::from_vec(text.to_vec())).collect()
}

fn split_once(bytes: &[u8], mark: u8) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|&byte| byte == mark)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::{Process, all, texts};

    #[test]
    fn a_process_finds_itself() {
        let own = Process(std::process::id().cast_signed());
        assert!(all().any(|process| process == own));
        assert_eq!(own.program().unwrap(), std::env::current_exe().unwrap());
        let path = std::env::var_os("PATH");
        assert_eq!(own.variable("PATH").unwrap(), path);
    }

    /// Of a program that waits: the threads of the tests come and go.
    #[test]
    fn both_places_count_the_same_threads() {
        let mut child = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let process = Process(child.id().cast_signed());
        let stat = process.stat().unwrap();
        assert_eq!((stat.threads, process.threads().unwrap()), (1, vec![process.0]));
        assert_eq!(stat.parent, std::process::id().cast_signed());
        // Its input ends, and so does it.
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
    }

    #[test]
    fn texts_may_be_empty() {
        assert_eq!(texts(b"a\0\0b\0"), ["a", "", "b"]);
        assert!(texts(b"").is_empty());
    }
}
