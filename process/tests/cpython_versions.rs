//! What `cpython/versions/` says of each minor version, against what the interpreters of this machine say of themselves: by their
//! headers, by `opcode`, and by their tables for debuggers.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests live in no watched program"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use forkwatch_process::cpython::build::{Build, IS_FOR_ALL, IS_STOPPED, RUNNING, STOPPED_BY};
use forkwatch_process::cpython::layout::{
    Attributes, Blocks, INTERPRETER, Innermost, Instruction, Layout, NEXT, PREVIOUS, Variables,
};
use forkwatch_process::cpython::versions::{ALL, Version, layout_of, of};
use forkwatch_process::cpython::{DebugOffsets, Interpreter, Opcodes, Types};

/// The facts of a layout and a build, as `cpython_layout.c` prints them.
fn facts(layout: &Layout, build: &Build) -> BTreeMap<String, String> {
    let mut facts = BTreeMap::new();
    let mut add = |name: &str, numbers: &[usize]| {
        let numbers: Vec<String> = numbers.iter().map(usize::to_string).collect();
        facts.insert(name.to_owned(), numbers.join(" "));
    };
    add("links", &[PREVIOUS, NEXT, INTERPRETER]);
    add("type", &[8 + build.longer_head]);
    add("form", &[build.form.0, build.form.1 as usize]);
    if layout.attributes == Attributes::Inline {
        add("dict_before", &[build.dict_before]);
        add("stop", &[IS_STOPPED, IS_FOR_ALL, RUNNING, STOPPED_BY]);
    }
    if let Some(copies) = build.copies {
        add("copies", &[copies.number, copies.table]);
    }
    add("thread_id", &[layout.thread_id]);
    add("back", &[layout.back]);
    add("code", &[layout.code]);
    add("globals", &[layout.globals]);
    add("locals", &[layout.locals]);
    add("file", &[layout.file]);
    add("name", &[layout.name]);
    add("names", &[layout.names]);
    add("first_line", &[layout.first_line]);
    add("lines", &[layout.lines.1]);
    add("function_name", &[layout.function_name]);
    let function = layout.function;
    add("function", &[function.code, function.globals, function.closure]);
    if let Some(list) = layout.child_handlers {
        add("child_handlers", &[list]);
    }
    add("elements", &[layout.elements]);
    add("ascii", &[layout.ascii]);
    add("compact", &[layout.compact]);
    match layout.innermost {
        Innermost::Here(place) => add("innermost", &[place]),
        Innermost::Behind(place, inner) => add("innermost", &[place, inner]),
    }
    match layout.variables {
        Variables::Three(plain, shared, outer) => add("variables", &[plain, shared, outer]),
        Variables::One(all) => add("variables", &[all]),
    }
    if let Some(runtime) = layout.runtime {
        let lists = [runtime.interpreters, runtime.next_interpreter, runtime.first_thread];
        add("runtime", &[&lists[..], &[runtime.modules]].concat());
    }
    if let Some(keys) = layout.shared_keys {
        add("shared_keys", &[keys]);
    }
    if let Some(owner) = layout.owner {
        add("owner", &[owner]);
    }
    if let Some(first) = layout.first_traceable {
        add("first_traceable", &[first]);
    }
    match layout.blocks {
        Blocks::Stack(stack) => add("blocks", &[stack.count, stack.blocks, stack.values]),
        Blocks::Table(table) => {
            let code = [table.exceptions, table.variable_count, table.stack_size];
            let generator = [table.generator_state, table.generator_frame];
            add("blocks", &[&code[..], &generator].concat());
        }
    }
    match layout.instruction {
        Instruction::Address(place, start) => add("instruction", &[place, start]),
        Instruction::Number(place, unit) => {
            facts.insert("instruction".to_owned(), format!("{place} in {unit}"));
        }
    }
    if let Blocks::Table(table) = layout.blocks {
        let (lowest, highest) = table.suspended;
        facts.insert("suspended".to_owned(), format!("{lowest} {highest}"));
    }
    facts
}

/// This interpreter's answer to a script.
fn ask(python: &Path, script: &str) -> Option<String> {
    let output = Command::new(python).args(["-c", script]).output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    output.status.success().then_some(said)
}

/// The minor versions of the interpreters that are installed, and their paths; the system's is among them.
fn installed() -> Vec<(u32, PathBuf)> {
    let home = std::env::var("HOME").unwrap_or_default();
    let named = std::env::var("FORKWATCH_TEST_PYTHONS").unwrap_or_default();
    let folders = [format!("{home}/.pyenv/versions")].into_iter();
    let folders = folders.chain(named.split(':').map(str::to_owned));
    let inside = folders.flat_map(|folder| std::fs::read_dir(folder).into_iter().flatten().flatten());
    let all = inside.map(|entry| entry.path().join("bin/python3"));
    let minor = |python: &PathBuf| {
        ask(python, "import sys; print(sys.version_info[1])")?
            .trim()
            .parse()
            .ok()
    };
    all.chain([PathBuf::from("/usr/bin/python3")])
        .filter_map(|python| Some((minor(&python)?, python)))
        .collect()
}

/// Whether the interpreter is built with an interpreter lock.
fn has_lock(python: &Path) -> bool {
    ask(python, "import sys; print('free-threading' in sys.version)").is_some_and(|said| said.trim() == "False")
}

/// What is known of a version's builds with or without an interpreter lock.
fn known(version: &Version, has_lock: bool) -> Option<(Layout, Build)> {
    if has_lock {
        return Some((version.layout, Build::WITH_LOCK));
    }
    let without_lock = version.without_lock?;
    Some((without_lock.layout(version.layout), without_lock.build()))
}

/// Each version that is known, with each of its interpreters. Prints which are missing.
fn each(mut check: impl FnMut(&Version, &Path) -> Result<(), String>) {
    let installed = installed();
    for version in ALL {
        let mut pythons = installed.iter().filter(|(minor, _)| *minor == version.minor).peekable();
        if pythons.peek().is_none() {
            println!("skipped: CPython 3.{} is not installed", version.minor);
        }
        for (minor, python) in pythons {
            if let Err(why) = check(version, python) {
                println!("skipped: CPython 3.{minor}, {}: {why}", python.display());
            }
        }
    }
}

#[test]
fn layouts_are_those_of_the_headers() {
    let program = std::env::temp_dir().join(format!("forkwatch-layout-{}", std::process::id()));
    let mut compared = 0;
    each(|version, python| {
        let script = "import sysconfig; print(sysconfig.get_path('include'))";
        let folder = ask(python, script).ok_or("it says no folder of headers")?;
        let folder = Path::new(folder.trim());
        if !folder.join("Python.h").exists() {
            return Err(format!("no headers in {}", folder.display()));
        }
        // The headers of both builds are the same, but for one macro.
        let builds: &[bool] = if has_lock(python) { &[true, false] } else { &[false] };
        for &has_lock in builds {
            let Some((layout, build)) = known(version, has_lock) else {
                continue;
            };
            let mut compiler = Command::new("cc");
            let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cpython_layout.c");
            compiler
                .args(["-w", "-I"])
                .arg(folder)
                .arg("-I")
                .arg(folder.join("internal"));
            // Debian's headers name one another from the directory above.
            compiler.arg("-idirafter").args(folder.parent());
            if !has_lock {
                compiler.arg("-DPy_GIL_DISABLED=1");
            }
            let built = compiler.arg("-o").arg(&program).arg(source).status();
            if !built.map_err(|error| format!("no C compiler: {error}"))?.success() {
                panic!("the headers of 3.{} are not understood", version.minor);
            }
            let said = Command::new(&program).output().unwrap().stdout;
            let said = String::from_utf8(said).unwrap();
            let theirs: BTreeMap<String, String> = said
                .lines()
                .filter_map(|line| line.split_once(' '))
                .map(|(name, numbers)| (name.to_owned(), numbers.to_owned()))
                .collect();
            let lock = if has_lock { "with" } else { "without" };
            let mut ours = facts(&layout, &build);
            if !has_lock {
                // The interpreter's own table for debuggers says it.
                for place in ["runtime", "owner", "instruction"] {
                    ours.extend(theirs.get(place).map(|numbers| (place.to_owned(), numbers.clone())));
                }
            }
            assert_eq!(ours, theirs, "3.{} {lock} lock", version.minor);
            compared += 1;
        }
        Ok(())
    });
    let _it_may_be_gone = std::fs::remove_file(&program);
    println!("{compared} versions compared");
}

/// The table for debuggers is where and what it should be, and says what the file of its version says.
#[test]
fn layouts_are_those_of_the_tables_for_debuggers() {
    const FIRST: u32 = 13;
    each(|version, python| {
        if version.minor < FIRST {
            return Ok(());
        }
        let script = format!(
            "import ctypes; print(*(ctypes.c_uint64 * {}).in_dll(ctypes.pythonapi, '_PyRuntime'))",
            DebugOffsets::WORDS
        );
        let said = ask(python, &script).ok_or("it has no ctypes")?;
        let table: Vec<u64> = said.split_whitespace().map(|word| word.parse().unwrap()).collect();
        let offsets = DebugOffsets::parse(table.as_slice().try_into().unwrap());
        assert_eq!(offsets.map(|offsets| offsets.minor()), Some(version.minor));
        let types = Types::by_name(|_| Some(0)).unwrap();
        let interpreter = Interpreter {
            minor: version.minor,
            types,
            offsets,
        };
        assert_eq!(interpreter.has_lock(), has_lock(python));
        let layout = layout_of(&interpreter).unwrap();
        let (known, build) = known(version, interpreter.has_lock()).unwrap();
        // Without a lock, these places are only in the table.
        let known = match known {
            known if interpreter.has_lock() => known,
            known => Layout {
                runtime: layout.runtime,
                owner: layout.owner,
                instruction: layout.instruction,
                ..known
            },
        };
        assert_eq!(facts(&known, &build), facts(&layout, &build), "3.{}", version.minor);
        Ok(())
    });
}

/// The instructions that call what was loaded.
const CALLS: [&str; 5] = ["CALL", "CALL_KW", "CALL_FUNCTION", "CALL_FUNCTION_KW", "CALL_METHOD"];

/// One instruction, as `opcode` knows it.
struct Instructed {
    number: u8,
    name: String,
    /// What it was before the interpreter fitted it to its use.
    base: String,
    space: usize,
}

const OPCODES: &str = "
import dis, opcode
base = {name: base for base, names in getattr(opcode, '_specializations', {}).items() for name in names}
fitted = getattr(opcode, '_specialized_opmap', None) or getattr(dis, '_all_opmap', {})
spaces = getattr(opcode, '_inline_cache_entries', {})
if isinstance(spaces, list):
    spaces = {name: spaces[number] for name, number in opcode.opmap.items() if number < 256}
for name, number in {**opcode.opmap, **fitted}.items():
    if number < 256:
        plain = base.get(name, name)
        print(number, name, plain, spaces.get(plain, 0))
";

#[test]
fn instructions_are_those_of_opcode() {
    each(|version, python| {
        let Some(opcodes) = &version.opcodes else {
            return Ok(());
        };
        let said = ask(python, OPCODES).ok_or("its `opcode` says less")?;
        for line in said.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [number, name, base, space] = words[..] else {
                panic!("{line}")
            };
            let instructed = Instructed {
                number: number.parse().unwrap(),
                name: name.to_owned(),
                base: base.to_owned(),
                space: space.parse().unwrap(),
            };
            compare(opcodes, version.minor, &instructed);
        }
        Ok(())
    });
}

fn compare(opcodes: &Opcodes, minor: u32, theirs: &Instructed) {
    let Instructed {
        number,
        name,
        base,
        space,
    } = theirs;
    let is_among = |ranges: &[(u8, u8)]| ranges.iter().any(|(first, last)| (first..=last).contains(&number));
    let is_foreign = name.starts_with("INSTRUMENTED_") || name == "ENTER_EXECUTOR";
    assert_eq!(is_among(opcodes.foreign), is_foreign, "{name}");
    if is_foreign {
        return;
    }
    let is_one_of = |names: &[&str]| names.contains(&base.as_str());
    assert_eq!(
        opcodes.extended.contains(number),
        is_one_of(&["EXTENDED_ARG"]),
        "{name}"
    );
    assert_eq!(
        is_among(opcodes.attribute),
        is_one_of(&["LOAD_ATTR", "LOAD_METHOD"]),
        "{name}"
    );
    assert_eq!(is_among(opcodes.global), is_one_of(&["LOAD_GLOBAL"]), "{name}");
    assert_eq!(*number == opcodes.name, name == "LOAD_NAME", "{name}");
    let is_deref = is_one_of(&["LOAD_DEREF"]);
    let variable = ["LOAD_FAST", "LOAD_FAST_BORROW", "LOAD_FAST_CHECK"];
    let is_variable = is_one_of(&variable) || is_deref && minor >= 11;
    assert_eq!(is_among(opcodes.variable), is_variable, "{name}");
    assert_eq!(
        opcodes.shared_variable == Some(*number),
        is_deref && minor < 11,
        "{name}"
    );
    let two = ["LOAD_FAST_LOAD_FAST", "LOAD_FAST_BORROW_LOAD_FAST_BORROW"];
    assert_eq!(opcodes.two_variables.contains(number), is_one_of(&two), "{name}");
    assert_eq!(is_among(opcodes.call), is_one_of(&CALLS), "{name}");
    let spaces = opcodes.spaces.iter();
    let ours = spaces.clone().find(|(first, last, _)| (first..=last).contains(&number));
    assert_eq!(ours.map_or(0, |(.., units)| *units), *space, "{name}");
}

#[test]
fn each_version_is_listed_once() {
    let minors: Vec<u32> = ALL.iter().map(|version| version.minor).collect();
    let first = minors[0];
    let expected: Vec<u32> = (first..).take(ALL.len()).collect();
    assert_eq!(minors, expected);
    let found: Vec<u32> = minors.iter().filter_map(|&minor| Some(of(minor)?.minor)).collect();
    assert_eq!(found, minors);
    assert!(of(first - 1).is_none() && of(minors[ALL.len() - 1] + 1).is_none());
}
