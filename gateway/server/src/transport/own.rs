//! What we show of ourselves to a peer that wants to see it.

use std::sync::Arc;
use std::time::Duration;

use gateway_core::ids::Moment;
use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::sign::CertifiedKey;

use crate::certificates;
use crate::config::Peer;
use crate::watched::Watched;

/// Our certificate for a peer; a connection that opens after its files have changed shows the new one.
pub(super) struct OwnCertificate(Watched<(Arc<CertifiedKey>, Option<Moment>)>);

impl OwnCertificate {
    pub(super) fn of(peer: &Peer) -> Result<Option<Arc<Self>>, String> {
        let (Some(certificate), Some(key)) =
            (peer.client_certificate_file.clone(), peer.client_key_file.clone())
        else {
            return Ok(None);
        };
        let files = vec![certificate.clone(), key.clone()];
        let load = move || {
            let own = certificates::own(&certificate, &key)?;
            let ends = certificates::ends(&own.cert);
            Ok((Arc::new(own), ends))
        };
        let watched = Watched::new("client certificate", files, load)
            .map_err(|error| format!("client_certificate_file {error}"))?;
        Ok(Some(Arc::new(OwnCertificate(watched))))
    }

    /// When it ends; none if it does not say.
    pub(super) fn ends(&self) -> Option<Moment> {
        self.0.get().1.1
    }

    /// For how long it could not be loaded anew; none if it is as its files say.
    pub(super) fn failing_for(&self) -> Option<Duration> {
        self.0.failing_for()
    }
}

impl std::fmt::Debug for OwnCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OwnCertificate")
    }
}

impl ResolvesClientCert for OwnCertificate {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.0.get().1.0.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}
