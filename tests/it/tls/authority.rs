//! Authorities of the tests and what they sign.

use std::path::PathBuf;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer, KeyIdMethod,
    KeyPair, RevokedCertParams,
};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// An authority with a folder for what it signs.
pub struct Authority {
    pub(super) folder: tempfile::TempDir,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, as files.
#[derive(Clone)]
pub struct Pair {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Authority {
    pub fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        // As each authority has a name of its own; revocation lists are found by it.
        let name: String = key.public_key_raw().iter().map(|byte| format!("{byte:02x}")).take(20).collect();
        params.distinguished_name.push(DnType::CommonName, name);
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        Authority { folder, issuer: Issuer::new(params, key) }
    }

    /// Its own certificate.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A certificate in this name, good for so many days of December of the tests' year.
    pub fn sign(&self, name: &str, last_day: u8) -> Pair {
        self.sign_in(2046, name, last_day)
    }

    /// The same for December of that year.
    pub fn sign_in(&self, year: i32, name: &str, last_day: u8) -> Pair {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(year, 12, last_day);
        params.serial_number = Some(u64::from(last_day).into());
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let path = |end: &str| self.folder.path().join(format!("{name}-{year}-{last_day}.{end}"));
        let pair = Pair { certificate: path("pem"), key: path("key") };
        std::fs::write(&pair.certificate, certificate.pem()).unwrap();
        std::fs::write(&pair.key, key.serialize_pem()).unwrap();
        pair
    }

    /// Its revocation list as a file: all certificates whose last day is one of these.
    pub fn revoke(&self, last_days: &[u8]) -> PathBuf {
        let day = rcgen::date_time_ymd(2026, 11, 1);
        let revoked = last_days.iter().map(|last_day| RevokedCertParams {
            serial_number: u64::from(*last_day).into(),
            revocation_time: day,
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: day,
            next_update: rcgen::date_time_ymd(2026, 11, 2),
            crl_number: (last_days.len() as u64 + 1).into(),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let path = self.folder.path().join("crl.pem");
        std::fs::write(&path, list.signed_by(&self.issuer).unwrap().pem().unwrap()).unwrap();
        path
    }
}

impl Pair {
    pub fn read(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let chain = CertificateDer::pem_file_iter(&self.certificate).unwrap().map(Result::unwrap).collect();
        (chain, PrivateKeyDer::from_pem_file(&self.key).unwrap())
    }

    /// The line of the configuration that makes the gateway listen with it.
    pub fn listens(&self) -> String {
        let (certificate, key) = (self.certificate.display(), self.key.display());
        format!(
            "tls = {{ listen = \"127.0.0.1:0\", certificate_file = \"{certificate}\", key_file = \"{key}\" }}"
        )
    }
}
