//! Pages and parts of pages below `docs/` that are made from the tables of this crate. With `FORKWATCH_BLESS=1` the tests write
//! them; otherwise they compare.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Two tests may write parts of one page.
static WRITING: Mutex<()> = Mutex::new(());

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name)
}

fn compare(name: &str, held: &str, whole: &str, right: &str) {
    if std::env::var_os("FORKWATCH_BLESS").is_some_and(|value| !value.is_empty()) {
        fs::write(path(name), whole).unwrap();
    } else {
        assert_eq!(
            held, right,
            "docs/{name}: FORKWATCH_BLESS=1 cargo test -p forkwatch-schema writes it"
        );
    }
}

/// The whole file is this text.
pub fn held(name: &str, right: &str) {
    let text = fs::read_to_string(path(name)).unwrap_or_default();
    compare(name, &text, right, right);
}

/// The part of the page between `<!-- PART -->` and `<!-- end -->` is this text.
pub fn held_part(name: &str, part: &str, right: &str) {
    let _alone = WRITING.lock().unwrap_or_else(|broken| broken.into_inner());
    let text = fs::read_to_string(path(name)).unwrap();
    let begins = format!("<!-- {part} -->\n\n");
    let start = text
        .find(&begins)
        .unwrap_or_else(|| panic!("docs/{name} has no {begins}"))
        + begins.len();
    let end = start + text[start..].find("<!-- end -->").unwrap();
    let whole = [&text[..start], right.trim_end(), "\n\n", &text[end..]].concat();
    compare(name, text[start..end].trim_end(), &whole, right.trim_end());
}
