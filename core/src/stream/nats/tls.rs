//! The TLS configuration, from PEM text in memory or from PEM files.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::error::{Error, ErrorCode, Result};
use crate::options::{Faults, TlsOptions};

use super::system_roots::SystemRoots;

/// PEM text, and the option it came from.
struct Pem {
    option: String,
    text: Vec<u8>,
}

/// The texts the options name, read but not yet understood.
#[derive(Default)]
pub(super) struct TlsTexts {
    ca: Option<Pem>,
    cert: Option<Pem>,
    key: Option<Pem>,
}

/// Reads the files; notes a fault for each that cannot be read. Blocks.
pub(super) fn read(options: &TlsOptions, path: &str, faults: &mut Faults) -> TlsTexts {
    let mut pem = |name: &str, text: Option<&str>, file: Option<&PathBuf>| {
        if let Some(text) = text {
            return Some(Pem { option: format!("{path}.{name}"), text: text.as_bytes().to_vec() });
        }
        let option = format!("{path}.{name}_file");
        match std::fs::read(file?) {
            Ok(text) => Some(Pem { option, text }),
            Err(error) => {
                faults.add(option, format_args!("cannot be read: {error}"));
                None
            }
        }
    };
    TlsTexts {
        ca: pem("ca", options.ca.as_deref(), options.ca_file.as_ref()),
        cert: pem("cert", options.cert.as_deref(), options.cert_file.as_ref()),
        key: pem("key", options.key.as_ref().map(|key| key.reveal()), options.key_file.as_ref()),
    }
}

/// A configuration that always verifies the server.
pub(super) fn client_config(texts: &TlsTexts) -> Result<ClientConfig> {
    // Named, so that no other crate's choice of a provider in this process matters.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| {
            Error::new(ErrorCode::TlsFailed, "TLS cannot be set up").with_source(error)
        })?;
    let builder = match &texts.ca {
        Some(ca) => builder.with_root_certificates(given_roots(ca)?),
        None => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(SystemRoots::new(provider))),
    };
    let (Some(cert), Some(key)) = (&texts.cert, &texts.key) else {
        return Ok(builder.with_no_client_auth());
    };
    let chain = certificates(cert)?;
    // The cause is left out: what stands in a key must not reach a message.
    let private = PrivateKeyDer::from_pem_slice(&key.text)
        .map_err(|_| malformed(&key.option, "holds no private key in PEM form"))?;
    builder
        .with_client_auth_cert(chain, private)
        .map_err(|_| malformed(&key.option, "is not a key for the certificate"))
}

fn given_roots(ca: &Pem) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(ca)? {
        roots.add(certificate).map_err(|error| malformed(&ca.option, &error.to_string()))?;
    }
    Ok(roots)
}

fn certificates(pem: &Pem) -> Result<Vec<CertificateDer<'static>>> {
    let found = CertificateDer::pem_slice_iter(&pem.text)
        .collect::<std::result::Result<Vec<_>, _>>()
        .map_err(|error| malformed(&pem.option, &error.to_string()))?;
    if found.is_empty() {
        return Err(malformed(&pem.option, "holds no certificate in PEM form"));
    }
    Ok(found)
}

fn malformed(option: &str, reason: &str) -> Error {
    Error::new(ErrorCode::TlsFailed, "a certificate or key in the options cannot be used")
        .with_context(option, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(options: &TlsOptions) -> Result<ClientConfig> {
        let mut faults = Faults::default();
        let texts = read(options, "connection.tls", &mut faults);
        faults.into_result()?;
        client_config(&texts)
    }

    fn fault(options: &TlsOptions) -> (ErrorCode, String) {
        let error = config(options).expect_err("a fault");
        (error.code(), error.context()[0].0.clone())
    }

    #[test]
    fn faults_name_their_option() {
        let missing = TlsOptions { ca_file: Some("/no/such/ca.pem".into()), ..Default::default() };
        assert_eq!(
            fault(&missing),
            (ErrorCode::OptionsInvalid, "connection.tls.ca_file".to_owned())
        );
        let empty = TlsOptions { ca: Some("no pem".into()), ..Default::default() };
        assert_eq!(fault(&empty), (ErrorCode::TlsFailed, "connection.tls.ca".to_owned()));
        let broken = TlsOptions {
            ca: Some("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n".into()),
            ..Default::default()
        };
        assert_eq!(fault(&broken), (ErrorCode::TlsFailed, "connection.tls.ca".to_owned()));
    }
}
