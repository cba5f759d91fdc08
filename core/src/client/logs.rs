//! Logs: what is stored, and what comes.

use jiff::Timestamp;
use serde_json::value::RawValue;

use super::Client;
use super::log_filter::LogFilter;
use super::log_stream::LogStream;
use super::reply::{Reply, invalid};
use super::request::{Method, Repeat, Request, path, query as filtered};
use super::resources::nothing;
use crate::error::{Error, ErrorCode, Result};
use crate::message::LogEntry;
use crate::run_id::RunId;

/// The logs of the API.
#[derive(Clone, Copy, Debug)]
pub struct Logs<'a>(pub(super) &'a Client);

impl Logs<'_> {
    /// The stored lines that fit the filter, in the order of their times, whoever wrote them. All of them:
    /// the API knows no pages.
    ///
    /// # Errors
    /// `ResponseTooLarge` when there are more than `max_response_bytes` of them: ask for one driver.
    pub async fn query(&self, filter: &LogFilter) -> Result<Vec<LogEntry>> {
        self.0.call(&query(filter), entries).await
    }

    /// Stores a line without NATS. Who listens to the live logs does not see it.
    ///
    /// # Errors
    /// Those of every call. It is not repeated when it may have been done.
    pub async fn post(&self, entry: &LogEntry) -> Result<()> {
        self.0.call(&post(entry)?, nothing).await
    }

    /// The lines of a run as they come, those that are stored first. Of one driver when the filter names
    /// one; a pipeline in the filter is an error.
    ///
    /// # Errors
    /// `ArgumentInvalid` when the filter names no run, or a pipeline.
    pub fn stream(&self, filter: &LogFilter) -> Result<LogStream> {
        Ok(LogStream::new(self.0.clone(), stream(filter)?, filter))
    }
}

/// Asks for stored lines.
#[must_use]
pub fn query(filter: &LogFilter) -> Request {
    let filters = [
        ("pipeline", filter.pipeline.as_deref()),
        ("driver", filter.driver.as_deref()),
        ("runid", filter.run_id.as_ref().map(RunId::as_str)),
    ];
    Request::get(format!("/logs{}", filtered(&filters)))
}

/// Asks for a line to be stored.
///
/// # Errors
/// None that a line could have.
pub fn post(entry: &LogEntry) -> Result<Request> {
    Request::new(Method::Post, "/logs".to_owned(), Repeat::OnlyUnsent).with(entry)
}

/// Asks for the lines of a run as they come.
///
/// # Errors
/// `ArgumentInvalid` when the filter names no run, or a pipeline.
pub fn stream(filter: &LogFilter) -> Result<Request> {
    if filter.pipeline.is_some() {
        return Err(Error::new(ErrorCode::ArgumentInvalid, "live logs are those of one run")
            .with_context("pipeline", "cannot be chosen; leave it out"));
    }
    let run = filter.run_id.as_ref().map_or("", RunId::as_str);
    let path = match &filter.driver {
        Some(driver) => path("/logs/streams", &[("driver", driver), ("run_id", run)]),
        None => path("/logs/pipeline", &[("run_id", run)]),
    };
    Ok(Request::get(path?))
}

/// Reads stored lines, and puts them in the order of their times.
///
/// # Errors
/// `ResponseInvalid`.
pub fn entries(reply: &Reply) -> Result<Vec<LogEntry>> {
    let texts: Vec<&RawValue> =
        serde_json::from_slice(reply.json()?).map_err(|error| invalid().with_source(error))?;
    let mut entries = texts
        .into_iter()
        .map(|text| LogEntry::decode(text.get().as_bytes()))
        .collect::<Result<Vec<_>>>()
        .map_err(|error| invalid().with_source(error))?;
    // Stable, so that lines of one time and driver stay as the server has them.
    entries.sort_by_key(|entry| time(&entry.timestamp));
    Ok(entries)
}

/// When a line was written, in any of the forms that are in use; nothing sorts first.
fn time(text: &str) -> Option<Timestamp> {
    match text.parse() {
        Ok(time) => Some(time),
        Err(_) => Timestamp::from_second(text.parse().ok()?).ok(),
    }
}
