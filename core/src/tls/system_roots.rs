//! The system's root certificates, read when a server first shows its own: most servers of a local
//! network never do, and reading them takes longer than all the rest of a start.

use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::crypto::CryptoProvider;
use rustls::{CertificateError, Error, RootCertStore};

/// The roots of the system.
#[derive(Debug, Default)]
pub(super) struct SystemRoots {
    /// Nothing when the system has none.
    verifier: OnceLock<Option<Arc<WebPkiServerVerifier>>>,
}

impl SystemRoots {
    /// What verifies servers by them.
    pub(super) fn verifier(
        &self,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<WebPkiServerVerifier>, Error> {
        let verifier = self.verifier.get_or_init(|| {
            let roots = Arc::new(read());
            WebPkiServerVerifier::builder_with_provider(roots, provider.clone())
                .build()
                .inspect_err(|error| tracing::warn!(%error, "the system has no root certificates"))
                .ok()
        });
        verifier.clone().ok_or_else(|| CertificateError::UnknownIssuer.into())
    }
}

fn read() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for error in found.errors {
        tracing::debug!(%error, "a certificate of the system cannot be read");
    }
    roots.add_parsable_certificates(found.certs);
    roots
}
