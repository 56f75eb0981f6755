//! What is seen of a process from outside: `forkwatch inspect`, and the watch of `forkwatch run`.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use forkwatch_schema::kind::{Kind, Severity};
use forkwatch_schema::record::{Detail, Record, WaitObject};
use rustix::process::getuid;

use crate::command::{SOMEBODY, command_at, forkwatch, refusal, run, stdout};
use crate::run_summary::{kept, run_record};
use crate::support::program::{Language, Program};
use crate::support::record_schema;

const PROGRAM: &str = "stuck_child_from_outside";
const PYTHON_PROGRAM: &str = "stuck_child_python_from_outside";

/// The programs that are tested here.
pub const NAMES: &[&str] = &[PROGRAM, PYTHON_PROGRAM];

/// A look each second, five of them without a move, and a busy machine.
const PATIENCE: Duration = Duration::from_secs(25);

/// The program under `command`, all its children waiting.
struct Waiting {
    program: Child,
    /// What each child waits for, and its process id.
    children: Vec<(String, u32)>,
}

impl Waiting {
    /// Starts the program with these words: alone, or behind the words of another command.
    fn start(prefix: &[&str], words: &[&str]) -> Self {
        let ready = Program::ready(Language::C, PROGRAM).expect("a C compiler");
        let plain = ready.starts[0].command(&[]);
        Self::start_program(Path::new(plain.get_program()), prefix, words)
    }

    /// The same for another build of the program.
    fn start_program(program: &Path, prefix: &[&str], words: &[&str]) -> Self {
        Self::run(match prefix {
            [] => command_at(program.as_os_str(), words),
            _ => {
                let mut command = forkwatch(prefix);
                command.arg(program).args(words);
                command
            }
        })
    }

    fn run(mut command: Command) -> Self {
        let mut program = command.stdin(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
        let mut children = Vec::new();
        loop {
            let line = lines.next().expect("the program gets ready").unwrap();
            match line.split_once(' ') {
                Some((word, pid)) => children.push((word.to_owned(), pid.parse().unwrap())),
                None => break,
            }
        }
        Self { program, children }
    }

    /// Lets the program end; its status and what it said on standard error.
    fn finish(mut self) -> (Option<i32>, String) {
        drop(self.program.stdin.take());
        let mut said = String::new();
        self.program.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (self.program.wait().unwrap().code(), said)
    }
}

fn inspect(pid: u32) -> String {
    let output = run(&mut forkwatch(&["inspect", &pid.to_string()]));
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    stdout(&output)
}

/// The log's records; the last line may still be on its way.
fn records(log: &Path) -> Vec<Record> {
    let text = fs::read_to_string(log).unwrap_or_default();
    let whole_lines = text.rfind('\n').map_or("", |end| &text[..=end]);
    whole_lines.lines().map(record_schema::read).collect()
}

/// Waits until the log has a record of this process.
fn wait_for_record(log: &Path, pid: u32) {
    let start = Instant::now();
    while !records(log).iter().any(|record| record.pid.cast_unsigned() == pid) {
        assert!(start.elapsed() < PATIENCE, "nothing was reported about process {pid}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn inspect_names_the_function_that_a_stuck_child_hangs_in() {
    let waiting = Waiting::start(&[], &["zone"]);
    let said = inspect(waiting.children[0].1);
    assert!(said.starts_with("looks like a stuck forked child"), "{said}");
    for part in [
        "Waits in: tzset: futex at 0x",
        "private, without a time-out",
        "1 thread; forked, and has not called exec since",
        "with 2 threads, the same program",
        "libforkwatch.so is not loaded",
        "ask_for_zone at ",
        "stuck_child_from_outside.c:",
        "main at ",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    waiting.finish();
}

#[test]
fn inspect_unwinds_from_where_no_libc_is() {
    let waiting = Waiting::start(&[], &["futex"]);
    let said = inspect(waiting.children[0].1);
    assert!(said.starts_with("looks like a stuck forked child"), "{said}");
    assert!(
        said.contains("#0  wait_on_futex at ") && said.contains("wait_in_child at "),
        "{said}"
    );
    assert!(said.contains("\"a) S 1 (b\""), "{said}");
    waiting.finish();
}

#[test]
fn inspect_invents_no_frames() {
    let waiting = Waiting::start(&[], &["room", "planted"]);
    let of_room = ["wait_with_room", "wait_below_old_frames"];
    for ((word, pid), waits_in) in waiting.children.iter().zip([&of_room[..], &["wait_among_old_frames"]]) {
        let said = inspect(*pid);
        let stack = said.lines().filter_map(|line| line.trim_start().strip_prefix('#'));
        let functions: Vec<_> = stack.filter_map(|frame| frame.split_whitespace().nth(1)).collect();
        let ours = [&["syscall"], waits_in, &["wait_in_child", "main"]].concat();
        assert_eq!(functions.get(..ours.len()), Some(&ours[..]), "{word}: {said}");
        assert_eq!(functions.last(), Some(&"_start"), "{word}: {said}");
    }
    waiting.finish();
}

/// Under every CPython: what Python code does, which lock it waits for, and who holds that.
#[test]
fn inspect_shows_python() {
    let ready = match Program::ready(Language::Python, PYTHON_PROGRAM) {
        Ok(ready) => ready,
        Err(why) => return println!("skipped: {why}"),
    };
    for start in &ready.starts {
        let words = ["variable", "attribute", "recursive", "condition"];
        let plain = start.command(&words.map(String::from));
        let arguments: Vec<_> = plain.get_args().collect();
        let waiting = Waiting::run(command_at(plain.get_program(), &arguments));
        let locks = [
            ("stuck_child_python_from_outside.door\n", "ask"),
            ("Vault.hatch of stuck_child_python_from_outside.vault\n", "Vault.ask"),
            ("Vault.key of stuck_child_python_from_outside.vault\n", "Vault.ask"),
            (
                "Vault.bell._lock of stuck_child_python_from_outside.vault\n",
                "Condition.__enter__",
            ),
        ];
        for ((word, pid), (lock, function)) in waiting.children.iter().zip(locks) {
            let said = inspect(*pid);
            assert!(
                said.starts_with("looks like a stuck forked child"),
                "{}: {said}",
                start.label
            );
            let file = ready.starts[0].command(&[]).get_args().next().unwrap().to_owned();
            let file = file.to_string_lossy();
            let innermost = format!("Python stack of thread \"MainThread\":\n  #0  {function} at ");
            let outermost = format!(" <module> at {file}:");
            for part in [
                &format!("Lock:     {lock}"),
                &format!("Held by:  thread \"keeper\" of the parent, which is in Vault.keep at {file}:"),
                &innermost,
                &outermost,
                "\nC stack:\n  #0 ",
                " more of the interpreter",
            ] {
                assert!(said.contains(part), "{} {word}: {part}: {said}", start.label);
            }
            assert!(said.find("Python stack") < said.find("C stack"), "{said}");
        }
        waiting.finish();
    }
}

#[test]
fn inspect_distinguishes_other_waits() {
    let waiting = Waiting::start(&[], &["timeout", "shared", "threads", "pause"]);
    let verdicts = [
        "does not look stuck: it waits with a time-out",
        "does not look stuck: it waits for something that another process may do",
        "does not look stuck: it has 2 threads",
        "does not look stuck: it waits in pause, not for a lock",
    ];
    for ((word, pid), verdict) in waiting.children.iter().zip(verdicts) {
        let said = inspect(*pid);
        assert!(said.starts_with(verdict), "{word}: {said}");
    }
    waiting.finish();
}

#[test]
fn inspect_says_what_it_cannot_do() {
    let said = refusal(&mut forkwatch(&["inspect", "all"]), 2);
    assert!(said.contains("invalid process id \"all\""), "{said}");
    refusal(&mut forkwatch(&["inspect", "-1"]), 2);
    refusal(&mut forkwatch(&["inspect"]), 2);
    let mut ended = Command::new("true").spawn().unwrap();
    ended.wait().unwrap();
    let said = refusal(&mut forkwatch(&["inspect", &ended.id().to_string()]), 125);
    assert!(said.contains("there is no process"), "{said}");
}

#[test]
fn inspect_says_which_right_is_missing() {
    if !getuid().is_root() {
        println!("skipped: only root can become somebody else");
        return;
    }
    let waiting = Waiting::start(&[], &["futex"]);
    let (folder, command) = crate::command::lonely_command();
    fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut command = command_at(command, &["inspect", &waiting.children[0].1.to_string()]);
    let said = refusal(command.uid(SOMEBODY).gid(SOMEBODY), 125);
    assert!(said.contains("belongs to another user (uid 0)"), "{said}");
    waiting.finish();
}

/// The command writes where the library does, by the same code.
#[test]
fn the_watch_writes_to_a_socket_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let log = format!("unix:{}", path.display());
    let waiting = Waiting::start(&["run", "--watch", "--text=off", "--log", &log], &["futex"]);
    let mut datagram = vec![0; 1 << 20];
    let record = loop {
        let length = socket.recv(&mut datagram).expect("nothing was written");
        let record: Record = record_schema::read(std::str::from_utf8(&datagram[..length]).unwrap());
        if record.kind == Kind::StuckChild {
            break record;
        }
    };
    assert_eq!(record.pid.cast_unsigned(), waiting.children[0].1);
    let (_, said) = waiting.finish();
    assert_eq!(said, "");
}

/// Builds of the program into which the library cannot be loaded: the compiler, its options, and what such a program is.
const UNWATCHABLE: [(&str, &str, &str); 3] = [
    ("gcc", "-static", "statically linked"),
    ("gcc", "-static-pie", "statically linked"),
    ("musl-gcc", "-no-pie", "linked with musl"),
];

/// Each of them that can be built here.
fn each_unwatchable(see: impl Fn(&Path, &str)) {
    let folder = tempfile::tempdir().unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/c/stuck_child_from_outside.c");
    for (compiler, option, what) in UNWATCHABLE {
        let program = folder.path().join(format!("{compiler}{option}"));
        let mut command = Command::new(compiler);
        // Its headers lack the kernel's.
        let headers = [
            "-idirafter",
            "/usr/include",
            "-idirafter",
            "/usr/include/x86_64-linux-gnu",
        ];
        command.args([option, "-g", "-pthread", "-D_GNU_SOURCE"]).args(headers);
        let built = command.arg("-o").arg(&program).arg(&source).output();
        match built {
            Ok(output) if output.status.success() => see(&program, what),
            Ok(output) => println!(
                "skipped: {compiler} {option} does not work here: {}",
                String::from_utf8_lossy(&output.stderr)
            ),
            Err(error) => println!("skipped: {compiler}: {error}"),
        }
    }
}

#[test]
fn programs_that_cannot_be_preloaded_are_seen_from_outside() {
    each_unwatchable(|program, what| {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let said = refusal(forkwatch(&["run"]).arg(program).arg("futex"), 125);
        assert!(said.contains(what) && said.contains("--watch"), "{said}");
        let prefix = ["run", "--watch", "--error-exitcode=9", "--log", log.to_str().unwrap()];
        let waiting = Waiting::start_program(program, &prefix, &["futex"]);
        let child = waiting.children[0].1;
        let said = inspect(child);
        for part in [
            "looks like a stuck forked child",
            &format!("libforkwatch.so cannot be loaded: the program is {what}"),
            "#0  wait_on_futex at ",
            "main at ",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        wait_for_record(&log, child);
        let (code, text) = waiting.finish();
        assert_eq!(code, Some(9), "{text}");
        let note = format!("is {what}, so it is only watched from outside");
        assert_eq!(text.matches(&note).count(), 1, "{text}");
        let stuck = records(&log).into_iter().find(|record| record.kind == Kind::StuckChild);
        let Some(Detail::StuckChild(detail)) = stuck.map(|record| record.detail) else {
            panic!("{text}");
        };
        assert_eq!(detail.stack[0].symbol.as_deref(), Some("wait_on_futex"), "{text}");
    });
}

#[test]
fn what_a_static_program_starts_is_watched() {
    let folder = tempfile::tempdir().unwrap();
    let (source, program) = (folder.path().join("starts.c"), folder.path().join("starts"));
    let text = "#include <unistd.h>\nint main(int n, char **words) { execv(words[1], words + 1); return n; }\n";
    fs::write(&source, text).unwrap();
    let mut compiler = Command::new("gcc");
    compiler.arg("-static").arg("-o").arg(&program).arg(&source);
    if !compiler.status().is_ok_and(|status| status.success()) {
        return println!("skipped: gcc -static does not work here");
    }
    let forks = Program::ready(Language::C, "unsafe_fork_mutex").expect("a C compiler");
    let forks = forks.starts[0].command(&[]);
    let output = run(forkwatch(&["run", "--watch", "--"])
        .arg(&program)
        .arg(forks.get_program()));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("ERROR unsafe_fork"), "{said}");
}

#[test]
fn the_watch_reports_stuck_children_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let options = ["run", "--watch", "--error-exitcode=9", "--context=a test", "--log"];
    let prefix = [&options[..], &[log.to_str().unwrap()]].concat();
    // Who waits before the last one is judged before it, or at the same look.
    let words = ["futex", "timeout", "shared", "threads", "pause", "signal", "futex"];
    let waiting = Waiting::start(&prefix, &words);
    let (first, last) = (waiting.children[0].1, waiting.children[6].1);
    wait_for_record(&log, first);
    wait_for_record(&log, last);
    let said = inspect(last);
    assert!(
        said.starts_with("is a stuck forked child, as the library reported"),
        "{said}"
    );
    assert!(said.contains("FATAL stuck_child: forked child"), "{said}");
    let (code, text) = waiting.finish();
    assert_eq!(code, Some(9), "{text}");
    let stuck: Vec<Record> = records(&log)
        .into_iter()
        .filter(|record| record.kind == Kind::StuckChild)
        .collect();
    let mut reported: Vec<u32> = stuck.iter().map(|record| record.pid.cast_unsigned()).collect();
    reported.sort_unstable();
    assert_eq!(reported, [first, last], "{text}");
    assert_eq!(stuck[0].fingerprint, stuck[1].fingerprint);
    assert_eq!(
        (stuck[0].severity, stuck[0].context.as_deref()),
        (Severity::Fatal, Some("a test"))
    );
    let Detail::StuckChild(detail) = &stuck[0].detail else {
        panic!("{stuck:?}");
    };
    assert_eq!((detail.call.as_str(), detail.object), ("futex", WaitObject::Futex));
    assert_eq!(detail.stack[0].symbol.as_deref(), Some("wait_on_futex"));
    let headline = format!("forkwatch: FATAL stuck_child: forked child (pid {first}) waits for ever in futex");
    assert!(text.contains(&headline), "{text}");
    assert!(text.lines().all(|line| line.starts_with("forkwatch: ")), "{text}");
}

#[test]
fn the_watch_is_silent_about_what_was_already_reported() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    // The library reports a finding to the run even if its records go to no file.
    let record = run_record("FATAL", "orphaned_lock");
    let script = format!(
        "\"$0\" futex futex | {{ read word pid; {}; cat; }}",
        kept(&record, "$pid")
    );
    let prefix = ["run", "--watch", "--log", log.to_str().unwrap(), "sh", "-c", &script];
    let waiting = Waiting::start(&prefix, &[]);
    let last = waiting.children[0].1;
    wait_for_record(&log, last);
    waiting.finish();
    let reported: Vec<u32> = records(&log).iter().map(|record| record.pid.cast_unsigned()).collect();
    assert_eq!(reported, [last]);
}

#[test]
fn the_watch_goes_by_suppressions() {
    let folder = tempfile::tempdir().unwrap();
    let (log, rules) = (folder.path().join("log"), folder.path().join("rules"));
    fs::write(&rules, "unsafe_fork:*\nstuck_child:ask_for_*\n").unwrap();
    let (log_option, rules_option) = (log.to_str().unwrap(), rules.to_str().unwrap());
    // `--text` does not matter to records.
    let prefix = [
        "run",
        "--watch",
        "--text=off",
        "--log",
        log_option,
        "--suppress",
        rules_option,
    ];
    let waiting = Waiting::start(&prefix, &["zone", "futex"]);
    wait_for_record(&log, waiting.children[1].1);
    let suppressed = waiting.children[0].1;
    let (code, text) = waiting.finish();
    assert_eq!((code, text.as_str()), (Some(0), ""));
    let is_reported = |record: &Record| record.pid.cast_unsigned() == suppressed && record.kind == Kind::StuckChild;
    assert!(!records(&log).iter().any(is_reported));
}

#[test]
fn the_watch_makes_a_parent_that_ends_as_the_program_did() {
    assert_eq!(
        run(&mut forkwatch(&["run", "--watch", "sh", "-c", "exit 23"]))
            .status
            .code(),
        Some(23)
    );
}
