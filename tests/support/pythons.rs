//! The CPythons that are installed: all of pyenv's, the system's, those in the folders that `FORKWATCH_TEST_PYTHONS` names (each
//! holds one folder an interpreter, as pyenv's `versions` does), and the newest on `PATH`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};

use super::library::target;

/// The minor versions of Python 3 that the tests want to see.
const WANTED: std::ops::RangeInclusive<u32> = 6..=15;

/// A version, such as 3.11.7.
pub type Version = (u32, u32, u32);

/// One interpreter.
#[derive(Clone, Debug)]
pub struct Python {
    pub path: PathBuf,
    pub version: Version,
    /// Whether it is a build without an interpreter lock.
    pub is_free_threaded: bool,
}

impl Python {
    fn at(path: PathBuf) -> Option<Self> {
        let code = "import sys; print('%d.%d.%d' % sys.version_info[:3], 'free-threading' in sys.version)";
        let output = Command::new(&path)
            .args(["-c", code])
            .env_remove("LD_PRELOAD")
            .output()
            .ok()?;
        let said = String::from_utf8_lossy(&output.stdout);
        let (number, is_free_threaded) = said.trim().split_once(' ')?;
        let version = version(number)?;
        (version.0 == 3).then_some(Self {
            path,
            version,
            is_free_threaded: is_free_threaded == "True",
        })
    }

    /// Whether the version lies in `LOW-HIGH`; a bound with two numbers takes in all of that minor version.
    pub fn is_within(&self, range: &str) -> bool {
        let (low, high) = range.split_once('-').expect("a range is LOW-HIGH");
        let low = version(&format!("{low}.0.0")).expect("LOW is a version");
        let high = version(&format!("{high}.999.999")).expect("HIGH is a version");
        (low..=high).contains(&self.version)
    }
}

/// Reads the first three numbers.
fn version(text: &str) -> Option<Version> {
    let mut numbers = text.split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??, numbers.next()??))
}

/// Every interpreter, oldest first. Says which wanted versions are missing.
pub fn all() -> &'static [Python] {
    static ALL: OnceLock<Vec<Python>> = OnceLock::new();
    ALL.get_or_init(|| {
        let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".pyenv"));
        let root = std::env::var_os("PYENV_ROOT")
            .map(PathBuf::from)
            .or(home)
            .unwrap_or_default();
        let variable = |name| std::env::var_os(name).unwrap_or_default();
        let named = variable("FORKWATCH_TEST_PYTHONS");
        let folders = std::env::split_paths(&named).chain([root.join("versions")]);
        let entries = folders.flat_map(|folder| std::fs::read_dir(folder).into_iter().flatten().flatten());
        let mut paths: Vec<_> = entries.map(|entry| entry.path().join("bin/python3")).collect();
        paths.push("/usr/bin/python3".into());
        let newest = format!("python3.{}", WANTED.end());
        paths.extend(std::env::split_paths(&variable("PATH")).map(|folder| folder.join(&newest)));
        let mut all: Vec<_> = paths
            .into_iter()
            .filter(|path| path.exists())
            .filter_map(Python::at)
            .collect();
        all.sort_by_key(|python| (python.version, python.is_free_threaded));
        // One may stand in several of these places.
        all.dedup_by_key(|python| python.path.canonicalize().ok());
        for minor in WANTED {
            if !all
                .iter()
                .any(|python| python.version.1 == minor && !python.is_free_threaded)
            {
                println!("skipped: CPython 3.{minor} is not installed");
            }
        }
        if !all.iter().any(|python| python.is_free_threaded) {
            println!("skipped: no CPython without an interpreter lock is installed");
        }
        all
    })
}

/// An interpreter that has this package from PyPI, in an environment made for it; the error says why there is none.
pub fn with_package(package: &str) -> Result<Python, String> {
    // Tests run side by side, and two of them must not make the environment at once.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let environment = target().join("test-venv");
    let path = environment.join("bin/python3");
    let imports = |path: &Path| {
        let output = Command::new(path)
            .args(["-c", &format!("import {}", package.replace('-', "_"))])
            .output();
        output.is_ok_and(|output| output.status.success())
    };
    if !imports(&path) {
        let base = all().iter().rev().find(|python| (10..=12).contains(&python.version.1));
        let base = base.ok_or("no CPython 3.10 to 3.12 to make an environment with")?;
        run(Command::new(&base.path).args(["-m", "venv"]).arg(&environment))?;
        let install = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-input",
            "--disable-pip-version-check",
            package,
        ];
        run(Command::new(&path).args(install))?;
    }
    Python::at(path).ok_or_else(|| format!("the environment's python does not run: {}", environment.display()))
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let last = String::from_utf8_lossy(&output.stderr)
        .lines()
        .last()
        .unwrap_or_default()
        .to_owned();
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("{command:?}: {last}"))
    }
}
