//! The token at hand: kept while it is fresh, made anew before it ends and when its certificate was
//! renewed.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::sign::CertifiedKey;

use super::token::Token;
use crate::clock::unix_nanos;
use crate::error::Result;
use crate::tls::{Authorities, Identity};

/// How long one token is used: long before it ends, for requests that take a while and clocks that are
/// ahead.
const USED_FOR: Duration = Duration::from_secs(60);

/// Makes tokens of one identity.
pub(super) struct Tokens {
    identity: Arc<Identity>,
    authorities: Option<Arc<Authorities>>,
    last: Mutex<Option<Made>>,
}

struct Made {
    token: Token,
    signer: Arc<CertifiedKey>,
    /// Since 1970.
    at: Duration,
}

impl Tokens {
    pub(super) const fn new(
        identity: Arc<Identity>,
        authorities: Option<Arc<Authorities>>,
    ) -> Self {
        Self { identity, authorities, last: Mutex::new(None) }
    }

    /// A token that is good for a while.
    ///
    /// # Errors
    /// `Unsupported` for a kind of key that the server does not take.
    pub(super) fn token(&self) -> Result<Token> {
        self.token_at(Duration::from_nanos(unix_nanos()))
    }

    fn token_at(&self, now: Duration) -> Result<Token> {
        let signer = self.identity.current();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = &*last
            && Arc::ptr_eq(&made.signer, &signer)
            // A clock that was set back is no reason to trust the age.
            && now.checked_sub(made.at).is_some_and(|age| age < USED_FOR)
        {
            return Ok(made.token.clone());
        }
        let trusted = self.authorities.as_deref().map(Authorities::current);
        let certificates = trusted.as_ref().map_or(&[][..], |trusted| &trusted.certificates);
        let token = Token::sign(&signer, certificates, now)?;
        *last = Some(Made { token: token.clone(), signer, at: now });
        Ok(token)
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("identity", &self.identity).finish_non_exhaustive()
    }
}
