//! Certificates made for one test.

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    date_time_ymd,
};

/// Who signs certificates.
#[derive(Debug)]
pub struct Authority {
    /// Its own certificate.
    pub pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, as PEM text.
#[derive(Debug)]
pub struct Identity {
    /// The certificate.
    pub cert: String,
    /// Its key.
    pub key: String,
}

/// What a certificate may be used for.
pub use rcgen::ExtendedKeyUsagePurpose as Usage;

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// A new one.
    #[must_use]
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let params = authority();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// An authority below this one.
    #[must_use]
    pub fn intermediate(&self) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = authority();
        params.distinguished_name.push(rcgen::DnType::CommonName, "between");
        let pem = params.signed_by(&key, &self.issuer).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// A certificate for a server on this host.
    #[must_use]
    pub fn server(&self, host: &str) -> Identity {
        self.issue(host, |_| {})
    }

    /// One that is over.
    #[must_use]
    pub fn expired_server(&self, host: &str) -> Identity {
        self.issue(host, |params| {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2021, 1, 1);
        })
    }

    /// A certificate for a client and nothing else.
    #[must_use]
    pub fn client(&self) -> Identity {
        self.client_for(&[ExtendedKeyUsagePurpose::ClientAuth])
    }

    /// A certificate for these usages.
    #[must_use]
    pub fn client_for(&self, usages: &[Usage]) -> Identity {
        self.issue("client", |params| params.extended_key_usages = usages.to_vec())
    }

    /// A certificate for a key that exists.
    #[must_use]
    pub fn certify(&self, key: &KeyPair) -> String {
        let params = CertificateParams::new(["client".to_owned()]).unwrap();
        params.signed_by(key, &self.issuer).unwrap().pem()
    }

    fn issue(&self, host: &str, change: impl Fn(&mut CertificateParams)) -> Identity {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([host.to_owned()]).unwrap();
        change(&mut params);
        let cert = params.signed_by(&key, &self.issuer).unwrap().pem();
        Identity { cert, key: key.serialize_pem() }
    }
}

fn authority() -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

/// Writes a file and says where it is.
#[must_use]
pub fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let file = folder.join(name);
    std::fs::write(&file, text).unwrap();
    file
}
