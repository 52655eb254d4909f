//! Fetching a file from an address that stood in a peer's document: only from hosts that the peer's entry names, and there only from
//! addresses that may be connected to; no redirect is followed, and nothing is longer or slower than it may be.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use gateway_core::lift::Ticket;
use gateway_core::lift::sniff::is_something_else;
use hyper::header::{ACCEPT_ENCODING, HeaderValue};
use hyper::{Request, Uri};
use tokio::time::{Instant, timeout_at};

use super::spool::{Unspooled, spool};
use super::{Transport, chain};
use crate::config::Peer;
use crate::outflow::Outflow;
use crate::store::{Store, StoreError};

/// Why a file was not fetched. No text says what stands in the address behind its host.
#[derive(Debug)]
pub enum Unfetched {
    /// Nobody allows to ask there.
    NotAllowed,
    /// It is not there any more.
    Gone,
    /// Something else came, or nothing.
    Failed(String),
    /// Our own disk.
    Store(StoreError),
}

/// Hosts that addresses of files may name: `host`, `host:port`.
#[derive(Debug, Default)]
pub(super) struct Hosts(Vec<(String, u16)>);

impl Hosts {
    pub(super) fn of(peer: &Peer) -> Self {
        let own = peer.endpoints.values().filter_map(|address| host_of(&address.parse().ok()?));
        let named = peer.file_hosts.iter().filter_map(|host| match host.contains("://") {
            true => None,
            // The usual port of both ways of speaking.
            false => {
                let uri: Uri = format!("http://{host}/").parse().ok()?;
                Some((bare(uri.host()?), uri.port_u16().unwrap_or(0)))
            }
        });
        // What serves nobody's files need not be asked for any.
        let own = own.filter(|_| !peer.file_hosts.is_empty());
        Hosts(own.chain(named).collect())
    }

    /// Those that are addresses by themselves.
    pub(super) fn addresses(&self) -> Vec<IpAddr> {
        self.0.iter().filter_map(|(host, _)| host.parse().ok()).collect()
    }

    fn has(&self, uri: &Uri) -> bool {
        let Some((host, port)) = host_of(uri) else { return false };
        let usual = uri.port().is_none() || matches!(port, 80 | 443);
        self.0.iter().any(|(known, at)| *known == host && (*at == port || (*at == 0 && usual)))
    }
}

fn bare(host: &str) -> String {
    host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase()
}

fn host_of(uri: &Uri) -> Option<(String, u16)> {
    let usual = match uri.scheme_str()? {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    // Whoever puts a name and a password in front of the host means something else.
    let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?;
    Some((bare(authority.host()), uri.port_u16().unwrap_or(usual)))
}

impl Transport {
    /// May a file be asked for there?
    pub fn may_fetch(&self, url: &str) -> bool {
        address(url).is_some_and(|uri| self.hosts.has(&uri))
    }

    /// Fetches the file of this name onto the disk.
    pub async fn fetch(
        &self,
        url: &str,
        name: &str,
        store: &Store,
        bytes_max: u64,
    ) -> Result<Ticket, Unfetched> {
        let uri = address(url).filter(|uri| self.hosts.has(uri)).ok_or(Unfetched::NotAllowed)?;
        let mut request = Request::new(Outflow::from(Bytes::new()));
        *request.uri_mut() = uri;
        request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let until = Instant::now() + self.answer_within;
        let late = || Unfetched::Failed("no answer in its time".to_owned());
        let response = timeout_at(until, self.fetching.request(request)).await.map_err(|_| late())?;
        let (head, body) = response.map_err(|error| Unfetched::Failed(chain(&error)))?.into_parts();
        match head.status.as_u16() {
            200 => {}
            404 | 410 => return Err(Unfetched::Gone),
            // Where a redirect leads nobody has allowed.
            status => return Err(Unfetched::Failed(format!("status {status}"))),
        }
        let within: Duration = self.answer_within;
        let spooled = spool(store, body, bytes_max, within).await.map_err(|why| match why {
            Unspooled::Store(error) => Unfetched::Store(error),
            other => Unfetched::Failed(other.to_string()),
        });
        let (finished, real) = spooled?;
        let is_none = is_something_else(name, finished.ticket().bytes, real);
        let kept = store.with_files(move |_| if is_none { Ok(None) } else { finished.keep().map(Some) });
        let came_instead = || Unfetched::Failed(format!("{} came in the place of a file", real.word()));
        kept.await.map_err(Unfetched::Store)?.ok_or_else(came_instead)
    }
}

/// Is it the address of a file? People write `HTTP://` too.
pub(crate) fn is_address(text: &str) -> bool {
    let text = text.trim_start();
    ["http://", "https://"]
        .iter()
        .any(|way| text.get(..way.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(way)))
}

/// An address as it stands in documents, written as a browser would ask there: what a path cannot hold is encoded. Whose host it is stays
/// as it was written, and is looked at in what this gives, which is also what is called. What stands behind `#` is nobody's business
/// but the reader's.
fn address(url: &str) -> Option<Uri> {
    let url: String = url.trim().chars().filter(|c| !matches!(c, '\t' | '\r' | '\n')).collect();
    let url = url.split('#').next()?;
    let (way, rest) = url.split_once("://")?;
    let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let mut written = format!("{}://{host}", way.to_ascii_lowercase());
    for byte in path.bytes() {
        match byte {
            b'!'..=b'~' if !b"\"<>`{}\\^|".contains(&byte) => written.push(char::from(byte)),
            _ => written.push_str(&format!("%{byte:02X}")),
        }
    }
    written.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_asked_for_as_a_browser_would_write_it() {
        for (written, asked) in [
            (
                "http://127.0.0.1:18799/Đơn đề nghị.pdf",
                "http://127.0.0.1:18799/%C4%90%C6%A1n%20%C4%91%E1%BB%81%20ngh%E1%BB%8B.pdf",
            ),
            (" HTTP://h99.example/a\n", "http://h99.example/a"),
            (
                "http://h99.example/{x}/\"b\"?q=ô&r=1%20#đ",
                "http://h99.example/%7Bx%7D/%22b%22?q=%C3%B4&r=1%20",
            ),
            ("https://h99.example?x=1", "https://h99.example/?x=1"),
        ] {
            assert!(is_address(written), "{written}");
            assert_eq!(address(written).map(|uri| uri.to_string()).as_deref(), Some(asked), "{written}");
        }
        assert!(!is_address("file:///etc/passwd") && !is_address("đơn.pdf") && !is_address("http:/"));
    }

    #[test]
    fn only_hosts_that_are_named_are_asked() {
        let hosts = Hosts(vec![
            ("files.h99.example".to_owned(), 0),
            ("10.0.0.5".to_owned(), 8080),
            ("::1".to_owned(), 81),
        ]);
        let may = |url: &str| address(url).is_some_and(|uri| hosts.has(&uri));
        for open in [
            "http://files.h99.example/a?b=1#c",
            "https://FILES.h99.example./a",
            "http://10.0.0.5:8080/x",
            "http://[::1]:81/x",
            " HTTP://files.h99.example/Đơn đề nghị {1}.pdf",
            // It is a path there, and nothing of it leads elsewhere.
            "http://files.h99.example/\\@evil.example/a",
        ] {
            assert!(may(open), "{open}");
        }
        for closed in [
            "http://files.h99.example:8080/a",
            "http://files.h99.example.evil.example/a",
            "http://files.h99.example@127.0.0.1/a",
            "http://x:y@files.h99.example/a",
            "http://files.h99.example @127.0.0.1/a",
            "http://127.0.0.1\\@files.h99.example/a",
            "http://127.0.0.1\t@files.h99.example/a",
            "http://files.h99.example\n.evil.example/a",
            "http://evil.example?@files.h99.example/a",
            "http://10.0.0.5/x",
            "http://127.0.0.1/x",
            "file:///etc/passwd",
            "ftp://files.h99.example/a",
            "//files.h99.example/a",
            "/a",
            "",
        ] {
            assert!(!may(closed), "{closed}");
        }
    }
}
