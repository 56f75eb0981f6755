//! One run of one program: its own process group, its own deadline, its own folder.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::library::scratch;

/// How long a program may take. Most take milliseconds; the machine may be busy.
const DEADLINE: Duration = Duration::from_secs(40);

/// How a run ended.
#[derive(Clone, PartialEq, Eq)]
pub enum End {
    /// By itself.
    Exit(i32),
    /// By a signal.
    Signal(i32),
    /// Not before the deadline. Holds what its processes were doing.
    Hang(String),
}

impl fmt::Debug for End {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit(code) => write!(out, "exit code {code}"),
            Self::Signal(signal) => write!(out, "signal {signal}"),
            Self::Hang(stacks) => write!(out, "no end before the deadline:\n{stacks}"),
        }
    }
}

/// What came of a run.
pub struct Run {
    pub end: End,
    pub stdout: String,
    pub stderr: String,
}

impl fmt::Debug for Run {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{:?}\nstdout: {}\nstderr: {}\n",
            self.end,
            self.stdout.trim_end(),
            self.stderr.trim_end()
        )
    }
}

/// A folder for one run's files, removed afterwards unless the test fails.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// An empty folder; its name begins with `name`.
    pub fn new(name: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = scratch()
            .join("runs")
            .join(format!("{name}-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self(path)
    }

    /// A path inside.
    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // What cannot be removed stays in the scratch folder.
            drop(fs::remove_dir_all(&self.0));
        }
    }
}

/// Runs the command with these variables on top of a plain environment, and sees it to its end.
pub fn run(command: &mut Command, variables: &BTreeMap<String, String>, folder: &Folder) -> Run {
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if ["FORKWATCH_", "PYTHON", "LD_", "OTEL_", "MALLOC_", "NO_COLOR"]
            .iter()
            .any(|start| name.starts_with(start))
        {
            command.env_remove(&name);
        }
    }
    command.env("PYTHONDONTWRITEBYTECODE", "1").envs(variables);
    let (stdout, stderr) = (folder.join("stdout"), folder.join("stderr"));
    let create = |path: &Path| File::create(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    command
        .stdin(Stdio::null())
        .stdout(create(&stdout))
        .stderr(create(&stderr))
        .process_group(0);
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let end = wait(&mut child);
    let read = |path: &Path| String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned();
    Run {
        end,
        stdout: read(&stdout),
        stderr: read(&stderr),
    }
}

/// Waits for the leader, then ends whatever is left of its group.
fn wait(child: &mut Child) -> End {
    let group = i32::try_from(child.id()).expect("process ids fit");
    let start = Instant::now();
    let end = loop {
        match child.try_wait().expect("a child can be waited for") {
            Some(status) => break end_of(status),
            None if start.elapsed() > DEADLINE => break End::Hang(stacks_of(group)),
            None => std::thread::sleep(Duration::from_millis(2)),
        }
    };
    // SAFETY: sends a signal to a group that this test made; the leader's id stays taken until it is reaped, and by then a
    // group that is gone is not an error.
    unsafe { libc::kill(-group, libc::SIGKILL) };
    // Reaps a leader that hung; one that was reaped already says so again.
    drop(child.wait());
    end
}

fn end_of(status: ExitStatus) -> End {
    match (status.code(), status.signal()) {
        (Some(code), _) => End::Exit(code),
        (None, signal) => End::Signal(signal.unwrap_or(0)),
    }
}

/// A frame of gdb's without what the arguments are.
fn without_arguments(frame: &str) -> String {
    let Some((function, rest)) = frame.split_once(" (") else {
        return frame.to_owned();
    };
    let place = rest
        .rfind(" at ")
        .or(rest.rfind(" from "))
        .map_or("", |start| &rest[start..]);
    format!("{function}{place}")
}

/// What the processes of a group that hangs are doing: gdb's stacks where there is a gdb, else the kernel's words.
fn stacks_of(group: i32) -> String {
    let mut text = String::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let fields: Vec<_> = stat
            .rsplit_once(')')
            .map_or(Vec::new(), |(_, rest)| rest.split_whitespace().collect());
        if fields.get(2) != Some(&group.to_string().as_str()) {
            continue;
        }
        let call = fs::read_to_string(entry.path().join("syscall")).unwrap_or_default();
        text.push_str(&format!(
            "process {name}, parent {}, state {}, in {call}",
            fields[1], fields[0]
        ));
        let gdb = Command::new("timeout")
            .args([
                "20",
                "gdb",
                "-batch",
                "-nx",
                "-ex",
                "thread apply all bt 16",
                "-p",
                &name,
            ])
            .stdin(Stdio::null())
            .output();
        let Ok(gdb) = gdb else { continue };
        for line in String::from_utf8_lossy(&gdb.stdout).lines() {
            if line.starts_with("Thread ") {
                text.push_str(&format!("  {line}\n"));
            } else if line.starts_with('#') {
                text.push_str(&format!("    {}\n", without_arguments(line)));
            }
        }
    }
    text
}
