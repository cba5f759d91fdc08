//! One event and one driver on the embedded stream, shown as it goes.

use std::io::{self, Write};
use std::sync::Arc;

use conveyor_driver::message::{DriverMessage, DriverResult, LogEntry, Resource, ResultEvent};
use conveyor_driver::options::ManagerOptions;
use conveyor_driver::stream::{Delivery, EventStream, MemoryStream, Message, Pull, Settlement};
use conveyor_driver::{DriverManager, Error, ErrorCode, RunId, RunningManager, subject};
use futures_util::StreamExt;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

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
        let options = ManagerOptions { signals: false, ..ManagerOptions::default() };
        let manager = DriverManager::new(options)
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
        let mut interruption = Interruption::listen()?;
        let answer = loop {
            tokio::select! {
                deliveries = lines.next() => {
                    take(&stream, &mut *lines, deliveries?, show).await?;
                }
                answer = results.next() => break answer,
                letter = dead.next() => return Err(not_read(letter.as_ref())),
                () = interruption.comes() => interruption.pass_on(&manager, &run),
            }
        };
        // Lines are stored before the result is.
        while is_waiting(&stream).await? {
            let deliveries = lines.next().await?;
            take(&stream, &mut *lines, deliveries, show).await?;
        }
        let answer =
            answer.ok_or_else(|| Error::new(ErrorCode::Closed, "the stream was closed"))?;
        let result = ResultEvent::decode(&answer.payload)?.result;
        manager.drain().await?;
        show.result(&result)?;
        Ok(match () {
            () if interruption.came > 0 => exit_code::INTERRUPTED,
            () if result.success => exit_code::SUCCESS,
            () if asks_for_retry(&result) => exit_code::RETRY,
            () => exit_code::FAILED,
        })
    }
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

/// Ctrl-C and SIGTERM: the first cancels the run, the second ends it.
struct Interruption {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    came: u32,
}

impl Interruption {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            came: 0,
        })
    }

    async fn comes(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    fn pass_on(&mut self, manager: &RunningManager, run: &RunId) {
        self.came += 1;
        if self.came == 1 {
            let _events = manager.cancel(run, "interrupted");
        } else {
            manager.stop_handle().end_now();
        }
    }
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
