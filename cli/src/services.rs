//! The drivers that are there, asked through NATS micro.

use std::collections::BTreeSet;
use std::time::Duration;

use conveyor_driver::message::{RunsInFlight, ServiceStats};
use conveyor_driver::stream::{EventStream, Message};
use conveyor_driver::{Result, subject};
use futures_util::StreamExt;
use tokio::time::{Instant, timeout_at};

/// Nobody says how many will answer: the answers end when none came for so long.
const QUIET: Duration = Duration::from_millis(400);

/// What every instance of every driver answers within this time, in the order of their names.
pub(crate) async fn drivers(stream: &dyn EventStream, most: Duration) -> Result<Vec<ServiceStats>> {
    let inbox = format!("_INBOX.{}", uuid::Uuid::now_v7().simple());
    let mut answers = stream.subscribe(&inbox).await?;
    let question = Message::new(subject::ALL_SERVICES_STATS, "");
    stream.send(Message { reply: Some(inbox.into()), ..question }).await?;
    let end = Instant::now() + most;
    let mut quiet = end;
    let mut drivers: Vec<ServiceStats> = Vec::new();
    while let Ok(Some(answer)) = timeout_at(end.min(quiet), answers.next()).await {
        // The server itself answers where nobody listens, and says nothing.
        if answer.payload.is_empty() {
            break;
        }
        quiet = Instant::now() + QUIET;
        // Other services may say in `data` whatever they like.
        if let Ok(stats) = serde_json::from_slice::<ServiceStats>(&answer.payload)
            && stats.identity.is_driver()
        {
            drivers.push(stats);
        }
    }
    drivers.sort_by(|one, other| {
        let key = |stats: &ServiceStats| (stats.identity.name.clone(), stats.started.clone());
        key(one).cmp(&key(other))
    });
    Ok(drivers)
}

/// The names among them.
pub(crate) fn names(drivers: &[ServiceStats]) -> BTreeSet<&str> {
    drivers.iter().map(|driver| driver.identity.name.as_str()).collect()
}

/// What an instance has in flight.
pub(crate) fn in_flight(driver: &ServiceStats) -> RunsInFlight {
    driver.endpoints.first().map(|endpoint| endpoint.data.clone()).unwrap_or_default()
}

/// Where an instance is: `host:pid`.
pub(crate) fn place(driver: &ServiceStats) -> String {
    let fact = |name| driver.identity.metadata.get(name).map_or("?", String::as_str);
    format!("{}:{}", fact("host"), fact("pid"))
}
