//! The end that SIGTERM or SIGINT asks for. It interrupts every wait here; what was acknowledged is saved by then.
//!
//! The signal's handler writes into a socket that nobody reads. So every wait sees it, however many threads wait and whenever they
//! begin. A second signal ends the process at once, which loses nothing either.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use signal_hook::consts::{SIGINT, SIGTERM};

/// Whether to stop.
#[derive(Clone, Debug)]
pub struct Stop(Arc<(UnixStream, UnixStream)>);

/// What ended a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// The process is to stop.
    Stop,
    /// There is something to read.
    Ready,
    /// The time is over.
    Late,
}

impl Stop {
    /// One that nothing asks for yet.
    pub fn new() -> io::Result<Self> {
        Ok(Self(Arc::new(UnixStream::pair()?)))
    }

    /// Lets the signals ask for it.
    pub fn on_signals(&self) -> io::Result<()> {
        for signal in [SIGTERM, SIGINT] {
            let again = Arc::new(AtomicBool::new(false));
            // In this order: the second signal finds the flag set, and has its usual effect.
            signal_hook::flag::register_conditional_default(signal, Arc::clone(&again))?;
            signal_hook::flag::register(signal, again)?;
            signal_hook::low_level::pipe::register(signal, self.0.0.try_clone()?)?;
        }
        Ok(())
    }

    /// Whether somebody has asked for it.
    pub fn is_asked_for(&self) -> bool {
        self.wait(Duration::ZERO) == Woken::Stop
    }

    /// Waits for this time, or until it is asked for.
    pub fn wait(&self, time: Duration) -> Woken {
        self.wait_for(None, Some(time))
    }

    /// Waits until a descriptor can be read, too; without a time, for as long as it takes.
    pub fn wait_for(&self, source: Option<BorrowedFd<'_>>, time: Option<Duration>) -> Woken {
        let time = time.and_then(|time| Timespec::try_from(time).ok());
        loop {
            let mut all = vec![PollFd::from_borrowed_fd(self.0.1.as_fd(), PollFlags::IN)];
            all.extend(source.map(|source| PollFd::from_borrowed_fd(source, PollFlags::IN)));
            return match poll(&mut all, time.as_ref()) {
                Err(Errno::INTR) => continue,
                // Without memory for this, stopping is the one thing that is safe.
                Err(_) => Woken::Stop,
                Ok(_) if !all[0].revents().is_empty() => Woken::Stop,
                Ok(0) => Woken::Late,
                Ok(_) => Woken::Ready,
            };
        }
    }

    /// Asks for it, as a signal does.
    #[cfg(test)]
    pub fn ask(&self) {
        use std::io::Write;
        (&self.0.0).write_all(b"x").unwrap();
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;
    use std::time::{Duration, Instant};

    use super::{Stop, Woken};

    #[test]
    fn every_wait_ends_and_so_does_the_next() {
        let stop = Stop::new().unwrap();
        assert_eq!(stop.wait(Duration::from_millis(1)), Woken::Late);
        let (reader, mut writer) = std::io::pipe().unwrap();
        std::io::Write::write_all(&mut writer, b"x").unwrap();
        assert_eq!(stop.wait_for(Some(reader.as_fd()), None), Woken::Ready);
        let start = Instant::now();
        let other = stop.clone();
        let waiting = std::thread::spawn(move || other.wait(Duration::from_secs(60)));
        stop.ask();
        assert_eq!(waiting.join().unwrap(), Woken::Stop);
        assert!(stop.is_asked_for() && stop.wait(Duration::from_secs(60)) == Woken::Stop);
        assert!(start.elapsed() < Duration::from_secs(30));
    }
}
