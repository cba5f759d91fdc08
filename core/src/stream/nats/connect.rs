//! From options to a connection that can be used.

use std::sync::Arc;
use std::time::Duration;

use async_nats::ConnectOptions;
use tokio::time::{Instant, timeout_at};

use super::error::{Failure, not_connected};
use super::link::Link;
use super::session::Session;
use super::{credentials, probe};
use crate::error::{Error, ErrorCode, Result};
use crate::options::{ConnectionOptions, Faults};
use crate::tls::{self, Tls};

/// Where the options stand in the runtime's documents.
const PATH: &str = "connection";
/// How long one server may take to answer a try to connect.
const TRY_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection that is silent for three of these is given up. Short against the ack wait, so that
/// runs are given back in time.
const PING_INTERVAL: Duration = Duration::from_secs(4);
const REMINDER: Duration = Duration::from_secs(30);
const FIRST_DELAY: Duration = Duration::from_millis(100);
const LAST_DELAY: Duration = Duration::from_secs(4);

/// Connects, waiting for a server that is not there yet.
pub(super) async fn connect(options: &ConnectionOptions, name: &str) -> Result<Arc<Session>> {
    let base = prepare(options.clone(), name.to_owned()).await?;
    let urls = options.urls();
    let deadline = options.connect_timeout_ms.map(|ms| Instant::now() + Duration::from_millis(ms));
    let timeout = Duration::from_millis(options.request_timeout_ms);
    let mut waiting = Waiting::new(urls.join(","));
    loop {
        let attempt = attempt(&base, &urls, timeout);
        let failure = match deadline {
            None => attempt.await,
            Some(deadline) => match timeout_at(deadline, attempt).await {
                Ok(outcome) => outcome,
                Err(_) => return Err(waiting.gave_up()),
            },
        };
        match failure {
            Ok(session) => return Ok(session),
            Err(Failure::Lasting(error)) => return Err(error.with_context("url", &waiting.urls)),
            Err(Failure::Passing(error)) => waiting.note(error),
        }
        let retry = Instant::now() + waiting.delay();
        if deadline.is_some_and(|deadline| retry >= deadline) {
            tokio::time::sleep_until(deadline.unwrap_or(retry)).await;
            return Err(waiting.gave_up());
        }
        tokio::time::sleep_until(retry).await;
    }
}

async fn attempt(
    base: &ConnectOptions,
    urls: &[String],
    timeout: Duration,
) -> Result<Arc<Session>, Failure> {
    let link = Arc::new(Link::default());
    let events = Arc::clone(&link);
    let delays = Arc::clone(&link);
    let client = base
        .clone()
        .event_callback(move |event| {
            events.on_event(event);
            std::future::ready(())
        })
        .reconnect_delay_callback(move |attempt| {
            if delays.is_closed() {
                // The client tries for ever; nobody wants this connection any more.
                Duration::from_secs(u64::from(u32::MAX))
            } else if delays.was_connected() {
                back_off(attempt, FIRST_DELAY, LAST_DELAY)
            } else {
                Duration::ZERO
            }
        })
        .connect(urls)
        .await
        .map_err(|error| not_connected(&error))?;
    probe::version(&client.server_info().version).map_err(Failure::Lasting)?;
    let session = Session::start(client, link, timeout).await.map_err(Failure::Passing)?;
    probe::jetstream(&session).await?;
    Ok(session)
}

/// All that needs no server. Reads files, so it runs where blocking is allowed.
async fn prepare(options: ConnectionOptions, default_name: String) -> Result<ConnectOptions> {
    let prepared = tokio::task::spawn_blocking(move || {
        let mut faults = Faults::default();
        options.check(PATH, &mut faults);
        let texts = tls::read(&options.tls, &format!("{PATH}.tls"), &mut faults);
        let base = credentials::apply(ConnectOptions::new(), &options, PATH, &mut faults);
        faults.into_result()?;
        let mut base = base
            .name(options.name.as_deref().unwrap_or(&default_name))
            .connection_timeout(TRY_TIMEOUT)
            .ping_interval(PING_INTERVAL)
            .require_tls(options.tls.is_given())
            .tls_client_config(Tls::new(texts)?.config);
        if options.tls.first {
            base = base.tls_first();
        }
        Ok(base)
    });
    prepared.await.map_err(|error| {
        Error::new(ErrorCode::Internal, "the options could not be read").with_source(error)
    })?
}

/// Doubling from `first` to `last`, with up to half of it taken away by chance so that many
/// clients do not come back at once.
pub(super) fn back_off(attempt: usize, first: Duration, last: Duration) -> Duration {
    let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(u32::MAX).min(16);
    let full = first.saturating_mul(1 << doublings).min(last);
    full.mul_f64(0.5 + fastrand::f64() / 2.0)
}

/// Says once that the server is not there, then now and then.
struct Waiting {
    urls: String,
    tries: usize,
    said: Option<Instant>,
    last: Option<Error>,
}

impl Waiting {
    fn new(urls: String) -> Self {
        Self { urls, tries: 0, said: None, last: None }
    }

    fn note(&mut self, error: Error) {
        self.tries += 1;
        let now = Instant::now();
        if self.said.is_none_or(|said| now - said >= REMINDER) {
            self.said = Some(now);
            tracing::warn!(url = %self.urls, tries = self.tries, %error, "waiting for NATS");
        }
        self.last = Some(error);
    }

    fn delay(&self) -> Duration {
        back_off(self.tries, FIRST_DELAY, LAST_DELAY)
    }

    fn gave_up(self) -> Error {
        let error = Error::new(ErrorCode::Unavailable, "NATS could not be reached in time")
            .with_context("url", self.urls);
        match self.last {
            Some(last) => error.with_source(last),
            None => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_off_doubles_to_its_cap() {
        let (first, last) = (Duration::from_millis(100), Duration::from_secs(4));
        for (attempt, full) in [(0, 100), (1, 100), (2, 200), (6, 3200), (7, 4000), (9999, 4000)] {
            let delay = back_off(attempt, first, last);
            let full = Duration::from_millis(full);
            assert!(delay >= full / 2 && delay <= full, "{attempt}: {delay:?}");
        }
    }
}
