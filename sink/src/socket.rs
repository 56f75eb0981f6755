//! Datagram sockets: one record is one datagram, taken whole or not at all.

use core::ffi::CStr;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SendFlags, SocketAddrUnix, SocketFlags, SocketType, sendto, socket_with};

/// Sends a datagram to the socket at this path. Neither waits for its reader nor raises SIGPIPE.
pub fn send(path: &CStr, datagram: &[u8]) -> Result<(), Errno> {
    let address = SocketAddrUnix::new(path)?;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::DGRAM, flags, None)?;
    sendto(&socket, datagram, SendFlags::DONTWAIT | SendFlags::NOSIGNAL, &address)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::ffi::CString;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::net::{UnixDatagram, UnixListener};
    use std::time::Instant;

    use rustix::io::Errno;

    use super::send;

    #[test]
    fn datagrams_arrive_whole_and_a_full_socket_holds_nobody_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let c_path = CString::new(path.as_os_str().as_bytes()).unwrap();
        assert_eq!(send(&c_path, b"x"), Err(Errno::NOENT));
        let reader = UnixDatagram::bind(&path).unwrap();
        let long = vec![b'x'; 100_000];
        send(&c_path, &long).unwrap();
        let mut taken = vec![0; 200_000];
        assert_eq!(reader.recv(&mut taken).unwrap(), long.len());
        let start = Instant::now();
        let refused = (0..1000).map(|_| send(&c_path, b"x")).find_map(Result::err);
        assert_eq!(refused, Some(Errno::AGAIN));
        assert!(start.elapsed().as_secs() < 5);
        drop(reader);
        assert_eq!(send(&c_path, b"x"), Err(Errno::CONNREFUSED));
    }

    #[test]
    fn a_stream_is_no_datagram_socket() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let _listener = UnixListener::bind(&path).unwrap();
        let c_path = CString::new(path.as_os_str().as_bytes()).unwrap();
        assert_eq!(send(&c_path, b"x"), Err(Errno::PROTOTYPE));
    }
}
