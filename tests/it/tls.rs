//! The way to a peer over real TLS: the configured authority is trusted, and nothing else is.

use std::sync::Arc;

use gateway_core::adapter::{Ask, Body, Signed};
use http_body_util::Full;
use hyper::Response;
use hyper::body::Bytes;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use lienthong::config::Peer;
use lienthong::transport::{Failure, Transport};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// An authority: its certificate as PEM, and a server certificate for `localhost` that it signed.
fn authority() -> (String, CertificateDer<'static>, PrivateKeyDer<'static>) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let own = params.self_signed(&key).unwrap();
    let issuer = Issuer::new(params, key);
    let server_key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["localhost".to_owned()])
        .unwrap()
        .signed_by(&server_key, &issuer)
        .unwrap();
    let key = PrivateKeyDer::try_from(server_key.serialize_der()).unwrap();
    (own.pem(), server.der().clone(), key)
}

async fn serve(certificate: CertificateDer<'static>, key: PrivateKeyDer<'static>) -> u16 {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let service = service_fn(|_| async {
                    Ok::<_, std::convert::Infallible>(Response::new(Full::new(Bytes::from_static(b"{}"))))
                });
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    port
}

fn transport(port: u16, ca_file: &std::path::Path) -> Transport {
    let entry = format!(
        "adapter = \"portal\"\nendpoints.portal = \"https://localhost:{port}\"\nca_file = \"{}\"",
        ca_file.display()
    );
    Transport::new(&toml::from_str::<Peer>(&entry).unwrap()).unwrap()
}

fn ask() -> Signed {
    Signed::new(Ask {
        method: "POST".to_owned(),
        path: "/mapi/g".to_owned(),
        query: Vec::new(),
        headers: Vec::new(),
        body: Body(b"{}".to_vec()),
    })
}

#[tokio::test]
async fn only_the_configured_authority_is_trusted() {
    let (ca, certificate, key) = authority();
    let (other_ca, _, _) = authority();
    let folder = tempfile::tempdir().unwrap();
    let (trusted, other) = (folder.path().join("ca.pem"), folder.path().join("other.pem"));
    std::fs::write(&trusted, ca).unwrap();
    std::fs::write(&other, other_ca).unwrap();
    let port = serve(certificate, key).await;

    let answer = transport(port, &trusted).call("portal", &ask(), &Vec::new()).await.unwrap();
    assert_eq!((answer.status, answer.body.0.as_slice()), (200, b"{}".as_slice()));

    match transport(port, &other).call("portal", &ask(), &Vec::new()).await {
        Err(Failure::NotSent(reason)) => assert!(reason.contains("certificate"), "{reason}"),
        other => panic!("a foreign authority was trusted: {other:?}"),
    }
}

#[test]
fn https_without_an_authority_is_a_defect() {
    let peer: Peer =
        toml::from_str("adapter = \"portal\"\nendpoints.portal = \"https://localhost:1\"").unwrap();
    assert!(Transport::new(&peer).err().unwrap().contains("ca_file"));
}
