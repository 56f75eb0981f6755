//! Frameworks that fork by themselves: each has its own way to start threads after the fork, or to fork safely. One row each.

use forkwatch_schema::path::base_name;
use forkwatch_schema::record::{Frame, PythonFrame};

/// A framework, how it is known, and what its users should do.
struct Framework {
    /// Parts of the paths of its Python files.
    files: &'static [&'static str],
    /// What the names of its native functions begin with.
    symbols: &'static [&'static str],
    /// Names of its programs.
    programs: &'static [&'static str],
    /// Words of the command line that show it is done already.
    done: &'static [&'static str],
    advice: &'static str,
}

const FRAMEWORKS: &[Framework] = &[
    Framework {
        files: &["/gunicorn/"],
        symbols: &[],
        programs: &[],
        done: &[],
        advice: "Set preload_app = False for gunicorn (start it without --preload), so that each worker starts its own threads \
                 after the fork; put what each worker needs into the post_fork hook.",
    },
    Framework {
        files: &["/celery/", "/billiard/"],
        symbols: &[],
        programs: &[],
        done: &[],
        advice: "Start Celery's worker with --pool=threads or --pool=solo, or start threads in each worker process, in a \
                 handler of the worker_process_init signal.",
    },
    Framework {
        files: &[],
        symbols: &["uwsgi_"],
        programs: &["uwsgi"],
        done: &["--lazy", "--lazy-apps"],
        advice: "Start uwsgi with --lazy-apps, so that each worker loads the application and starts its own threads after the \
                 fork.",
    },
    Framework {
        files: &[],
        // A test's own fork has other frames of googletest below it.
        symbols: &[
            "testing::internal::ForkingDeathTest::",
            "testing::internal::NoExecDeathTest::",
        ],
        programs: &[],
        done: &[],
        advice: "Set the flag of googletest's death tests to \"threadsafe\" (GTEST_FLAG_SET(death_test_style, \"threadsafe\")), \
                 so that each runs in a new process that executes the test program again.",
    },
    Framework {
        files: &[],
        symbols: &["boost::asio::", "asio::detail::", "asio::io_context"],
        programs: &[],
        done: &[],
        advice: "Call notify_fork(fork_prepare) of Asio's io_context before the fork, and notify_fork with fork_parent or \
                 fork_child after it, while no other thread runs the io_context.",
    },
];

/// The advice of the framework that these frames or this command line show.
pub(super) fn advice(
    python: Option<&[PythonFrame]>,
    native: &[Frame],
    argv: Option<&[String]>,
) -> Option<&'static str> {
    let has_file = |part: &&str| {
        python
            .unwrap_or_default()
            .iter()
            .any(|frame| frame.file.contains(*part))
    };
    let has_symbol = |start: &&str| {
        let mut symbols = native.iter().filter_map(|frame| frame.symbol.as_deref());
        symbols.any(|symbol| symbol.starts_with(*start))
    };
    let is_program = |name: &&str| {
        let mut words = argv.unwrap_or_default().iter().take(1);
        words.any(|word| base_name(word) == *name)
    };
    let is_done = |framework: &Framework| {
        let mut words = argv.unwrap_or_default().iter();
        words.any(|word| framework.done.contains(&word.as_str()))
    };
    let is_shown = |framework: &&Framework| {
        let is_used = framework.files.iter().any(has_file)
            || framework.symbols.iter().any(has_symbol)
            || framework.programs.iter().any(is_program);
        is_used && !is_done(framework)
    };
    FRAMEWORKS.iter().find(is_shown).map(|framework| framework.advice)
}

#[cfg(test)]
mod tests {
    use super::advice;
    use forkwatch_schema::record::{Frame, PythonFrame};

    #[test]
    fn each_framework_has_its_own_way() {
        let python = |file: &str| {
            let frames = [PythonFrame {
                file: file.into(),
                line: 1,
                function: "run".into(),
            }];
            advice(Some(&frames), &[], None).unwrap_or_default()
        };
        assert!(python("/env/lib/python3.11/site-packages/gunicorn/arbiter.py").contains("post_fork"));
        assert!(python("/env/lib/python3.11/site-packages/billiard/popen_fork.py").contains("worker_process_init"));
        let native = |symbol: &str| {
            let frames = [Frame {
                symbol: Some(symbol.into()),
                ..Frame::default()
            }];
            advice(None, &frames, None).unwrap_or_default()
        };
        assert!(native("testing::internal::ForkingDeathTest::AssumeRole()").contains("threadsafe"));
        assert!(native("testing::internal::NoExecDeathTest::AssumeRole()").contains("threadsafe"));
        assert_eq!(native("testing::internal::UnitTestImpl::RunAllTests()"), "");
        assert!(native("boost::asio::io_context::run()").contains("notify_fork"));
        let argv = ["/usr/bin/uwsgi".to_owned(), "--master".to_owned()];
        assert!(
            advice(None, &[], Some(&argv))
                .unwrap_or_default()
                .contains("--lazy-apps")
        );
        let argv = ["uwsgi".to_owned(), "--lazy-apps".to_owned()];
        assert_eq!(advice(None, &[], Some(&argv)), None, "done already");
        assert_eq!(advice(None, &[], Some(&["app".to_owned()])), None);
        assert_eq!(python("/app/tasks.py"), "");
    }
}
