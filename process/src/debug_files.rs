//! Where the debug file of a module may be: the same places where gdb searches.
//!
//! The library knows one folder of debug files; the user of `forkwatch report` may name more.

/// Where distributions install separate debug files.
pub const SYSTEM: &[u8] = b"/usr/lib/debug";

/// The place for a build id (hex) below a folder of debug files; `None` where it is none: a record's text becomes part of a path.
pub fn by_build_id(folder: &[u8], id: &str) -> Option<Vec<u8>> {
    const SHORTEST: usize = 3;
    let is_id = id.len() >= SHORTEST && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let (start, rest) = id.split_at_checked(2).filter(|_| is_id)?;
    Some(
        [
            folder,
            b"/.build-id/",
            start.as_bytes(),
            b"/",
            rest.as_bytes(),
            b".debug",
        ]
        .concat(),
    )
}

/// The places for the file that a module's debug link names: next to the module, whose folder can be opened as `module_folder`,
/// and below the folders of debug files, which repeat the path of its own `folder`.
pub fn by_link<'folder>(
    link: &[u8],
    module_folder: &[u8],
    folder: &[u8],
    folders: impl IntoIterator<Item = &'folder [u8]>,
) -> Vec<Vec<u8>> {
    // What a link names is a file in these folders, and nowhere else.
    if link.is_empty() || link.contains(&b'/') {
        return Vec::new();
    }
    let mut places = vec![
        [module_folder, b"/", link].concat(),
        [module_folder, b"/.debug/", link].concat(),
    ];
    if folder.starts_with(b"/") {
        let below = |debug: &[u8]| [debug, folder, b"/", link].concat();
        places.extend(folders.into_iter().map(below));
    }
    places
}

#[cfg(test)]
mod tests {
    use super::{SYSTEM, by_build_id, by_link};

    #[test]
    fn places_of_debug_files() {
        let place = by_build_id(SYSTEM, "ab12cd").unwrap();
        assert_eq!(place, b"/usr/lib/debug/.build-id/ab/12cd.debug");
        for id in ["", "ab", "../../etc", "ab/../cd", "\u{e9}\u{e9}"] {
            assert_eq!(by_build_id(SYSTEM, id), None, "{id}");
        }
        let places = by_link(b"a.debug", b"/proc/7/root/opt", b"/opt", [SYSTEM]);
        let expected = [
            &b"/proc/7/root/opt/a.debug"[..],
            b"/proc/7/root/opt/.debug/a.debug",
            b"/usr/lib/debug/opt/a.debug",
        ];
        assert_eq!(places, expected);
        assert!(by_link(b"../a.debug", b"/opt", b"/opt", [SYSTEM]).is_empty());
        assert_eq!(by_link(b"a", b"x", b"x", [SYSTEM]).len(), 2);
    }
}
