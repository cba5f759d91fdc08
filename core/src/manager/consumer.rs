//! The driver's durable consumer: made, verified, repaired, and never changed in a way that could
//! lose messages unless `adopt` says so.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::error::{Error, ErrorCode, Result};
use crate::options::DriverOptions;
use crate::stream::{ConsumerConfig, ConsumerInfo, EventStream};
use crate::subject::{self, MESSAGES_STREAM};

/// Long enough to mean never; stated, since a durable consumer made over one that was not durable
/// keeps that one's five seconds otherwise.
const INACTIVE_THRESHOLD: Duration = Duration::from_secs(10 * 365 * 86_400);

/// The metadata that marks a consumer as made by this runtime, in any of its languages.
const OWNER_KEY: &str = "conveyor-driver-runtime";
const OWNER: &str = "conveyor-driver";

/// Makes the driver's consumer or brings it to what the options say. `ours` means that this process
/// has had it before, so that whatever it looks like now is drift, to be repaired. Says which making
/// of the consumer it is.
///
/// # Errors
/// `Conflict`, `Unsupported`, and what the stream reports.
pub(super) async fn ensure(
    stream: &dyn EventStream,
    options: &DriverOptions,
    ours: bool,
) -> Result<String> {
    let mut wanted = wanted(options);
    if let Some(found) = stream.consumer(MESSAGES_STREAM, &wanted.name).await? {
        if !ours && !options.adopt {
            refuse_conflicts(&found, &wanted)?;
        }
        if found.unusable.is_some() {
            tracing::warn!(
                driver = options.name,
                reason = found.unusable,
                "the consumer cannot be used as it is: it is removed and made anew"
            );
            stream.delete_consumer(MESSAGES_STREAM, &wanted.name).await?;
        } else {
            respect_others(&mut wanted, &found, ours || !options.adopt);
            if matches(&found.config, &wanted) {
                return Ok(found.identity);
            }
            report_changes(&found.config, &wanted);
        }
    }
    // Told twice: the first request can leave an old inactivity limit in place.
    for _ in 0..2 {
        let made = stream.put_consumer(MESSAGES_STREAM, &wanted).await?;
        if made.unusable.is_none() && matches(&made.config, &wanted) {
            return Ok(made.identity);
        }
        tracing::debug!(driver = options.name, ?made, "the consumer is not yet as asked");
    }
    Err(Error::new(ErrorCode::Unsupported, "the server does not keep the consumer as asked")
        .with_context("consumer", &wanted.name))
}

fn wanted(options: &DriverOptions) -> ConsumerConfig {
    ConsumerConfig {
        name: options.name.clone(),
        durable: true,
        filters: subject::filters(&options.name, &options.resources),
        ack_wait: Duration::from_millis(options.ack_wait_ms),
        max_ack_pending: options.max_ack_pending.max(options.concurrency.saturating_mul(8)),
        inactive_threshold: Some(INACTIVE_THRESHOLD),
        metadata: BTreeMap::from([(OWNER_KEY.to_owned(), OWNER.to_owned())]),
    }
}

/// Other instances, older or newer, share the consumer. One that starts may change it to its own
/// options when nothing is in flight; otherwise it is only widened to what an instance needs, so that
/// no run loses its lease early and no two instances go on changing it to and fro.
fn respect_others(wanted: &mut ConsumerConfig, found: &ConsumerInfo, widen: bool) {
    let had = &found.config;
    wanted.max_ack_pending = wanted.max_ack_pending.max(had.max_ack_pending);
    if !widen || !is_ours(had) {
        return;
    }
    if found.ack_pending > 0 || found.waiting > 0 {
        wanted.ack_wait = wanted.ack_wait.max(had.ack_wait);
    }
    let further = had.filters.iter().filter(|filter| !wanted.filters.contains(filter));
    let further: Vec<_> = further.cloned().collect();
    wanted.filters.extend(further);
}

fn is_ours(found: &ConsumerConfig) -> bool {
    found.metadata.get(OWNER_KEY).map(String::as_str) == Some(OWNER)
}

fn refuse_conflicts(found: &ConsumerInfo, wanted: &ConsumerConfig) -> Result<()> {
    let conflict = |reason: String| {
        Err(Error::new(ErrorCode::Conflict, "a consumer of the driver's name exists")
            .with_context("consumer", &wanted.name)
            .with_context("reason", reason)
            .with_context("cure", "rename the driver, remove the consumer, or set adopt"))
    };
    if let Some(reason) = &found.unusable {
        return conflict(reason.clone());
    }
    if !is_ours(&found.config) {
        return conflict("it was made by another runtime".to_owned());
    }
    let dropped: Vec<_> =
        found.config.filters.iter().filter(|filter| !wanted.filters.contains(filter)).collect();
    if !dropped.is_empty() {
        return conflict(format!(
            "messages it holds would be lost: it also listens to {}",
            dropped.iter().map(|filter| filter.as_str()).collect::<Vec<_>>().join(", ")
        ));
    }
    Ok(())
}

fn report_changes(found: &ConsumerConfig, wanted: &ConsumerConfig) {
    let added: Vec<_> =
        wanted.filters.iter().filter(|filter| !found.filters.contains(filter)).collect();
    tracing::info!(
        driver = wanted.name,
        ?added,
        ack_wait_ms = wanted.ack_wait.as_millis(),
        max_ack_pending = wanted.max_ack_pending,
        was_durable = found.durable,
        "the consumer is changed to the driver's options"
    );
}

/// Filters may come back in another order; metadata may hold what the server adds.
fn matches(made: &ConsumerConfig, wanted: &ConsumerConfig) -> bool {
    made.durable
        && made.inactive_threshold == wanted.inactive_threshold
        && made.ack_wait == wanted.ack_wait
        && made.max_ack_pending == wanted.max_ack_pending
        && made.filters.len() == wanted.filters.len()
        && made.filters.iter().all(|filter| wanted.filters.contains(filter))
        && wanted.metadata.iter().all(|(key, value)| made.metadata.get(key) == Some(value))
}
