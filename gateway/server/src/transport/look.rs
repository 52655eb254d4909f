//! Looking at the way to a peer without sending it anything: the name, the connection, the certificate, and what its server answers to
//! `HEAD`, which has no effect anywhere. The same destinations, authorities and certificate as for calls; a connection of its own.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use bytes::Bytes;
use gateway_core::ids::Moment;
use http_body_util::Empty;
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::{Transport, chain, destinations};
use crate::certificates;

/// How far the way was gone when it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// What its name stands for.
    Name,
    /// A connection to one of its addresses.
    Connection,
    /// The handshake: its certificate, or ours.
    Certificate,
    /// An answer of whatever kind.
    Answer,
}

/// What was seen on the way to one address.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// What its name stands for, as far as calls may leave for it.
    pub addresses: Vec<IpAddr>,
    /// How long the connection took.
    pub connected_ms: Option<u64>,
    /// When the certificate of the peer, or one between it and its authority, ends; none without TLS.
    pub certificate_ends: Option<Moment>,
    /// The HTTP status that its server answers with; any will do.
    pub status: Option<u16>,
    /// Its clock, as its answer says.
    pub clock: Option<Moment>,
    /// Where the way ended, and why.
    pub failed: Option<(Stage, String)>,
}

impl Transport {
    /// The endpoints of this peer.
    pub fn endpoints(&self) -> impl Iterator<Item = (&str, &str)> {
        self.endpoints.iter().map(|(name, address)| (name.as_str(), address.as_str()))
    }

    /// Goes the way to an address as far as it leads.
    pub async fn look(&self, address: &str) -> Seen {
        let mut seen = Seen::default();
        seen.failed = self.go(address, &mut seen).await.err();
        seen
    }

    async fn go(&self, address: &str, seen: &mut Seen) -> Result<(), (Stage, String)> {
        let uri: Uri = address.parse().map_err(|error| (Stage::Name, format!("{error}")))?;
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
        let secure = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let late = |stage: Stage, within: Duration| move |_| (stage, format!("{} ms", within.as_millis()));
        let within = self.looking.within;
        let found = timeout(within, tokio::net::lookup_host((host.as_str(), port))).await;
        let found = found.map_err(late(Stage::Name, within))?;
        let found: Vec<SocketAddr> = found.map_err(|error| (Stage::Name, error.to_string()))?.collect();
        let open: Vec<SocketAddr> =
            found.into_iter().filter(|at| self.looking.destinations.may_be(at.ip())).collect();
        seen.addresses = open.iter().map(SocketAddr::ip).collect();
        if open.is_empty() {
            return Err((Stage::Name, destinations::refused().to_string()));
        }
        let began = Instant::now();
        let stream = timeout(within, TcpStream::connect(&open[..])).await;
        let stream = stream.map_err(late(Stage::Connection, within))?;
        let stream = stream.map_err(|error| (Stage::Connection, error.to_string()))?;
        seen.connected_ms = Some(began.elapsed().as_millis() as u64);
        let asked = match secure {
            false => timeout(self.looking.silence, ask(stream, &uri)).await,
            true => {
                let name =
                    ServerName::try_from(host).map_err(|error| (Stage::Certificate, error.to_string()))?;
                let connector = TlsConnector::from(self.looking.tls.clone());
                let stream = timeout(within, connector.connect(name, stream)).await;
                let stream = stream.map_err(late(Stage::Certificate, within))?;
                let stream = stream.map_err(|error| (Stage::Certificate, chain(&error)))?;
                let shown = stream.get_ref().1.peer_certificates();
                seen.certificate_ends = shown.and_then(certificates::ends);
                timeout(self.looking.silence, ask(stream, &uri)).await
            }
        };
        let answered = asked.map_err(late(Stage::Answer, self.looking.silence))?;
        let (status, date) = answered.map_err(|error| (Stage::Answer, chain(&error)))?;
        seen.status = Some(status);
        seen.clock = date.as_deref().and_then(http_date);
        Ok(())
    }
}

async fn ask(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    uri: &Uri,
) -> Result<(u16, Option<String>), hyper::Error> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let path = if uri.path().is_empty() { "/" } else { uri.path() };
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.method_mut() = hyper::Method::HEAD;
    *request.uri_mut() = path.parse().unwrap_or_default();
    if let Some(host) = uri.authority().and_then(|host| host.as_str().parse().ok()) {
        request.headers_mut().insert(hyper::header::HOST, host);
    }
    let answer = sender.send_request(request).await;
    connection.abort();
    let answer = answer?;
    let date = answer.headers().get(hyper::header::DATE).and_then(|date| date.to_str().ok());
    Ok((answer.status().as_u16(), date.map(str::to_owned)))
}

/// `Sun, 22 Nov 2026 09:29:03 GMT`, as HTTP writes a moment.
fn http_date(text: &str) -> Option<Moment> {
    let read = jiff::fmt::rfc2822::parse(text.trim()).ok()?;
    Some(Moment::from_millis(read.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_of_a_server_is_read() {
        let read = http_date("Sun, 22 Nov 2026 09:29:03 GMT").map(|moment| moment.to_string());
        assert_eq!(read, Moment::parse("2026-11-22T16:29:03+07:00").map(|moment| moment.to_string()));
        assert_eq!(http_date("gestern"), None);
    }
}
