//! Options of TLS, and of the identity that is shown.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::fault::{Faults, at};
use super::secret::Secret;

/// Certificates, as PEM text or as paths of PEM files. The server's certificate is always verified.
///
/// Files are read again when they have changed, so that certificates can be renewed while a driver runs:
/// what is shown next, and what servers are verified by, is the new one.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
pub struct TlsOptions {
    /// The authorities to trust, as text. Default: those of the system.
    pub ca: Option<String>,
    /// The same, as a path. Environment: `CONVEYOR_TLS_CA`.
    pub ca_file: Option<PathBuf>,
    /// The certificate to show, as text, leaf first.
    pub cert: Option<String>,
    /// The same, as a path. Environment: `CONVEYOR_TLS_CERT`.
    pub cert_file: Option<PathBuf>,
    /// The private key of that certificate, as text.
    pub key: Option<Secret>,
    /// The same, as a path. Environment: `CONVEYOR_TLS_KEY`.
    pub key_file: Option<PathBuf>,
    /// Start TLS before the server says anything, as servers with `handshake_first` want it.
    pub first: bool,
}

impl TlsOptions {
    /// Whether anything was given, so that TLS is required.
    #[must_use]
    pub fn is_given(&self) -> bool {
        *self != Self::default()
    }

    /// These, and where they give no authority or no identity, that of the others.
    pub(super) fn or(mut self, others: &Self) -> Self {
        if self.ca.is_none() && self.ca_file.is_none() {
            self.ca.clone_from(&others.ca);
            self.ca_file.clone_from(&others.ca_file);
        }
        let identity = self.cert.is_some() || self.key.is_some();
        if !identity && self.cert_file.is_none() && self.key_file.is_none() {
            self.cert.clone_from(&others.cert);
            self.cert_file.clone_from(&others.cert_file);
            self.key.clone_from(&others.key);
            self.key_file.clone_from(&others.key_file);
        }
        self
    }

    /// Notes every fault, each path starting with `path`.
    pub(super) fn check(&self, path: &str, faults: &mut Faults) {
        for (name, text, file) in [
            ("ca", self.ca.is_some(), self.ca_file.is_some()),
            ("cert", self.cert.is_some(), self.cert_file.is_some()),
            ("key", self.key.is_some(), self.key_file.is_some()),
        ] {
            if text && file {
                faults.add(
                    at(path, &format!("{name}_file")),
                    format_args!("is given together with {name}; use one"),
                );
            }
        }
        let cert = self.cert.is_some() || self.cert_file.is_some();
        let key = self.key.is_some() || self.key_file.is_some();
        match (cert, key) {
            (true, false) => faults.add(at(path, "key"), "is missing for the certificate"),
            (false, true) => faults.add(at(path, "cert"), "is missing for the key"),
            _ => {}
        }
    }
}
