//! TLS: whom to trust, and who one is; from PEM text in memory or from PEM files.

mod authorities;
mod identity;
mod pem;
mod renewed;
mod system_roots;
mod verifier;

use std::path::PathBuf;
use std::sync::Arc;

use rustls::ClientConfig;

use self::pem::Pem;
use self::system_roots::SystemRoots;
use self::verifier::{Roots, Verifier};
use crate::error::{Error, ErrorCode, Result};
use crate::options::{Faults, TlsOptions};

pub(crate) use self::authorities::Authorities;
pub(crate) use self::identity::Identity;

/// The texts the options name, read but not yet understood.
#[derive(Default)]
pub(crate) struct TlsTexts {
    ca: Option<Pem>,
    cert: Option<Pem>,
    key: Option<Pem>,
}

/// All that the options of TLS come to.
pub(crate) struct Tls {
    /// Verifies every server and shows the identity to those that ask.
    pub(crate) config: ClientConfig,
    #[cfg_attr(not(feature = "client"), allow(dead_code, reason = "only its tokens need it"))]
    pub(crate) identity: Option<Arc<Identity>>,
    /// The given authorities; none when those of the system count.
    #[cfg_attr(not(feature = "client"), allow(dead_code, reason = "only its tokens need them"))]
    pub(crate) authorities: Option<Arc<Authorities>>,
}

/// Reads the files; notes a fault for each that cannot be read. Blocks.
pub(crate) fn read(options: &TlsOptions, path: &str, faults: &mut Faults) -> TlsTexts {
    let mut pem = |name: &str, text: Option<&str>, file: Option<&PathBuf>| {
        if let Some(text) = text {
            return Some(Pem::of_text(format!("{path}.{name}"), text));
        }
        let option = format!("{path}.{name}_file");
        match Pem::of_file(option.clone(), file?) {
            Ok(pem) => Some(pem),
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

impl Tls {
    /// Understands the texts.
    ///
    /// # Errors
    /// `TlsFailed` when one of them is not what its option asks for, `Unsupported` when a key is of a
    /// kind that cannot be used.
    pub(crate) fn new(texts: TlsTexts) -> Result<Self> {
        // Named, so that no other crate's choice of a provider in this process matters.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| {
                Error::new(ErrorCode::TlsFailed, "TLS cannot be set up").with_source(error)
            })?;
        let authorities = texts.ca.map(Authorities::new).transpose()?.map(Arc::new);
        let roots = match &authorities {
            Some(authorities) => Roots::Given(authorities.clone()),
            None => Roots::System(SystemRoots::default()),
        };
        let builder = builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Verifier { provider, roots }));
        let identity = match (texts.cert, texts.key) {
            (Some(cert), Some(key)) => Some(Arc::new(Identity::new(cert, key)?)),
            _ => None,
        };
        let config = match &identity {
            Some(identity) => builder.with_client_cert_resolver(identity.clone()),
            None => builder.with_no_client_auth(),
        };
        Ok(Self { config, identity, authorities })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(options: &TlsOptions) -> Result<Tls> {
        let mut faults = Faults::default();
        let texts = read(options, "connection.tls", &mut faults);
        faults.into_result()?;
        Tls::new(texts)
    }

    fn fault(options: &TlsOptions) -> (ErrorCode, String) {
        let error = config(options).err().expect("a fault");
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
