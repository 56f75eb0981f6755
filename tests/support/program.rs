//! A program of tests/programs made ready to run.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::head::Head;
use super::library::{release, scratch};
use super::pythons::{self, Python};

/// What a program is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    C,
    Cpp,
    Rust,
    Python,
}

/// A program and what its head says.
#[derive(Debug)]
pub struct Program {
    pub name: String,
    pub head: Head,
    /// What it needs in its environment.
    pub variables: BTreeMap<String, String>,
    /// The ways to start it: one for a compiled program, one an interpreter for a Python program.
    pub starts: Vec<Start>,
}

/// One way to start a program.
#[derive(Clone, Debug)]
pub struct Start {
    /// What to say of it: an interpreter's version, or nothing.
    pub label: String,
    /// Whether it is an interpreter without an interpreter lock.
    pub is_free_threaded: bool,
    command: Vec<OsString>,
}

impl Start {
    /// The command with these arguments.
    pub fn command(&self, arguments: &[String]) -> Command {
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]).args(arguments);
        command
    }

    fn python(python: &Python, script: &Path) -> Self {
        let (major, minor, micro) = python.version;
        let system = if python.path.starts_with("/usr") {
            " of the system"
        } else {
            ""
        };
        let build = if python.is_free_threaded { "t" } else { "" };
        let label = format!("CPython {major}.{minor}.{micro}{build}{system}");
        Self {
            label,
            is_free_threaded: python.is_free_threaded,
            command: vec![python.path.clone().into(), script.into()],
        }
    }
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs")
}

impl Program {
    /// Builds the program if need be; the error says why it cannot be run here.
    pub fn ready(language: Language, name: &str) -> Result<Self, String> {
        let source = sources().join(match language {
            Language::C => format!("c/{name}.c"),
            Language::Cpp => format!("cpp/{name}.cpp"),
            Language::Rust => format!("rust/src/bin/{name}.rs"),
            Language::Python => format!("python/{name}.py"),
        });
        let head = Head::read(&source);
        let compiler = std::env::var("CC").unwrap_or_default();
        let is_foreign = cfg!(not(target_arch = "x86_64")) || compiler.contains("aarch64");
        if let Some(processor) = head.processor.as_ref().filter(|_| is_foreign) {
            return Err(format!("{name} is written for {processor}"));
        }
        let mut variables = BTreeMap::new();
        if let Some(plugin) = &head.plugin {
            variables.insert("TEST_PLUGIN".into(), built_library(plugin).display().to_string());
        }
        variables.extend(head.options.iter().cloned());
        let compiled = |path: PathBuf| {
            vec![Start {
                label: String::new(),
                is_free_threaded: false,
                command: vec![path.into()],
            }]
        };
        let starts = match language {
            Language::C | Language::Cpp => compiled(built_program(language, &source, &head)?),
            Language::Rust => compiled(release().join(name)),
            Language::Python => match &head.packages {
                Some(package) => vec![Start::python(&pythons::with_package(package)?, &source)],
                None => {
                    let fits = |python: &&Python| head.python.as_ref().is_none_or(|range| python.is_within(range));
                    pythons::all()
                        .iter()
                        .filter(fits)
                        .map(|python| Start::python(python, &source))
                        .collect()
                }
            },
        };
        if starts.is_empty() {
            Err("no CPython that shows it is installed".into())
        } else {
            Ok(Self {
                name: name.into(),
                head,
                variables,
                starts,
            })
        }
    }
}

/// Builds every C and C++ program and library with the compilers that `CC` and `CXX` name, and says which it cannot.
pub fn build_all() -> Vec<String> {
    let mut missing = Vec::new();
    for (folder, language, extension) in [("c", Language::C, "c"), ("cpp", Language::Cpp, "cpp")] {
        let entries = fs::read_dir(sources().join(folder)).expect("the programs can be listed");
        let paths = entries.map(|entry| entry.expect("the programs can be listed").path());
        for path in paths.filter(|path| path.extension().is_some_and(|it| it == extension)) {
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            if file.starts_with("lib") {
                built_library(&file);
            } else if let Err(reason) = Program::ready(language, file.trim_end_matches(&format!(".{extension}"))) {
                missing.push(format!("{file}: {reason}"));
            }
        }
    }
    missing
}

/// What every compiled program is built with: symbols and frames as written, debug information, threads.
const FLAGS: [&str; 6] = ["-O1", "-g", "-fno-inline", "-Wall", "-Wextra", "-pthread"];

fn built_program(language: Language, source: &Path, head: &Head) -> Result<PathBuf, String> {
    let (variable, default, standard) = match language {
        Language::C => ("CC", "cc", "-std=gnu11"),
        _ => ("CXX", "c++", "-std=c++17"),
    };
    let mut arguments: Vec<OsString> = vec![standard.into(), source.into()];
    arguments.extend(head.flags.iter().map(OsString::from));
    let mut newer_than = vec![source.to_owned()];
    if let Some(library) = &head.library {
        let built = built_library(library);
        arguments.push(built.clone().into());
        newer_than.push(built);
    }
    if let Some(package) = &head.needs {
        let output = Command::new("pkg-config")
            .args(["--cflags", "--libs", package])
            .output();
        let output = output.ok().filter(|output| output.status.success());
        let output = output.ok_or_else(|| format!("pkg-config knows no {package}"))?;
        arguments.extend(
            String::from_utf8_lossy(&output.stdout)
                .split_whitespace()
                .map(OsString::from),
        );
    }
    arguments.extend(["-lutil", "-ldl"].map(OsString::from));
    let name = source.file_stem().unwrap_or_default();
    let compiler = std::env::var_os(variable).unwrap_or_else(|| default.into());
    Ok(built(
        &compiler,
        &arguments,
        &newer_than,
        &programs(variable).join(name),
    ))
}

/// Where the programs lie that the compiler of this variable builds: those of another compiler may need another libc.
fn programs(variable: &str) -> PathBuf {
    let compiler = std::env::var_os(variable).map(PathBuf::from);
    let name = compiler.as_deref().and_then(Path::file_name).unwrap_or_default();
    scratch().join("programs").join(name)
}

/// A library that C programs link or load.
pub fn built_library(file: &str) -> PathBuf {
    let (folder, standard, variable, usual) = match Path::new(file).extension() {
        Some(extension) if extension == "cpp" => ("cpp", "-std=gnu++17", "CXX", "c++"),
        _ => ("c", "-std=gnu11", "CC", "cc"),
    };
    let source = sources().join(folder).join(file);
    let arguments: Vec<OsString> = vec![standard.into(), "-fPIC".into(), "-shared".into(), source.clone().into()];
    let compiler = std::env::var_os(variable).unwrap_or_else(|| usual.into());
    let place = programs(variable).join(Path::new(file).with_extension("so"));
    built(&compiler, &arguments, &[source], &place)
}

/// Compiles, unless `place` is newer than all that it is made from.
fn built(compiler: &OsString, arguments: &[OsString], made_from: &[PathBuf], place: &Path) -> PathBuf {
    let age = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
    let header = sources().join("program.h");
    // A compiler that is a script of a test run's own.
    let compiler_itself = PathBuf::from(compiler);
    let sources = made_from.iter().chain([&header, &compiler_itself]);
    let newest = sources.filter_map(|path| age(path)).max();
    if age(place) > newest {
        return place.to_owned();
    }
    fs::create_dir_all(place.parent().expect("programs lie in a folder")).expect("the folder can be made");
    let number = std::thread::current().id();
    let unfinished = place.with_extension(format!("{}-{number:?}", std::process::id()));
    let mut command = Command::new(compiler);
    command.args(FLAGS).arg("-o").arg(&unfinished).args(arguments);
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    // Another test may build the same file at the same time: each takes the place of the other whole.
    fs::rename(&unfinished, place).expect("the program can be put into its place");
    place.to_owned()
}
