//! Why a sink could not be written to, in words: rustix knows only the numbers without std, and libc's `strerror` may
//! allocate and translate.
//!
//! Whoever tells of a sink that failed may call this. It does nothing but choose a text.

use rustix::io::Errno;

/// The reason, as the end of a sentence.
pub fn reason(error: Errno) -> String {
    let words = match error {
        Errno::NOENT => "no such file or folder",
        Errno::NOTDIR => "a part of the path is no folder",
        Errno::ISDIR => "it is a folder",
        Errno::LOOP => "it is a symbolic link, and none is followed",
        Errno::NAMETOOLONG => "the path is too long",
        Errno::INVAL => "it is no path that can be opened",
        Errno::ACCESS => "permission denied",
        Errno::PERM => "operation not permitted",
        Errno::ROFS => "the file system is read-only",
        Errno::NOSPC => "no space left on the device",
        Errno::DQUOT => "the disk quota is used up",
        Errno::FBIG => "the file would grow too large",
        Errno::MFILE | Errno::NFILE => "too many files are open",
        Errno::BADF => "the descriptor is not open for writing",
        Errno::NXIO | Errno::PIPE => "nobody reads at the other end",
        Errno::AGAIN => "whoever reads at the other end does not keep up",
        Errno::CONNREFUSED => "nobody listens there",
        Errno::PROTOTYPE => "it is no datagram socket",
        Errno::MSGSIZE => "the record is too long for it",
        Errno::NOBUFS => "the system has no room for it",
        Errno::IO => "input/output error",
        other => return format!("error {}", other.raw_os_error()),
    };
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use super::reason;
    use rustix::io::Errno;

    #[test]
    fn known_errors_have_words_and_others_their_number() {
        assert_eq!(reason(Errno::NOSPC), "no space left on the device");
        assert_eq!(reason(Errno::XDEV), "error 18");
    }
}
