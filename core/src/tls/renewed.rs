//! What was read from files, and is read again when they have changed.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::pem::{Pem, malformed};
use crate::error::Result;

/// What some texts say. Their files are looked at whenever it is asked for, and read when they have
/// changed. While they cannot be used, as in the middle of a renewal, it is what it was before.
pub(super) struct Renewed<T, const N: usize> {
    pems: [Pem; N],
    read: fn(&[Pem; N]) -> Result<T>,
    state: Mutex<State<T, N>>,
}

struct State<T, const N: usize> {
    current: Arc<T>,
    seen: [Stamp; N],
}

/// What tells one state of a file from another; nothing when there is none.
type Stamp = Option<(SystemTime, u64)>;

impl<T, const N: usize> Renewed<T, N> {
    /// # Errors
    /// Those of `read`.
    pub(super) fn new(pems: [Pem; N], read: fn(&[Pem; N]) -> Result<T>) -> Result<Self> {
        let seen = pems.each_ref().map(stamp);
        let current = Arc::new(read(&pems)?);
        Ok(Self { pems, read, state: Mutex::new(State { current, seen }) })
    }

    /// Reads files that have changed, which are short.
    pub(super) fn current(&self) -> Arc<T> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.pems.each_ref().map(stamp);
        if now != state.seen {
            state.seen = now;
            let option = self.option();
            match self.read_again() {
                Ok(renewed) => {
                    tracing::info!(option, "a certificate was renewed");
                    state.current = Arc::new(renewed);
                }
                Err(error) => {
                    tracing::warn!(
                        option, %error,
                        "a changed certificate cannot be used yet; the old one stays"
                    );
                }
            }
        }
        state.current.clone()
    }

    /// The option that the first text came from.
    pub(super) fn option(&self) -> &str {
        self.pems.first().map_or("", |pem| &pem.option)
    }

    fn read_again(&self) -> Result<T> {
        let mut pems = self.pems.clone();
        for pem in &mut pems {
            pem.read_again().map_err(|error| malformed(&pem.option, &error.to_string()))?;
        }
        (self.read)(&pems)
    }
}

fn stamp(pem: &Pem) -> Stamp {
    let stamp = |file: &PathBuf| {
        let metadata = std::fs::metadata(file).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    };
    pem.file().and_then(stamp)
}
