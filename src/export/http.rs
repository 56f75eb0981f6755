//! Requests to a receiver, and what its answers mean for the batch.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use forkwatch_text::harmless::harmless;
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use rustls::crypto::ring;
use ureq::http::Uri;
use ureq::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body, Error};

use super::attempt::Attempt;
use super::backoff::retry_after;

/// A receiver that is not reached within this time is tried again.
const CONNECTING: Duration = Duration::from_secs(10);

/// So is one that does not answer.
const WHOLE: Duration = Duration::from_secs(60);

/// The longest answer that is read.
const MAX_ANSWER: u64 = 16 << 20;

/// Characters of an answer in a message.
const SHOWN: usize = 200;

/// Sends requests, with headers from the user.
#[derive(Clone, Debug)]
pub struct Http {
    agent: Agent,
    headers: Vec<(String, String)>,
}

/// An address, and who asks there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Without a name and a password, so that it can be shown.
    pub url: String,
    /// Its path, at least `/`, and what follows it.
    pub path: String,
    /// What stands before the `@`.
    pub user: Option<String>,
}

impl Address {
    /// Reads an address that begins with `http://` or `https://`; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let scheme = uri.scheme_str().filter(|scheme| ["http", "https"].contains(scheme))?;
        let authority = uri.authority()?.as_str();
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user.to_owned()), host),
            None => (None, authority),
        };
        if host.is_empty() || host.starts_with(':') {
            return None;
        }
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Some(Self {
            url: format!("{scheme}://{host}"),
            path,
            user,
        })
    }

    /// The whole address with another path.
    pub fn with_path(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }
}

impl Http {
    /// With these headers on each request.
    pub fn new(headers: Vec<(String, String)>) -> Self {
        if cfg!(target_feature = "crt-static") {
            forkwatch_sink::names::use_own_services();
        }
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
            .build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            // A redirect of such a request mostly means a wrong address.
            .max_redirects(0)
            .timeout_connect(Some(CONNECTING))
            .timeout_global(Some(WHOLE))
            .user_agent(concat!("forkwatch/", env!("CARGO_PKG_VERSION")))
            .build();
        Self {
            agent: config.new_agent(),
            headers,
        }
    }

    /// Adds the name and the password of an address.
    pub fn with_user_of(mut self, address: &Address) -> Self {
        if let Some(user) = &address.user {
            let user: Vec<u8> = percent_decode_str(user).collect();
            let value = format!("Basic {}", BASE64_STANDARD.encode(user));
            self.headers.push((AUTHORIZATION.to_string(), value));
        }
        self
    }

    /// Adds a header.
    pub fn with(mut self, name: &str, value: String) -> Self {
        self.headers.push((name.to_owned(), value));
        self
    }

    /// Sends a body, and returns that of the answer if the receiver has taken it.
    pub fn post(&self, url: &str, kind: &str, body: &[u8]) -> Result<Vec<u8>, Attempt> {
        self.send(self.agent.post(url), kind, body)
    }

    /// The same by PUT.
    pub fn put(&self, url: &str, kind: &str, body: &[u8]) -> Result<Vec<u8>, Attempt> {
        self.send(self.agent.put(url), kind, body)
    }

    fn send(
        &self,
        request: ureq::RequestBuilder<ureq::typestate::WithBody>,
        kind: &str,
        body: &[u8],
    ) -> Result<Vec<u8>, Attempt> {
        let mut request = request.header(CONTENT_TYPE, kind);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let mut response = request.send(body).map_err(|error| unsent(&error))?;
        let asked = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok());
        let asked = asked.and_then(|value| retry_after(value, Timestamp::now()));
        let status = response.status().as_u16();
        let answer = read(response.body_mut());
        match status {
            // An answer that breaks off says nothing: the batch may be sent twice, but is not lost.
            200..=299 => answer.map_err(|error| unsent(&error)),
            _ => Err(refused(status, asked, &answer.unwrap_or_default())),
        }
    }
}

fn read(body: &mut Body) -> Result<Vec<u8>, Error> {
    body.with_config().limit(MAX_ANSWER).read_to_vec()
}

/// Whether what went wrong on the way may be better next time.
fn unsent(error: &Error) -> Attempt {
    match error {
        Error::Io(cause) if cause.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) => {
            Attempt::Refused(error.to_string())
        }
        Error::Io(_)
        | Error::Timeout(_)
        | Error::HostNotFound
        | Error::ConnectionFailed
        | Error::Protocol(_)
        | Error::ConnectProxyFailed(_) => Attempt::Later(error.to_string(), None),
        _ => Attempt::Refused(error.to_string()),
    }
}

/// What a status means: the four that ask for patience, those about the content, and all others.
fn refused(status: u16, asked: Option<Duration>, answer: &[u8]) -> Attempt {
    let why = shown(status, answer);
    match status {
        429 | 502 | 503 | 504 => Attempt::Later(why, asked),
        400 | 413 | 422 => Attempt::Unfit(why),
        _ => Attempt::Refused(why),
    }
}

fn shown(status: u16, answer: &[u8]) -> String {
    let text = String::from_utf8_lossy(answer);
    let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text: String = harmless(&text).chars().take(SHOWN).collect();
    match text.as_str() {
        "" => format!("HTTP {status}"),
        text => format!("HTTP {status}: {text}"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Address, Attempt, refused};

    #[test]
    fn an_address_can_be_shown_without_its_password() {
        let address = Address::parse("https://me:p%40ss@logs.example:8443/in/_bulk?a=b").unwrap();
        assert_eq!(address.url, "https://logs.example:8443");
        assert_eq!(
            (address.path.as_str(), address.user.as_deref()),
            ("/in/_bulk?a=b", Some("me:p%40ss"))
        );
        assert_eq!(Address::parse("http://[::1]:4318").unwrap().path, "/");
        for wrong in ["", "ftp://a/b", "logs.example", "http://", "http://:80/", "/var/log"] {
            assert_eq!(Address::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn four_answers_ask_for_patience() {
        let asked = Some(Duration::from_secs(3));
        for status in [429, 502, 503, 504] {
            assert!(matches!(refused(status, asked, b""), Attempt::Later(_, time) if time == asked));
        }
        for status in [301, 401, 403, 404, 500, 501, 505] {
            assert!(matches!(refused(status, asked, b""), Attempt::Refused(_)), "{status}");
        }
        let long = [b'x'; 1000];
        assert_eq!(
            refused(400, None, &long),
            Attempt::Unfit(format!("HTTP 400: {}", "x".repeat(200)))
        );
        assert_eq!(
            refused(413, None, b"too\x1b[31m\n large"),
            Attempt::Unfit("HTTP 413: too\\u{1b}[31m large".into())
        );
    }
}
