//! The only HTTP client: connections, TLS, deadlines, destinations, bounded answers. It knows no peer and retries nothing.
//!
//! What it says of a failed call is what the settlement needs to know and no more: [`Failure::NotSent`] (the request surely did
//! not reach the peer) or [`Failure::Silent`], [`Failure::BrokenOff`] (nobody can tell). Where in doubt it says silent.

mod destinations;
mod fetching;
mod here;
mod look;
mod own;
mod shown;
mod silence;
mod spool;

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use gateway_core::adapter::{Answer, Ask, Body, Keeping, Pairs, Signed};
use gateway_core::ids::Moment;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Body as _;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Request, Uri};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tower_service::Service;

use crate::certificates;
use crate::config::Peer;
use crate::outflow::Outflow;
use crate::store::Store;

use destinations::{Checked, Destinations};
use fetching::Hosts;
use here::Answering;
use own::OwnCertificate;
use shown::Shown;
use silence::Heeded;

pub use fetching::Unfetched;
pub(crate) use fetching::is_address;
pub use look::{Seen, Stage};

/// Longer answers are cut off and count as silence.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// The way to one peer.
pub struct Transport {
    client: Client<Connector, Outflow>,
    fetching: Client<Connector, Outflow>,
    hosts: Hosts,
    own: Option<Arc<OwnCertificate>>,
    shown: Arc<Shown>,
    endpoints: BTreeMap<String, String>,
    answer_within: Duration,
    looking: Looking,
    here: Option<Answering>,
}

/// What it takes to look at the way without going it.
struct Looking {
    tls: Arc<rustls::ClientConfig>,
    destinations: Arc<Destinations>,
    within: Duration,
    silence: Duration,
}

/// Why there is no answer, with the technical reason: no addresses of people, no values of messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The request surely did not reach the peer.
    NotSent(String),
    /// Nobody can tell whether it did: no byte of an answer came.
    Silent(String),
    /// The same, and an answer had begun.
    BrokenOff(String),
}

impl Transport {
    /// Prepares the way; the error says which setting cannot work. `open` are the networks that calls may leave for.
    pub fn new(peer: &Peer, open: &[String]) -> Result<Self, String> {
        let secure = peer.endpoints.values().any(|address| address.starts_with("https://"));
        if secure && peer.ca_file.is_none() {
            return Err(
                "an https endpoint needs `ca_file`: the authority that signed its certificate".to_owned()
            );
        }
        if !secure && peer.client_certificate_file.is_some() {
            return Err("`client_certificate_file` is of no use without an https endpoint".to_owned());
        }
        let destinations = Arc::new(Destinations::new(open, peer.guarded));
        for (name, address) in &peer.endpoints {
            let host = address.parse::<Uri>().ok().and_then(|uri| uri.host().map(str::to_owned));
            if host.is_some_and(|host| !destinations.may_be_host(&host)) {
                return Err(format!("endpoints.{name}: {}", destinations::refused()));
            }
        }
        let within = Duration::from_millis(peer.connect_ms_max);
        let own = OwnCertificate::of(peer)?;
        let shown = Arc::new(Shown::default());
        let tls = tls(peer, own.clone(), &shown)?;
        let silence = Duration::from_millis(peer.read_ms_max);
        let hosts = Hosts::of(peer);
        let of_files = Arc::new(Destinations::of_files(open, peer.guarded, hosts.addresses()));
        Ok(Transport {
            client: client(&tls, &destinations, within, silence),
            fetching: client(&tls, &of_files, within, silence),
            hosts,
            own,
            shown,
            endpoints: peer.endpoints.clone(),
            answer_within: Duration::from_millis(peer.answer_ms_max),
            looking: Looking { tls: Arc::new(tls), destinations, within, silence },
            here: None,
        })
    }

    /// When the certificate that we show this peer ends; none if we show none.
    pub fn certificate_ends(&self) -> Option<Moment> {
        self.own.as_ref().and_then(|own| own.ends())
    }

    /// When the certificate that the peer showed last ends, also if that was no reason to trust it; none if it has shown none.
    pub fn peer_certificate_ends(&self) -> Option<Moment> {
        self.shown.ends()
    }

    /// For how long our certificate for this peer could not be loaded anew; none if it is as its files say.
    pub fn failing_for(&self) -> Option<Duration> {
        self.own.as_ref()?.failing_for()
    }

    /// Makes a call without files.
    pub async fn call(&self, endpoint: &str, signed: &Signed, passed_on: &Pairs) -> Result<Answer, Failure> {
        if !signed.ask().body.files.is_empty() {
            return Err(Failure::NotSent("there is nothing here to take files from".to_owned()));
        }
        let body = Outflow::from(Bytes::from(signed.ask().body.bytes.clone()));
        self.exchange(endpoint, signed, passed_on, body, None).await
    }

    /// Makes a call whose files come from this store; its answer is kept there if it is to be, and is no longer than so many bytes then.
    pub async fn call_with_files(
        &self,
        endpoint: &str,
        signed: &Signed,
        passed_on: &Pairs,
        (store, bytes_max): (&Store, u64),
        keeping: Keeping,
    ) -> Result<Answer, Failure> {
        let body = Outflow::of(signed.ask().body.clone(), store);
        let keep = (keeping == Keeping::Claimed).then_some((store, bytes_max));
        self.exchange(endpoint, signed, passed_on, body, keep).await
    }

    /// Makes the call. Redirects are not followed: a peer that moved is configured anew.
    async fn exchange(
        &self,
        endpoint: &str,
        signed: &Signed,
        passed_on: &Pairs,
        body: Outflow,
        keep: Option<(&Store, u64)>,
    ) -> Result<Answer, Failure> {
        let with_files = Duration::from_secs(body.size_hint().lower() / spool::BYTES_PER_SECOND_MIN);
        let request = self.request(endpoint, signed.ask(), passed_on, body).map_err(Failure::NotSent)?;
        if let Some(answering) = &self.here {
            return Ok(answering(signed.ask()));
        }
        let until = Instant::now() + self.answer_within + with_files;
        let late = || format!("no answer within {} ms", self.answer_within.as_millis());
        let response = timeout_at(until, self.client.request(request)).await;
        let response = response.map_err(|_| Failure::Silent(late()))?.map_err(|error| {
            let reason = chain(&error);
            if error.is_connect() { Failure::NotSent(reason) } else { Failure::Silent(reason) }
        })?;
        let (head, body) = response.into_parts();
        let headers = head
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
            .collect();
        // What is no success is no file but what the peer has to say.
        if let Some((store, bytes_max)) = keep.filter(|_| head.status.is_success()) {
            let kept = spool::spool(store, body, bytes_max, self.answer_within).await;
            let (finished, real) = kept.map_err(|why| Failure::BrokenOff(why.to_string()))?;
            let kept = store.with_files(move |_| finished.keep()).await;
            let file = kept.map_err(|error| Failure::BrokenOff(error.to_string()))?;
            return Ok(Answer { status: head.status.as_u16(), headers, body: Body::file_seen(file, real) });
        }
        // From here on an answer has begun, also if the rest of it never comes.
        let body = timeout_at(until, Limited::new(body, ANSWER_BYTES_MAX).collect()).await;
        let body = body.map_err(|_| Failure::BrokenOff(late()))?.map_err(|error| {
            Failure::BrokenOff(format!("the answer broke off: {}", chain(error.as_ref())))
        })?;
        Ok(Answer { status: head.status.as_u16(), headers, body: Body::of(body.to_bytes().to_vec()) })
    }

    fn request(
        &self,
        endpoint: &str,
        ask: &Ask,
        passed_on: &Pairs,
        body: Outflow,
    ) -> Result<Request<Outflow>, String> {
        let base =
            self.endpoints.get(endpoint).ok_or_else(|| format!("no endpoint `{endpoint}` is configured"))?;
        let uri: Uri = address(base, ask).parse().map_err(|error| format!("unusable address: {error}"))?;
        let mut request = Request::builder().method(ask.method.as_str()).uri(uri);
        for (name, value) in ask.headers.iter().chain(passed_on) {
            let name = HeaderName::try_from(name.as_str()).map_err(|error| error.to_string())?;
            let mut value = HeaderValue::from_bytes(value.as_bytes()).map_err(|error| error.to_string())?;
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        request.body(body).map_err(|error| error.to_string())
    }
}

/// Connections that go only to these destinations.
fn client(
    tls: &rustls::ClientConfig,
    destinations: &Arc<Destinations>,
    within: Duration,
    silence: Duration,
) -> Client<Connector, Outflow> {
    let mut connector = HttpConnector::new_with_resolver(Checked::new(destinations.clone()));
    connector.enforce_http(false);
    connector.set_connect_timeout(Some(within));
    connector.set_nodelay(true);
    connector.set_keepalive(Some(Duration::from_secs(60)));
    let https = hyper_rustls::HttpsConnectorBuilder::new()
        .with_tls_config(tls.clone())
        .https_or_http()
        .enable_http1()
        .wrap_connector(connector);
    // Old servers close idle connections after a few seconds without a word, and so do we when silence lasts too long; a request on
    // such a connection would be silence where it need not be.
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(Duration::from_secs(4).min(silence / 2))
        .retry_canceled_requests(true)
        .build(Connector { https, destinations: destinations.clone(), within, silence })
}

/// Who is trusted, and what we show of ourselves. Chain and host are always verified; there is no setting that leaves it out.
fn tls(
    peer: &Peer,
    own: Option<Arc<OwnCertificate>>,
    shown: &Arc<Shown>,
) -> Result<rustls::ClientConfig, String> {
    let roots = match &peer.ca_file {
        Some(path) => certificates::authorities(path).map_err(|error| format!("ca_file {error}"))?,
        None => rustls::RootCertStore::empty(),
    };
    let builder = rustls::ClientConfig::builder_with_provider(certificates::provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    // Without an https endpoint there is no authority, and the library makes no judge of none.
    let builder = match roots.is_empty() {
        true => builder.with_root_certificates(roots),
        // It notes when the certificate ends and then asks the library, whatever it saw: nothing is trusted that was not before.
        false => builder.dangerous().with_custom_certificate_verifier(shown::verifier(roots, shown.clone())?),
    };
    Ok(match own {
        Some(own) => builder.with_client_cert_resolver(own),
        None => builder.with_no_client_auth(),
    })
}

type Stream = Heeded<MaybeHttpsStream<TokioIo<TcpStream>>>;
type Trouble = Box<dyn std::error::Error + Send + Sync>;

/// A connection, from the name to the end of the handshake, within its bound and to where it may go. What goes wrong here is surely
/// before the request.
#[derive(Clone)]
struct Connector {
    https: HttpsConnector<HttpConnector<Checked>>,
    destinations: Arc<Destinations>,
    within: Duration,
    silence: Duration,
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = Trouble;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, Trouble>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Trouble>> {
        self.https.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        if !uri.host().is_some_and(|host| self.destinations.may_be_host(host)) {
            return Box::pin(async { Err(destinations::refused().into()) });
        }
        let (connecting, within, silence) = (self.https.call(uri), self.within, self.silence);
        Box::pin(async move {
            let late = |_| Err(format!("no connection within {} ms", within.as_millis()).into());
            let stream = tokio::time::timeout(within, connecting).await.unwrap_or_else(late)?;
            Ok(Heeded::over(stream, silence))
        })
    }
}

fn address(base: &str, ask: &Ask) -> String {
    let mut address = format!("{}/{}", base.trim_end_matches('/'), ask.path.trim_start_matches('/'));
    for (index, (name, value)) in ask.query.iter().enumerate() {
        address.push(if index == 0 { '?' } else { '&' });
        percent_encode(name, &mut address);
        address.push('=');
        percent_encode(value, &mut address);
    }
    address
}

/// Everything but the unreserved characters of RFC 3986.
fn percent_encode(text: &str, into: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            into.push(byte as char);
        } else {
            into.push_str(&format!("%{byte:02X}"));
        }
    }
}

/// An error with its causes; hyper's own text alone says next to nothing.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_keep_the_base_path_and_encode_the_query() {
        let ask = Ask {
            method: "GET".to_owned(),
            path: "/a/b".to_owned(),
            query: vec![("dstcode".to_owned(), "VN:GOV x".to_owned()), ("n".to_owned(), "ố".to_owned())],
            headers: Vec::new(),
            body: Body::default(),
        };
        assert_eq!(address("http://h:1/base/", &ask), "http://h:1/base/a/b?dstcode=VN%3AGOV%20x&n=%E1%BB%91");
    }
}
