//! Certificates and their keys, read from PEM files: who signed, in which names, until when. Judging them is rustls's work.

use std::path::Path;
use std::sync::Arc;

use gateway_core::ids::Moment;
use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// The one provider of cryptography.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The certificates of a file, at least one.
pub fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let unreadable = |error: rustls_pki_types::pem::Error| format!("{}: {error}", path.display());
    let found: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(|pems| pems.collect::<Result<_, _>>())
        .map_err(unreadable)?;
    if found.is_empty() { Err(format!("{}: holds no certificate", path.display())) } else { Ok(found) }
}

/// The authorities of a file, and nobody else.
pub fn authorities(path: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in read(path)? {
        roots.add(certificate).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(roots)
}

/// The revocation lists of a file, at least one.
pub fn revocations(path: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, String> {
    let unreadable = |error: rustls_pki_types::pem::Error| format!("{}: {error}", path.display());
    let found: Vec<_> = CertificateRevocationListDer::pem_file_iter(path)
        .and_then(|pems| pems.collect::<Result<_, _>>())
        .map_err(unreadable)?;
    if found.is_empty() { Err(format!("{}: holds no revocation list", path.display())) } else { Ok(found) }
}

/// A certificate of ours with its key; an error if the two do not belong together.
pub fn own(certificate_file: &Path, key_file: &Path) -> Result<CertifiedKey, String> {
    let chain = read(certificate_file)?;
    let key =
        PrivateKeyDer::from_pem_file(key_file).map_err(|error| format!("{}: {error}", key_file.display()))?;
    CertifiedKey::from_der(chain, key, &provider())
        .map_err(|error| format!("{} with {}: {error}", certificate_file.display(), key_file.display()))
}

/// The moment after which the first certificate of a chain is good for nothing; none if it cannot be read.
pub fn ends(chain: &[CertificateDer]) -> Option<Moment> {
    let ends = |der: &CertificateDer| {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        Some(Moment::from_millis(certificate.validity().not_after.timestamp().saturating_mul(1000)))
    };
    chain.iter().filter_map(ends).min()
}

/// Was this certificate made out to one of these names? Looked for among its alternative names, and in its common name, because
/// authorities of ministries still write nothing else.
pub fn is_in_name(certificate: &CertificateDer, wanted: &[String]) -> bool {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { return false };
    let is_wanted = |name: &str| wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case(name));
    let alternative = certificate.subject_alternative_name().ok().flatten();
    let among_alternatives =
        alternative.iter().flat_map(|names| &names.value.general_names).any(|name| match name {
            GeneralName::DNSName(name) | GeneralName::RFC822Name(name) | GeneralName::URI(name) => {
                is_wanted(name)
            }
            _ => false,
        });
    let common = || certificate.subject().iter_common_name().any(|name| name.as_str().is_ok_and(is_wanted));
    among_alternatives || common()
}
