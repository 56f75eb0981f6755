//! A receiver for tests: an HTTP server that keeps what it receives, and answers as a test wants it.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use super::until;

/// One request.
#[derive(Clone, Debug)]
pub struct Request {
    /// `POST /path`.
    pub line: String,
    /// Its headers, in small letters.
    pub headers: Vec<String>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        let start = format!("{name}: ");
        self.headers.iter().find_map(|header| header.strip_prefix(&start))
    }
}

/// What the receiver does with a request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A status, further headers, and a body.
    Answer(u16, String, Vec<u8>),
    /// It hangs up.
    HangUp,
    /// It never answers, and does not even keep the request.
    Lose,
}

impl Reply {
    pub fn status(status: u16) -> Self {
        Self::Answer(status, String::new(), vec![])
    }
}

/// The server. It listens as long as the test's process lives.
pub struct Receiver {
    pub url: String,
    requests: Arc<Mutex<Vec<Request>>>,
    open: Arc<AtomicUsize>,
}

impl Receiver {
    /// `reply` is called for each request, with its number from 0, before it is kept.
    pub fn new(reply: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (kept, reply) = (Arc::clone(&requests), Arc::new(reply));
        let open = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&open);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (kept, reply, count) = (Arc::clone(&kept), Arc::clone(&reply), Arc::clone(&count));
                count.fetch_add(1, Ordering::SeqCst);
                thread::spawn(move || {
                    serve(&stream, &kept, &*reply);
                    count.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { url, requests, open }
    }

    /// One that takes everything.
    pub fn willing() -> Self {
        Self::new(|_, _| Reply::status(200))
    }

    /// Waits until everything is kept that was sent by processes which have ended.
    pub fn settle(&self) {
        // Connections are accepted in their order: behind this one, there is none that came before.
        let mut stream = TcpStream::connect(self.url.trim_start_matches("http://")).unwrap();
        stream.write_all(b"GET /settle HTTP/1.1\r\n\r\n").unwrap();
        BufReader::new(&stream).read_line(&mut String::new()).unwrap();
        drop(stream);
        until("connections are closed", || self.open.load(Ordering::SeqCst) == 0);
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

fn serve(stream: &TcpStream, kept: &Mutex<Vec<Request>>, reply: &(dyn Fn(usize, &Request) -> Reply + Send + Sync)) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        if request.line == "GET /settle" {
            let mut writer = stream;
            let _sender_is_gone = writer.write_all(b"HTTP/1.1 200 x\r\n");
            return;
        }
        let number = kept.lock().unwrap().len();
        let reply = reply(number, &request);
        if matches!(reply, Reply::Lose) {
            // Until the sender ends.
            let _nothing_more = reader.fill_buf();
            return;
        }
        kept.lock().unwrap().push(request);
        let Reply::Answer(status, headers, body) = reply else {
            return;
        };
        let length = body.len();
        let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\n{headers}\r\n");
        let mut writer = stream;
        if writer.write_all(&[head.as_bytes(), &body].concat()).is_err() {
            return;
        }
    }
}

/// The next whole request; none where the sender has hung up or died.
fn read(reader: &mut impl BufRead) -> Option<Request> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let line = lines.remove(0);
    let headers: Vec<String> = lines
        .iter()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| format!("{}: {}", name.to_lowercase(), value.trim()))
        .collect();
    let length = headers
        .iter()
        .find_map(|header| header.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).ok()?;
    Some(Request {
        line: line.rsplit_once(' ').unwrap().0.to_owned(),
        headers,
        body,
    })
}
