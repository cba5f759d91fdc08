//! The process that something was started in.

use crate::error::{Error, ErrorCode, Result};

/// Remembers a process, to notice that this one is a fork of it: a fork has none of its threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HomeProcess(u32);

impl HomeProcess {
    /// This process.
    #[must_use]
    pub fn here() -> Self {
        Self(std::process::id())
    }

    /// Whether this still is the process.
    #[must_use]
    pub fn is_here(self) -> bool {
        self == Self::here()
    }

    /// Nothing in the process itself.
    ///
    /// # Errors
    /// `Forked` in any other.
    pub fn check(self) -> Result<()> {
        if self.is_here() {
            return Ok(());
        }
        let advice = "this was started before the fork: start a new one after it, or start the \
                      child anew (spawn)";
        Err(Error::new(ErrorCode::Forked, advice)
            .with_context("started_in_process", self.0)
            .with_context("this_process", std::process::id()))
    }
}
