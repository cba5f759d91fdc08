//! One event and one driver on the embedded stream, shown as it goes.

use std::io::{self, Write};
use std::sync::Arc;

use conveyor_driver::message::{DriverMessage, DriverResult, LogEntry, Resource, ResultEvent};
use conveyor_driver::options::ManagerOptions;
use conveyor_driver::stream::{Delivery, EventStream, MemoryStream, Message, Pull, Settlement};
use conveyor_driver::{DriverManager, Error, ErrorCode, RunId, StopSignals, subject};
use futures_util::{FutureExt, StreamExt};
use serde_json::json;

use super::Output;
use crate::commands::run::drivers::ScriptDriver;
use crate::control_plane::{log_consumer, put_streams};
use crate::exit_code;
use crate::fault::Fault;
use crate::screen::{DIM, ERROR, GOOD, HINT, WARNING, clean};

/// How many log lines are taken at once.
const LINES: usize = 256;

/// What is run.
pub(super) struct Embedded {
    pub(super) driver: ScriptDriver,
    pub(super) event: String,
    pub(super) resource: Resource,
}

impl Embedded {
    /// Runs the event to its answer and gives the exit code.
    pub(super) async fn run(self, show: &Show) -> Result<u8, Fault> {
        let stream = MemoryStream::new();
        put_streams(&stream).await?;
        stream.put_consumer(subject::LOGS_STREAM, &log_consumer()).await?;
        let mut results = stream.subscribe(subject::DRIVER_RESULT).await?;
        let mut dead = stream.subscribe(subject::DEAD_LETTERS).await?;
        let mut signals = StopSignals::listen()?;
        let options = ManagerOptions { signals: false, ..ManagerOptions::default() };
        let mut manager = DriverManager::new(options)
            .driver(self.driver.into_driver())
            .stream(Arc::new(stream.clone()))
            .start()
            .await?;
        let run = RunId::generate();
        let message = DriverMessage::new(&self.event, &self.resource, "test", run.clone());
        let subject = subject::resource(&self.resource.resource);
        stream.publish(Message::new(subject, message.encode())).await?.await?;

        let mut lines = stream.pull(subject::LOGS_STREAM, subject::LOGS_STREAM).await?;
        lines.request(LINES);
        let mut interrupted = false;
        let answer = loop {
            tokio::select! {
                deliveries = lines.next() => {
                    if let Err(fault) = take(&stream, &mut *lines, deliveries?, show).await {
                        manager.stop_handle().end_now();
                        manager.wait().await?;
                        return unread(fault, exit_code::INTERRUPTED);
                    }
                }
                answer = results.next() => break answer,
                letter = dead.next() => return Err(not_read(letter.as_ref())),
                ended = manager.ended() => {
                    ended?;
                    // What it said last may be there all the same.
                    break results.next().now_or_never().flatten();
                }
                _ = signals.next() => {
                    // The second one ends it, and so does the first while there is nothing to cancel.
                    if interrupted || manager.cancel(&run, "interrupted") == 0 {
                        manager.stop_handle().end_now();
                    }
                    interrupted = true;
                }
            }
        };
        let result = match &answer {
            Some(answer) => Some(ResultEvent::decode(&answer.payload)?.result),
            None => None,
        };
        let code = match &result {
            _ if interrupted => exit_code::INTERRUPTED,
            Some(result) if result.success => exit_code::SUCCESS,
            Some(result) if asks_for_retry(result) => exit_code::RETRY,
            Some(_) => exit_code::FAILED,
            None => {
                return Err(Error::new(ErrorCode::Closed, "the driver stopped early").into());
            }
        };
        let shown = show_rest(&stream, &mut *lines, result.as_ref(), show).await;
        if result.is_some() {
            manager.drain().await?;
        }
        shown.map_or_else(|fault| unread(fault, code), |()| Ok(code))
    }
}

/// Lines are stored before the result is.
async fn show_rest(
    stream: &MemoryStream,
    lines: &mut dyn Pull,
    result: Option<&DriverResult>,
    show: &Show,
) -> Result<(), Fault> {
    while is_waiting(stream).await? {
        let deliveries = lines.next().await?;
        take(stream, lines, deliveries, show).await?;
    }
    result.map_or(Ok(()), |result| Ok(show.result(result)?))
}

/// That nobody reads any more is no fault, and no good result either.
fn unread(fault: Fault, code: u8) -> Result<u8, Fault> {
    if fault.exit_code() == exit_code::SUCCESS { Ok(code) } else { Err(fault) }
}

async fn take(
    stream: &MemoryStream,
    lines: &mut dyn Pull,
    deliveries: Vec<Delivery>,
    show: &Show,
) -> Result<(), Fault> {
    lines.request(deliveries.len());
    for line in &deliveries {
        show.line(&LogEntry::decode(&line.payload)?)?;
        stream.settle(&line.token, Settlement::Ack).await?;
    }
    Ok(())
}

/// Whether there are lines that were not taken.
async fn is_waiting(stream: &MemoryStream) -> Result<bool, Fault> {
    let consumer = stream.consumer(subject::LOGS_STREAM, subject::LOGS_STREAM).await?;
    Ok(consumer.is_some_and(|consumer| consumer.pending + consumer.ack_pending > 0))
}

/// With one attempt a retry comes back as a failed result that says so.
fn asks_for_retry(result: &DriverResult) -> bool {
    result.data["error"]["type"] == "RetriesExhausted"
}

fn not_read(letter: Option<&Message>) -> Fault {
    let reason = letter.and_then(|letter| letter.header(subject::REASON_HEADER));
    Fault::usage("the event cannot be read").with("reason", reason.unwrap_or("unknown"))
}

/// The terminal, or whatever stands in its place.
pub(super) struct Show(Output);

impl Show {
    pub(super) const fn new(output: Output) -> Self {
        Self(output)
    }

    fn line(&self, line: &LogEntry) -> io::Result<()> {
        let mut out = anstream::stdout().lock();
        if self.0 == Output::Json {
            return writeln!(out, "{}", json!({ "log": line }));
        }
        let text = clean(&line.message);
        let level = line.labels.get("level").and_then(|level| level.as_str());
        match (line.labels.contains_key("stream"), level) {
            (true, _) => writeln!(out, "{text}"),
            // The runtime's own word.
            (false, Some("error")) => writeln!(out, "{ERROR}{text}{ERROR:#}"),
            (false, Some("warning")) => writeln!(out, "{WARNING}{text}{WARNING:#}"),
            (false, _) => writeln!(out, "{DIM}{text}{DIM:#}"),
        }
    }

    fn result(&self, result: &DriverResult) -> io::Result<()> {
        if self.0 == Output::Json {
            return writeln!(anstream::stdout(), "{}", json!({ "result": result }));
        }
        let mut out = anstream::stderr().lock();
        let message = clean(&result.message);
        if result.success {
            write!(out, "{GOOD}success{GOOD:#}  {message}")?;
        } else if asks_for_retry(result) {
            write!(out, "{HINT}retry{HINT:#}  {message}")?;
        } else {
            write!(out, "{ERROR}failure{ERROR:#}  {message}")?;
        }
        writeln!(out, "\n{DIM}{}{DIM:#}", clean(&result.data.to_string()))
    }
}
