//! PEM text, and where it came from.

use std::io;
use std::path::{Path, PathBuf};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::error::{Error, ErrorCode, Result};

/// PEM text, and the option it came from.
#[derive(Clone)]
pub(super) struct Pem {
    pub(super) option: String,
    text: Vec<u8>,
    file: Option<PathBuf>,
}

impl Pem {
    pub(super) fn of_text(option: String, text: &str) -> Self {
        Self { option, text: text.as_bytes().to_vec(), file: None }
    }

    pub(super) fn of_file(option: String, file: &Path) -> io::Result<Self> {
        Ok(Self { option, text: std::fs::read(file)?, file: Some(file.to_owned()) })
    }

    /// Takes what is in its file now, if it came from one.
    pub(super) fn read_again(&mut self) -> io::Result<()> {
        if let Some(file) = &self.file {
            self.text = std::fs::read(file)?;
        }
        Ok(())
    }

    pub(super) const fn file(&self) -> Option<&PathBuf> {
        self.file.as_ref()
    }
}

pub(super) fn certificates(pem: &Pem) -> Result<Vec<CertificateDer<'static>>> {
    let found = CertificateDer::pem_slice_iter(&pem.text)
        .collect::<std::result::Result<Vec<_>, _>>()
        .map_err(|error| malformed(&pem.option, &error.to_string()))?;
    if found.is_empty() {
        return Err(malformed(&pem.option, "holds no certificate in PEM form"));
    }
    Ok(found)
}

pub(super) fn private_key(pem: &Pem) -> Result<PrivateKeyDer<'static>> {
    // The cause is left out: what stands in a key must not reach a message.
    PrivateKeyDer::from_pem_slice(&pem.text)
        .map_err(|_| malformed(&pem.option, "holds no private key in PEM form"))
}

pub(super) fn malformed(option: &str, reason: &str) -> Error {
    Error::new(ErrorCode::TlsFailed, "a certificate or key in the options cannot be used")
        .with_context(option, reason)
}
