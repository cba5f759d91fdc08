//! The lines of a run as they come.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use reqwest::Response;
use reqwest::header::CONTENT_TYPE;
use tokio::time::{Instant, sleep, timeout};

use super::Client;
use super::log_event::{GapReason, LogEvent};
use super::log_filter::LogFilter;
use super::reply::invalid;
use super::request::Request;
use super::seen::Seen;
use super::server_events::ServerEvents;
use super::transport::{Failure, Sent};
use crate::error::{Error, ErrorCode, Result};
use crate::message::LogEntry;
use crate::patience::Patience;

/// The lines of a run: those that are stored, grouped by driver, then those that are written, as they
/// come. It never ends by itself; drop it to end it.
///
/// When the connection is lost it is made again, for as long as `reconnect_timeout_ms` allows, and
/// [`LogEvent::Gap`] says that lines may be missing there. What the server sends again is not given again.
/// For that it keeps some 30 bytes for each line.
///
/// The server itself has two gaps that it does not tell of: lines written just when it begins to listen,
/// and lines that come faster than they are read. Whoever must have every line queries the log once the run
/// is over.
///
/// An error is the last that it gives.
pub struct LogStream(BoxStream<'static, Result<LogEvent>>);

impl LogStream {
    pub(super) fn new(client: Client, request: Request, filter: &LogFilter) -> Self {
        let title = filter.to_string();
        let reader = Reader {
            idle: Duration::from_millis(client.0.options.stream_idle_timeout_ms),
            client,
            request,
            title,
            state: State::Lost { since: None },
            seen: Seen::default(),
            patience: Patience::for_server(),
            connected_before: false,
        };
        let events = stream::unfold(reader, async |mut reader| {
            let event = reader.next().await?;
            Some((event, reader))
        });
        Self(events.boxed())
    }
}

impl Stream for LogStream {
    type Item = Result<LogEvent>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(cx)
    }
}

impl fmt::Debug for LogStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogStream").finish_non_exhaustive()
    }
}

struct Reader {
    client: Client,
    request: Request,
    title: String,
    idle: Duration,
    state: State,
    seen: Seen,
    patience: Patience,
    connected_before: bool,
}

enum State {
    Lost { since: Option<Instant> },
    Open { response: Box<Response>, events: ServerEvents },
    Ended,
}

impl Reader {
    async fn next(&mut self) -> Option<Result<LogEvent>> {
        loop {
            let event = match &mut self.state {
                State::Ended => return None,
                State::Lost { .. } => self.connect().await,
                State::Open { response, events } => match events.next() {
                    Some(data) => Ok(self.line(&data)),
                    None => {
                        let more = more(response, events, self.idle, &self.client).await;
                        self.came(more)
                    }
                },
            };
            match event {
                Ok(Some(event)) => return Some(Ok(event)),
                Ok(None) => {}
                Err(error) => {
                    self.state = State::Ended;
                    return Some(Err(error.with_context("logs", &self.title)));
                }
            }
        }
    }

    /// What an event's data is.
    fn line(&mut self, data: &[u8]) -> Option<LogEvent> {
        match LogEntry::decode(data) {
            Ok(entry) => self.seen.is_new(&entry).then_some(LogEvent::Line { entry }),
            Err(error) => {
                tracing::warn!(%error, logs = self.title, "what came is no log line");
                Some(LogEvent::Gap { reason: GapReason::Unreadable })
            }
        }
    }

    fn came(&mut self, more: Result<(), Failure>) -> Result<Option<LogEvent>> {
        match more {
            Ok(()) => {
                if self.patience.reset() {
                    tracing::info!(logs = self.title, "the log stream is back");
                }
                Ok(None)
            }
            Err(Failure { error, .. }) if error.code().retryable() => {
                self.lost(&error);
                Ok(None)
            }
            Err(Failure { error, .. }) => Err(error),
        }
    }

    fn lost(&mut self, error: &Error) {
        if self.patience.speaks() {
            tracing::warn!(%error, logs = self.title, "the log stream is lost and made again");
        }
        self.state = State::Lost { since: Some(Instant::now()) };
    }

    /// Connects, or waits a while after a failure.
    async fn connect(&mut self) -> Result<Option<LogEvent>> {
        let State::Lost { since } = &mut self.state else { return Ok(None) };
        let since = *since.get_or_insert_with(Instant::now);
        match open(&self.client, &self.request, self.idle).await {
            Ok(response) => {
                self.state =
                    State::Open { response: Box::new(response), events: ServerEvents::default() };
                if !std::mem::replace(&mut self.connected_before, true) {
                    return Ok(None);
                }
                self.seen.reconnected();
                Ok(Some(LogEvent::Gap { reason: GapReason::Reconnected }))
            }
            Err(error) if error.code().retryable() => {
                let limit = self.client.0.options.reconnect_timeout_ms.map(Duration::from_millis);
                if limit.is_some_and(|limit| since.elapsed() >= limit) {
                    return Err(error);
                }
                if self.patience.speaks() {
                    tracing::warn!(%error, logs = self.title, "waiting for the log stream");
                }
                let left = limit.map(|limit| limit.saturating_sub(since.elapsed()));
                sleep(left.map_or(Duration::MAX, |left| left).min(self.patience.delay())).await;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// Asks for the stream. With nothing to send the server does not even begin to answer before its first
/// heartbeat.
async fn open(client: &Client, request: &Request, idle: Duration) -> Result<Response> {
    let transport = &client.0.transport;
    let opened = async {
        let response = transport.open(request, "text/event-stream").await?;
        if response.status().is_success() {
            return Ok(response);
        }
        match transport.read(response).await?.check() {
            Err(error) => Err(Failure { error, sent: Sent::Yes }),
            Ok(()) => Err(Failure { error: invalid(), sent: Sent::Yes }),
        }
    };
    let response = match timeout(idle, opened).await {
        Ok(opened) => opened.map_err(|failure| failure.error)?,
        Err(_) => return Err(silent(idle).error),
    };
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if kind.is_some_and(|kind| kind.starts_with("text/event-stream")) {
        return Ok(response);
    }
    Err(invalid().with_context("content_type", kind.unwrap_or_default()))
}

/// Reads more bytes of the stream.
async fn more(
    response: &mut Response,
    events: &mut ServerEvents,
    idle: Duration,
    client: &Client,
) -> Result<(), Failure> {
    let most = client.0.options.max_response_bytes;
    if events.waiting_bytes() as u64 > most {
        let error =
            Error::new(ErrorCode::ResponseTooLarge, "a line of the log stream is too large")
                .with_context("max_response_bytes", most);
        return Err(Failure { error, sent: Sent::Yes });
    }
    match timeout(idle, response.chunk()).await {
        Ok(Ok(Some(bytes))) => {
            events.add(&bytes);
            Ok(())
        }
        Ok(Ok(None)) => Err(Failure {
            error: Error::new(ErrorCode::Unavailable, "the server ended the log stream"),
            sent: Sent::Yes,
        }),
        Ok(Err(error)) => Err(client.0.transport.failure(error)),
        Err(_) => Err(silent(idle)),
    }
}

fn silent(idle: Duration) -> Failure {
    let error = Error::new(ErrorCode::TimedOut, "the log stream was silent for too long")
        .with_context("stream_idle_timeout_ms", idle.as_millis());
    Failure { error, sent: Sent::Yes }
}
