//! Who one is: a certificate and its key, read again when their files have changed.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::crypto::ring::default_provider;
use rustls::sign::CertifiedKey;

use super::pem::{Pem, certificates, malformed, private_key};
use crate::error::{Error, ErrorCode, Result};

/// A certificate and its key: shown to servers that ask for one, and what tokens are signed with.
///
/// Files are looked at whenever the identity is asked for, and read when they have changed. While the
/// two do not fit each other, as in the middle of a renewal, the identity is what it was before.
pub(crate) struct Identity {
    cert: Pem,
    key: Pem,
    state: Mutex<State>,
}

struct State {
    current: Arc<CertifiedKey>,
    seen: Stamps,
}

/// What tells one state of the two files from another.
type Stamps = [Option<(SystemTime, u64)>; 2];

impl Identity {
    pub(super) fn new(cert: Pem, key: Pem) -> Result<Self> {
        let seen = stamps(&cert, &key);
        let current = Arc::new(certified(&cert, &key)?);
        Ok(Self { cert, key, state: Mutex::new(State { current, seen }) })
    }

    /// The certificates, leaf first, and the key that belongs to the leaf. Reads files that have
    /// changed, which are short.
    pub(crate) fn current(&self) -> Arc<CertifiedKey> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = stamps(&self.cert, &self.key);
        if now != state.seen {
            state.seen = now;
            match self.read_again() {
                Ok(renewed) => {
                    tracing::info!("the certificate was renewed");
                    state.current = Arc::new(renewed);
                }
                Err(error) => {
                    tracing::warn!(%error, "a changed certificate cannot be used yet; the old one stays");
                }
            }
        }
        state.current.clone()
    }

    fn read_again(&self) -> Result<CertifiedKey> {
        let unreadable = |option: &str, error: io::Error| malformed(option, &error.to_string());
        let again =
            |pem: &Pem| pem.again().transpose().map_err(|error| unreadable(&pem.option, error));
        let (cert, key) = (again(&self.cert)?, again(&self.key)?);
        certified(cert.as_ref().unwrap_or(&self.cert), key.as_ref().unwrap_or(&self.key))
    }
}

fn stamps(cert: &Pem, key: &Pem) -> Stamps {
    let stamp = |file: &PathBuf| {
        let metadata = std::fs::metadata(file).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    };
    [cert.file().and_then(stamp), key.file().and_then(stamp)]
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
        f.debug_struct("Identity").field("cert", &self.cert.option).finish_non_exhaustive()
    }
}
