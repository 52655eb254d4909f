//! TLS on both sides: who is trusted on the way out, and our own certificate at the door, changed while calls go on.

mod authority;
mod ends;
mod silence;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gateway_core::adapter::{Answer, Ask, Body, Signed};
use http_body_util::Full;
use hyper::Response;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use lienthong::config::Peer;
use lienthong::transport::{Failure, Transport};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

pub use self::authority::{Authority, Pair};
use crate::wire::{House, Line, RELAY, ask, call, dossier, head, until};

fn roots(file: &Path) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(file).unwrap()).unwrap();
    roots
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// A connection to the gateway's door by TLS; the error is the handshake's.
pub async fn line(address: SocketAddr, trusted: &Path, own: Option<&Pair>) -> std::io::Result<Line> {
    Ok(Line::over(connect(address, trusted, own).await?))
}

async fn connect(
    address: SocketAddr,
    trusted: &Path,
    own: Option<&Pair>,
) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots(trusted));
    let config = match own {
        Some(own) => {
            let (chain, key) = own.read();
            config.with_client_auth_cert(chain, key).unwrap()
        }
        None => config.with_no_client_auth(),
    };
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
}

/// A peer that answers `{}`, or where it moved to; with a client's authority it wants to see certificates.
async fn peer(own: &Pair, clients: Option<&Path>, moved_to: Option<u16>) -> u16 {
    let (chain, key) = own.read();
    let config =
        ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
    let config = match clients {
        Some(file) => {
            let wanted = rustls::server::WebPkiClientVerifier::builder_with_provider(
                Arc::new(roots(file)),
                provider(),
            );
            config.with_client_cert_verifier(wanted.build().unwrap())
        }
        None => config.with_no_client_auth(),
    };
    let acceptor = TlsAcceptor::from(Arc::new(config.with_single_cert(chain, key).unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let service = service_fn(move |_: hyper::Request<Incoming>| async move {
                    let mut answer = Response::new(Full::new(Bytes::from_static(b"{}")));
                    if let Some(port) = moved_to {
                        *answer.status_mut() = hyper::StatusCode::TEMPORARY_REDIRECT;
                        let there = format!("https://localhost:{port}/").parse().unwrap();
                        answer.headers_mut().insert("location", there);
                    }
                    Ok::<_, std::convert::Infallible>(answer)
                });
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    port
}

fn transport(endpoint: &str, more: &str, open: &[&str]) -> Result<Transport, String> {
    let entry = format!("adapter = \"portal\"\nendpoints.portal = \"{endpoint}\"\n{more}");
    let open: Vec<String> = open.iter().map(|net| (*net).to_owned()).collect();
    Transport::new(&toml::from_str::<Peer>(&entry).unwrap(), &open)
}

async fn try_it(transport: &Transport) -> Result<Answer, Failure> {
    let ask = Ask {
        method: "POST".to_owned(),
        path: "/mapi/g".to_owned(),
        query: Vec::new(),
        headers: Vec::new(),
        body: Body::of(b"{}".to_vec()),
    };
    transport.call("portal", &Signed::new(ask), &Vec::new()).await
}

#[track_caller]
fn not_sent(result: Result<Answer, Failure>, word: &str) {
    match result {
        Err(Failure::NotSent(reason)) => assert!(reason.contains(word), "«{word}» is not in «{reason}»"),
        other => panic!("{other:?}"),
    }
}

fn ca(file: &Path) -> String {
    format!("ca_file = \"{}\"\n", file.display())
}

#[tokio::test]
async fn only_the_configured_authority_is_trusted_and_only_for_its_host() {
    let (trusted, other) = (Authority::new(), Authority::new());
    let port = peer(&trusted.sign("localhost", 28), None, None).await;
    let endpoint = format!("https://localhost:{port}");
    let answer = try_it(&transport(&endpoint, &ca(&trusted.file()), &[]).unwrap()).await.unwrap();
    assert_eq!((answer.status, answer.body.bytes.as_slice()), (200, b"{}".as_slice()));
    not_sent(try_it(&transport(&endpoint, &ca(&other.file()), &[]).unwrap()).await, "certificate");
    let elsewhere = peer(&trusted.sign("khac.example", 28), None, None).await;
    let endpoint = format!("https://localhost:{elsewhere}");
    not_sent(try_it(&transport(&endpoint, &ca(&trusted.file()), &[]).unwrap()).await, "certificate");
}

#[tokio::test]
async fn a_peer_that_wants_to_see_a_certificate_is_shown_ours() {
    let (theirs, ours) = (Authority::new(), Authority::new());
    let port = peer(&theirs.sign("localhost", 28), Some(&ours.file()), None).await;
    let endpoint = format!("https://localhost:{port}");
    let own = ours.sign("cong.h99.example", 20);
    let shown = format!(
        "{}client_certificate_file = \"{}\"\nclient_key_file = \"{}\"",
        ca(&theirs.file()),
        own.certificate.display(),
        own.key.display()
    );
    let with = transport(&endpoint, &shown, &[]).unwrap();
    assert_eq!(try_it(&with).await.unwrap().status, 200);
    assert_eq!(with.certificate_ends().unwrap().to_string(), "2046-12-20T07:00:00.000+07:00");
    assert!(try_it(&transport(&endpoint, &ca(&theirs.file()), &[]).unwrap()).await.is_err());
    // A key that belongs to another certificate is a defect before any call.
    let wrong = shown.replace(&own.key.display().to_string(), &theirs.sign("x", 1).key.display().to_string());
    assert!(transport(&endpoint, &wrong, &[]).err().unwrap().contains("client_certificate_file"));
    assert!(transport("http://localhost:1", &shown, &[]).err().unwrap().contains("no use"));
}

#[tokio::test]
async fn a_peer_that_moved_is_not_followed() {
    let trusted = Authority::new();
    let own = trusted.sign("localhost", 28);
    let there = peer(&own, None, None).await;
    let here = peer(&own, None, Some(there)).await;
    let answer =
        try_it(&transport(&format!("https://localhost:{here}"), &ca(&trusted.file()), &[]).unwrap()).await;
    assert_eq!(answer.unwrap().status, 307);
}

#[tokio::test]
async fn calls_leave_only_for_where_they_may() {
    let trusted = Authority::new();
    let port = peer(&trusted.sign("localhost", 28), None, None).await;
    let (by_name, authority) = (format!("https://localhost:{port}"), ca(&trusted.file()));
    let guarded = format!("{authority}guarded = true");
    for (more, open, goes) in [
        (&authority, vec!["127.0.0.0/8", "::1/128"], true),
        (&authority, vec!["10.0.0.0/8"], false),
        (&guarded, vec![], false),
        (&guarded, vec!["0.0.0.0/0", "::/0"], false),
        (&guarded, vec!["127.0.0.1/32", "::1/128"], true),
    ] {
        let result = try_it(&transport(&by_name, more, &open).unwrap()).await;
        match goes {
            true => assert_eq!(result.unwrap().status, 200, "{open:?}"),
            false => not_sent(result, "gateway.destinations"),
        }
    }
    // An address in the place of a name is known to be wrong before the first call, in whatever way it is written.
    for endpoint in ["http://169.254.169.254", "http://[::1]:1", "http://[::ffff:10.0.0.1]"] {
        assert!(
            transport(endpoint, "guarded = true", &[]).err().unwrap().contains("destinations"),
            "{endpoint}"
        );
    }
    for endpoint in ["http://2130706433:1", "http://0x7f.1:1"] {
        not_sent(try_it(&transport(endpoint, "guarded = true", &[]).unwrap()).await, "");
    }
}

#[tokio::test]
async fn a_peer_that_takes_the_call_and_says_nothing_is_given_up() {
    // It accepts connections, and neither shakes hands nor answers.
    let deaf = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = deaf.local_addr().unwrap().port();
    let trusted = ca(&Authority::new().file_kept());
    let quick = format!("{trusted}connect_ms_max = 200\nanswer_ms_max = 400");
    let result = try_it(&transport(&format!("https://localhost:{port}"), &quick, &[]).unwrap()).await;
    not_sent(result, "200 ms");
    let result = try_it(&transport(&format!("http://localhost:{port}"), &quick, &[]).unwrap()).await;
    assert!(matches!(result, Err(Failure::Silent(_))), "{result:?}");
}

#[tokio::test]
async fn an_answer_that_has_begun_and_does_not_end_is_broken_off_and_not_silence() {
    let slow = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = slow.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = slow.accept().await.unwrap();
        let _ = stream.read(&mut [0; 1024]).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{").await.unwrap();
        // Held open, without another word.
        std::future::pending::<()>().await;
    });
    let result =
        try_it(&transport(&format!("http://localhost:{port}"), "answer_ms_max = 400", &[]).unwrap()).await;
    assert!(matches!(result, Err(Failure::BrokenOff(_))), "{result:?}");
}

impl Authority {
    /// Its certificate in a file that outlives it.
    fn file_kept(self) -> PathBuf {
        self.folder.keep().join("ca.pem")
    }
}

#[test]
fn https_without_an_authority_is_a_defect() {
    assert!(transport("https://localhost:1", "", &[]).err().unwrap().contains("ca_file"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_certificate_of_the_door_changes_while_calls_go_on() {
    let authority = Authority::new();
    let (first, second) = (authority.sign("localhost", 1), authority.sign("localhost", 11));
    let house = House::with(&[("gateway", &first.listens())]).await;
    let address = house.stage.tls_address().expect("TLS");
    let ends = async || house.counted("lienthong_certificate_expires_seconds{certificate=\"door\"}").await;
    const DAY: f64 = 86_400.0;
    // 08:00 in Viet Nam on 23 November is an hour into the day of the certificates, which end twenty years (five of them longer) later.
    let years = (20.0 * 365.0 + 5.0) * DAY;
    assert_eq!(ends().await, years + 8.0 * DAY - 3_600.0);
    let health = head("GET", "/healthz", &[]);
    let mut open = line(address, &authority.file(), None).await.unwrap();
    open.say(&health).await;
    assert_eq!(open.hear().await.unwrap().status, 200);

    // What does not load leaves the old one in place: the certificate comes first, its key a moment later.
    std::fs::copy(&second.certificate, &first.certificate).unwrap();
    let shown = async || {
        let stream = connect(address, &authority.file(), None).await.unwrap();
        stream.get_ref().1.peer_certificates().unwrap()[0].clone()
    };
    // The files are looked at once a second: nothing can be waited for where nothing may happen.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    assert_ne!(shown().await, second.read().0[0]);
    std::fs::copy(&second.key, &first.key).unwrap();
    until("the new certificate", async || (shown().await == second.read().0[0]).then_some(())).await;
    assert_eq!(ends().await, years + 18.0 * DAY - 3_600.0);

    open.say(&health).await;
    assert_eq!(open.hear().await.expect("the connection goes on").status, 200);
    let key = house.key(RELAY);
    let headers = [("x-api-key", key.as_str()), ("content-type", RELAY.media)];
    let body = RELAY.body(&[dossier("H99.14-261123-0601", serde_json::json!({}))]);
    let mut line = line(address, &authority.file(), None).await.unwrap();
    line.say(&call("POST", RELAY.path, &headers, &body)).await;
    assert_eq!(line.hear().await.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_plain_door_may_be_shut() {
    let authority = Authority::new();
    let own = authority.sign("localhost", 28);
    let folder = tempfile::tempdir().unwrap();
    let mut config =
        lienthong::config::Config::parse(&format!("[gateway]\nlisten = \"\"\n{}\n", own.listens()), "f")
            .unwrap();
    config.gateway.data = folder.path().join("data");
    config.gateway.sealing_key_file = folder.path().join("sealing.key");
    std::fs::create_dir_all(&config.gateway.data).unwrap();
    let key = lienthong::store::SealKey::generate().to_line();
    std::fs::write(&config.gateway.sealing_key_file, key).unwrap();
    let files = lienthong::files::Files::built_in();
    let clock = lienthong::clock::Clock::system();
    let app = lienthong::app::App::open(config, "f", files, clock).await;
    let running = lienthong::app::Running::start(app.expect("a gateway")).await.unwrap();
    assert_eq!(Some(running.address), running.tls_address);
    let mut line = line(running.address, &authority.file(), None).await.unwrap();
    line.say(&head("GET", "/readyz", &[])).await;
    assert_eq!(line.hear().await.unwrap().status, 200);
    // What does not speak TLS gets no answer that it could read.
    assert!(ask(running.address, &head("GET", "/readyz", &[])).await.is_none_or(|heard| heard.status != 200));
    running.stop().await;
}
