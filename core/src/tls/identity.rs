//! Who one is: a certificate and its key.

use std::fmt;
use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::crypto::ring::default_provider;
use rustls::sign::CertifiedKey;

use super::pem::{Pem, certificates, malformed, private_key};
use super::renewed::Renewed;
use crate::error::{Error, ErrorCode, Result};

/// A certificate and its key: shown to servers that ask for one, and what tokens are signed with.
pub(crate) struct Identity(Renewed<CertifiedKey, 2>);

impl Identity {
    pub(super) fn new(cert: Pem, key: Pem) -> Result<Self> {
        Renewed::new([cert, key], |[cert, key]| certified(cert, key)).map(Self)
    }

    /// The certificates, leaf first, and the key that belongs to the leaf.
    pub(crate) fn current(&self) -> Arc<CertifiedKey> {
        self.0.current()
    }
}

fn certified(cert: &Pem, key: &Pem) -> Result<CertifiedKey> {
    let chain = certificates(cert)?;
    let private = private_key(key)?;
    if let Some(kind) = unsupported(private.secret_der()) {
        return Err(Error::new(ErrorCode::Unsupported, format!("keys of {kind} cannot be used"))
            .with_context(&key.option, "use RSA, P-256 or P-384"));
    }
    CertifiedKey::from_der(chain, private, &default_provider())
        .map_err(|_| malformed(&key.option, "is not a key for the certificate"))
}

/// The kind of a key that the library cannot sign with, by the name of its curve in the key.
fn unsupported(key: &[u8]) -> Option<&'static str> {
    const SECP521R1: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23];
    const SECP256K1: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a];
    [(SECP521R1, "the curve P-521"), (SECP256K1, "the curve secp256k1")]
        .into_iter()
        .find(|(name, _)| key.windows(name.len()).any(|part| part == *name))
        .map(|(_, kind)| kind)
}

impl ResolvesClientCert for Identity {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Identity").field(&self.0.option()).finish()
    }
}
