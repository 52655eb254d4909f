//! TLS at the listener: our certificate, and whose the caller's is.
//!
//! A client certificate is asked for and not demanded: who has none may still bring a key. One that is shown must come from one of
//! the peers' own authorities, or there is no connection; then it is the certificate of the peer whose authority
//! signed it, and of no other. Everything is read from files that may change while the gateway runs: a new connection
//! sees the new ones, an open one goes on, and whose its certificate is is judged anew. Who was revoked is nobody's any more: that is
//! judged peer by peer and not at the handshake, because lists are found by an authority's name, and two may have the same.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gateway_core::ids::{Moment, PeerName};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::SingleCertAndKey;
use rustls::time_provider::TimeProvider;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};

use crate::certificates;
use crate::clock::Clock;
use crate::config::Config;
use crate::config::door::{Proof, Tls};
use crate::watched::Watched;

/// A certificate that was judged so long ago is judged again: it may have ended meanwhile.
const JUDGED_FOR_MS: i64 = 60_000;

/// What the listener needs for TLS.
pub struct DoorTls(Watched<Material>);

struct Material {
    config: Arc<ServerConfig>,
    judges: Vec<Judge>,
    ends: Option<Moment>,
}

/// What makes a certificate one of this peer.
struct Judge {
    peer: PeerName,
    authority: Arc<dyn ClientCertVerifier>,
    names: Vec<String>,
}

impl DoorTls {
    /// Reads all files; the error names the one that cannot be used.
    pub fn new(tls: &Tls, config: &Config, clock: &Clock) -> Result<Self, String> {
        let by_certificate = config.peers.iter().filter(|(_, peer)| peer.door.accepts(Proof::Certificate));
        let authorities: Vec<_> = by_certificate
            .filter_map(|(name, peer)| {
                let file = peer.door.client_ca_file.clone()?;
                let names = peer.door.client_names.clone();
                Some((PeerName::from(name.as_str()), file, peer.door.client_crl_file.clone(), names))
            })
            .collect();
        let mut files = vec![tls.certificate_file.clone(), tls.key_file.clone()];
        files.extend(
            authorities.iter().flat_map(|(_, file, crl, _)| [Some(file), crl.as_ref()]).flatten().cloned(),
        );
        let (tls, clock) = (tls.clone(), clock.clone());
        let load = move || {
            let mut judges = Vec::new();
            let mut all = RootCertStore::empty();
            for (peer, file, crl, names) in &authorities {
                let roots = certificates::authorities(file)?;
                let lists = crl.as_deref().map_or(Ok(Vec::new()), certificates::revocations)?;
                all.roots.extend(roots.roots.iter().cloned());
                let authority = verifier(roots, lists)?;
                judges.push(Judge { peer: peer.clone(), authority, names: names.clone() });
            }
            let own = certificates::own(&tls.certificate_file, &tls.key_file)?;
            let ends = certificates::ends(&own.cert);
            let config = server_config(own, all, &clock)?;
            Ok(Material { config: Arc::new(config), judges, ends })
        };
        Watched::new("certificates of the door", files, load).map(DoorTls)
    }

    /// As a connection that opens now needs it.
    pub(super) fn config(&self) -> Arc<ServerConfig> {
        self.0.get().1.config.clone()
    }

    /// For how long the files as they are now could not be loaded; none if they are.
    pub fn failing_for(&self) -> Option<Duration> {
        self.0.failing_for()
    }

    /// When our certificate ends.
    pub fn ends(&self) -> Option<Moment> {
        self.0.get().1.ends
    }
}

/// Trusts these authorities but for what their lists name. Whoever stands on no list is good, also one whose authority has none: then
/// a list that is late keeps nobody outside.
fn verifier(
    roots: RootCertStore,
    revoked: Vec<CertificateRevocationListDer<'static>>,
) -> Result<Arc<dyn ClientCertVerifier>, String> {
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), certificates::provider())
        .with_crls(revoked)
        .allow_unknown_revocation_status()
        .allow_unauthenticated()
        .build()
        .map_err(|error| error.to_string())
}

fn server_config(
    own: rustls::sign::CertifiedKey,
    authorities: RootCertStore,
    clock: &Clock,
) -> Result<ServerConfig, String> {
    let time = Arc::new(Time(clock.clone()));
    let builder = ServerConfig::builder_with_details(certificates::provider(), time)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let builder = match authorities.is_empty() {
        true => builder.with_no_client_auth(),
        false => builder.with_client_cert_verifier(verifier(authorities, Vec::new())?),
    };
    let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(own)));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// The gateway's clock, for certificates too.
#[derive(Clone)]
struct Time(Clock);

impl std::fmt::Debug for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Time")
    }
}

impl TimeProvider for Time {
    fn current_time(&self) -> Option<UnixTime> {
        Some(unix(self.0.now()))
    }
}

fn unix(at: Moment) -> UnixTime {
    let since = std::time::Duration::from_millis(u64::try_from(at.as_millis()).unwrap_or_default());
    UnixTime::since_unix_epoch(since)
}

/// A certificate that a caller has shown at its handshake, with the chain it sent along.
pub(crate) struct Shown {
    chain: Vec<CertificateDer<'static>>,
    judged: Mutex<Option<Judged>>,
}

struct Judged {
    version: u64,
    at: Moment,
    peers: Vec<PeerName>,
}

impl Shown {
    pub(super) fn new(chain: Vec<CertificateDer<'static>>) -> Self {
        Shown { chain, judged: Mutex::new(None) }
    }

    /// The peers whose certificate this is, by the authorities as they are now: one, unless two peers share an authority.
    pub(super) fn whose(&self, tls: &DoorTls, now: Moment) -> Vec<PeerName> {
        let (version, material) = tls.0.get();
        let mut judged = self.judged.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*judged
            && known.version == version
            && (0..JUDGED_FOR_MS).contains(&now.millis_since(known.at))
        {
            return known.peers.clone();
        }
        let Some((first, others)) = self.chain.split_first() else { return Vec::new() };
        let signed = |judge: &&Judge| judge.authority.verify_client_cert(first, others, unix(now)).is_ok();
        let named = |judge: &&Judge| judge.names.is_empty() || certificates::is_in_name(first, &judge.names);
        let peers: Vec<PeerName> =
            material.judges.iter().filter(signed).filter(named).map(|judge| judge.peer.clone()).collect();
        *judged = Some(Judged { version, at: now, peers: peers.clone() });
        peers
    }
}
