//! The authorities that the options name.

use std::fmt;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::CertificateDer;

use super::pem::{Pem, certificates, malformed};
use super::renewed::Renewed;
use crate::error::Result;

/// Whom to trust, read again when their file has changed.
pub(crate) struct Authorities(Renewed<Trusted, 1>);

/// Some certificates, and what verifies servers by them.
pub(crate) struct Trusted {
    #[cfg_attr(not(feature = "client"), allow(dead_code, reason = "only its tokens need them"))]
    pub(crate) certificates: Vec<CertificateDer<'static>>,
    pub(super) verifier: Arc<WebPkiServerVerifier>,
}

impl Authorities {
    pub(super) fn new(ca: Pem) -> Result<Self> {
        Renewed::new([ca], |[ca]| trusted(ca)).map(Self)
    }

    /// As they are now.
    pub(crate) fn current(&self) -> Arc<Trusted> {
        self.0.current()
    }
}

fn trusted(ca: &Pem) -> Result<Trusted> {
    let certificates = certificates(ca)?;
    let mut roots = RootCertStore::empty();
    for certificate in &certificates {
        let added = roots.add(certificate.clone());
        added.map_err(|error| malformed(&ca.option, &error.to_string()))?;
    }
    let provider = Arc::new(default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| malformed(&ca.option, &error.to_string()))?;
    Ok(Trusted { certificates, verifier })
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Authorities").field(&self.0.option()).finish()
    }
}
