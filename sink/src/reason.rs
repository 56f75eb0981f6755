//! Why a sink could not be written to, in words: without std, rustix knows only the numbers, and libc's `strerror` may
//! allocate and translate.
//!
//! It only chooses a text, and allocates that.

use rustix::io::Errno;

/// The reason, as the end of a sentence.
pub fn reason(error: Errno) -> String {
    let words = match error {
        Errno::NOENT => "no such file or directory",
        Errno::NOTDIR => "part of the path is not a directory",
        Errno::ISDIR => "it is a directory",
        Errno::LOOP => "it is a symbolic link, and links are not followed",
        Errno::NAMETOOLONG => "the path is too long",
        Errno::INVAL => "the path cannot be opened",
        Errno::ACCESS => "permission denied",
        Errno::PERM => "operation not permitted",
        Errno::ROFS => "the file system is read-only",
        Errno::NOSPC => "no space left on the device",
        Errno::DQUOT => "disk quota exceeded",
        Errno::FBIG => "the file would be too large",
        Errno::MFILE | Errno::NFILE => "too many files are open",
        Errno::BADF => "the descriptor is not open for writing",
        Errno::NXIO | Errno::PIPE => "nobody is reading at the other end",
        Errno::AGAIN => "the reader does not keep up",
        Errno::CONNREFUSED => "nobody is listening there",
        Errno::PROTOTYPE => "it is not a datagram socket",
        Errno::MSGSIZE => "the record is too long for it",
        Errno::NOBUFS => "the system is out of buffer space",
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
