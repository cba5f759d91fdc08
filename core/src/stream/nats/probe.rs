//! Whether a server that can be reached can also be used.

use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

use super::error::{ApiError, Failure};
use super::session::Session;
use crate::error::{Error, ErrorCode, Result};

/// The first version that knows `filter_subjects`. Older ones ignore the field and would deliver
/// every driver's messages.
const NEEDED: (u64, u64) = (2, 10);
/// A server in a cluster may learn late that another one answers JetStream requests.
const CLUSTER_GRACE: Duration = Duration::from_secs(2);

/// Fails for a server that is too old. A version that cannot be read passes.
pub(super) fn version(found: &str) -> Result<()> {
    let mut parts = found.trim_start_matches('v').split('.').map(str::parse::<u64>);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) if (major, minor) < NEEDED => {
            Err(Error::new(ErrorCode::Unsupported, "the NATS server is too old")
                .with_context("found", found)
                .with_context("needed", format_args!("{}.{}", NEEDED.0, NEEDED.1)))
        }
        _ => Ok(()),
    }
}

/// Fails when JetStream does not answer for this account.
pub(super) async fn jetstream(session: &Session) -> Result<(), Failure> {
    const SUBJECT: &str = "$JS.API.INFO";
    #[derive(Deserialize)]
    struct Answer {
        error: Option<ApiError>,
    }
    let until = Instant::now() + CLUSTER_GRACE;
    loop {
        let reply = match session.request(SUBJECT, Vec::new()).await {
            Ok(reply) => reply,
            // An account may be allowed all that a driver needs, and not this.
            Err(error) if error.code() == ErrorCode::PermissionDenied => return Ok(()),
            Err(error) => return Err(Failure::Passing(error)),
        };
        if reply.status.is_none() {
            let answer: Answer = serde_json::from_slice(&reply.payload)
                .map_err(|error| Failure::Passing(super::error::malformed(SUBJECT, error)))?;
            return match answer.error.map(|error| error.into_error(SUBJECT)) {
                None => Ok(()),
                Some(error) if error.code().retryable() => Err(Failure::Passing(error)),
                Some(error) => Err(Failure::Lasting(error)),
            };
        }
        if !session.may_learn_of_jetstream() || Instant::now() >= until {
            return Err(Failure::Lasting(Error::new(
                ErrorCode::Unsupported,
                "JetStream is not enabled",
            )));
        }
        tokio::time::sleep(CLUSTER_GRACE / 8).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_before_2_10_are_refused() {
        for old in ["2.9.25", "1.4.1", "v2.9.0", "2.9.25-RC.1"] {
            assert_eq!(version(old).expect_err(old).code(), ErrorCode::Unsupported);
        }
        for good in ["2.10.0", "2.10.0-beta.4", "2.15.1", "3.0.0", "dev", ""] {
            assert!(version(good).is_ok(), "{good}");
        }
    }
}
