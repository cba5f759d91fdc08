//! One token: a statement, signed with the key of a certificate, that this certificate's owner asks.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::digest::{SHA256, digest};
use rustls::SignatureScheme;
use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;
use serde_json::json;

use crate::error::{Error, ErrorCode, Result};

/// How far a token is dated back: the server takes none that its own clock calls future.
const DATED_BACK: Duration = Duration::from_secs(60);
/// How long a token is good for.
const GOOD_FOR: Duration = Duration::from_secs(120);

/// The algorithms the server takes, as TLS and as tokens name them, with the bytes of each half of the
/// signature; none where it is one number.
const ALGORITHMS: [(SignatureScheme, &str, Option<usize>); 3] = [
    (SignatureScheme::RSA_PKCS1_SHA256, "RS256", None),
    (SignatureScheme::ECDSA_NISTP256_SHA256, "ES256", Some(32)),
    (SignatureScheme::ECDSA_NISTP384_SHA384, "ES384", Some(48)),
];

/// A signed token. Whoever has it can speak for its owner until it ends.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Token(String);

impl Token {
    /// Signs a token. Of the chain, certificates that the server has as authorities are left out: some
    /// servers take no more than 4 KiB of headers.
    ///
    /// # Errors
    /// `Unsupported` for a kind of key that the server does not take, `Internal` when the key does not
    /// sign.
    pub(super) fn sign(
        identity: &CertifiedKey,
        authorities: &[CertificateDer<'static>],
        since_epoch: Duration,
    ) -> Result<Self> {
        let unsupported = || {
            Error::new(ErrorCode::Unsupported, "the API takes no tokens signed with such a key")
                .with_context("use", "RSA, P-256 or P-384")
        };
        let schemes = ALGORITHMS.map(|(scheme, ..)| scheme);
        let signer = identity.key.choose_scheme(&schemes).ok_or_else(unsupported)?;
        let (_, algorithm, half) = ALGORITHMS
            .into_iter()
            .find(|(scheme, ..)| *scheme == signer.scheme())
            .ok_or_else(unsupported)?;

        let [leaf, others @ ..] = identity.cert.as_slice() else { return Err(unsupported()) };
        let others = others.iter().filter(|certificate| !authorities.contains(certificate));
        let chain: Vec<_> =
            std::iter::once(leaf).chain(others).map(|der| STANDARD.encode(der)).collect();
        let header = json!({"alg": algorithm, "typ": "JWT", "x5c": chain});

        let claims = json!({
            "iat": since_epoch.saturating_sub(DATED_BACK).as_secs(),
            "exp": (since_epoch + GOOD_FOR).as_secs(),
            "cnf": {"x5t#S256": URL_SAFE_NO_PAD.encode(digest(&SHA256, leaf))},
        });
        let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let mut text = format!("{}.{}", part(&header), part(&claims));

        let broken = || Error::new(ErrorCode::Internal, "the key gives no signature");
        let signature = signer.sign(text.as_bytes()).map_err(|_| broken())?;
        let signature = match half {
            None => signature,
            Some(half) => halves(&signature, half).ok_or_else(broken)?,
        };
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut text);
        Ok(Self(text))
    }

    /// What stands in the header `Authorization`.
    pub(super) fn bearer(&self) -> String {
        format!("Bearer {}", self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// TLS writes a signature of an elliptic curve as a DER sequence of two integers, tokens as two numbers
/// of a fixed length.
fn halves(der: &[u8], half: usize) -> Option<Vec<u8>> {
    let (r, s) = {
        let body = value(der, 0x30)?.0;
        let (r, rest) = value(body, 0x02)?;
        (r, value(rest, 0x02)?.0)
    };
    let mut out = Vec::with_capacity(2 * half);
    for number in [r, s] {
        let first = number.iter().position(|byte| *byte != 0).unwrap_or(number.len());
        let digits = &number[first..];
        out.resize(out.len() + half.checked_sub(digits.len())?, 0);
        out.extend_from_slice(digits);
    }
    Some(out)
}

/// The value of a DER element with this tag, and what comes after it.
fn value(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let [found, length, rest @ ..] = der else { return None };
    // Signatures of these curves are shorter than 128 bytes.
    if *found != tag || *length >= 0x80 {
        return None;
    }
    rest.split_at_checked(usize::from(*length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn integer(number: &[u8]) -> Vec<u8> {
        let first = number.iter().position(|byte| *byte != 0).unwrap_or(number.len() - 1);
        let mut digits = number[first..].to_vec();
        if digits[0] >= 0x80 {
            digits.insert(0, 0);
        }
        [&[0x02, u8::try_from(digits.len()).unwrap()], digits.as_slice()].concat()
    }

    proptest! {
        #[test]
        fn halves_are_what_the_sequence_holds(
            r in proptest::collection::vec(any::<u8>(), 48),
            s in proptest::collection::vec(any::<u8>(), 48),
            zeros in 0..48_usize,
        ) {
            let mut r = r;
            r[..zeros].fill(0);
            let body = [integer(&r), integer(&s)].concat();
            let der = [&[0x30, u8::try_from(body.len()).unwrap()], body.as_slice()].concat();
            prop_assert_eq!(halves(&der, 48), Some([r, s].concat()));
        }

        #[test]
        fn any_bytes_get_a_verdict(der in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _verdict = halves(&der, 32);
        }
    }
}
