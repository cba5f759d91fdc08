//! Waiting for what drivers answer on the embedded stream.

use std::time::Duration;

use futures_util::StreamExt;
use serde_json::Value;
use tokio::time::timeout;

use super::control_plane::{EmbeddedControlPlane, wait};
use crate::error::Result;

impl EmbeddedControlPlane {
    /// Holds the thread until a run has so many [results](Self::results), for so long at most. Nothing when
    /// they do not come in time.
    ///
    /// # Errors
    /// As [`results`](Self::results); `Internal` when the system gives no runtime.
    pub fn wait_results(
        &self,
        run: &str,
        count: usize,
        most: Duration,
    ) -> Result<Option<Vec<Value>>> {
        const LONG: Duration = Duration::from_secs(30 * 86_400);
        wait(async {
            let mut published = self.watch_results().await?;
            let enough = async {
                loop {
                    let results = self.results(run)?;
                    if results.len() >= count {
                        return Ok(results);
                    }
                    published.next().await;
                }
            };
            match timeout(most.min(LONG), enough).await {
                Ok(results) => results.map(Some),
                Err(_elapsed) => Ok(None),
            }
        })
    }
}
