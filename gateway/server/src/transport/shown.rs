//! The certificate that a peer shows: when it ends is noted, so that somebody hears of it a month before; judging it is the library's work.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use gateway_core::ids::Moment;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::{DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::certificates;

/// When the certificate ends that was shown last; 0 while there was none.
#[derive(Debug, Default)]
pub(super) struct Shown(AtomicI64);

impl Shown {
    pub(super) fn ends(&self) -> Option<Moment> {
        let ends = self.0.load(Ordering::Relaxed);
        (ends != 0).then(|| Moment::from_millis(ends))
    }
}

/// Looks, and has the library judge by these authorities.
#[derive(Debug)]
struct Looking {
    judge: Arc<WebPkiServerVerifier>,
    shown: Arc<Shown>,
}

/// Trusts these authorities and nobody else.
pub(super) fn verifier(
    roots: RootCertStore,
    shown: Arc<Shown>,
) -> Result<Arc<dyn ServerCertVerifier>, String> {
    let judge = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), certificates::provider());
    let judge = judge.build().map_err(|error| error.to_string())?;
    Ok(Arc::new(Looking { judge, shown }))
}

impl ServerCertVerifier for Looking {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain: Vec<CertificateDer<'_>> = std::iter::once(own).chain(others).cloned().collect();
        if let Some(ends) = certificates::ends(&chain) {
            self.shown.0.store(ends.as_millis(), Ordering::Relaxed);
        }
        self.judge.verify_server_cert(own, others, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.judge.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.judge.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.judge.supported_verify_schemes()
    }
}
