//! The client of the Conveyor API: resources, their definitions, pipelines and logs.
//!
//! ```no_run
//! use conveyor_driver::client::{Client, LogFilter, Pipeline, PipelineStep};
//! use conveyor_driver::options::ClientOptions;
//!
//! # async fn example(resource: conveyor_driver::message::Resource) -> conveyor_driver::Result<()> {
//! let client = Client::new(ClientOptions { url: Some("http://ci:8080".into()), ..Default::default() })?;
//! let created = client.resources().create(&resource).await?;
//! for line in client.logs().query(&LogFilter::run(created.run_id)).await? {
//!     println!("{} {}", line.driver, line.message);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Each call ends within `request_timeout_ms`. What cannot reach the server is tried again, up to
//! `max_attempts` times; what the server failed to do only when twice is the same as once. Redirects are not
//! followed: the API has none, and a token must not reach another host. Proxies are those of the
//! environment (`HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`).
//!
//! With a certificate and its key among the options each request carries a token that is signed with that
//! key, good for two minutes. The same certificate is shown to servers that ask for one, NATS among them.
//!
//! The functions of [`resources`], [`definitions`], [`pipelines`] and [`logs`] build the same requests and
//! read the same answers without sending anything.

pub mod broadcasts;
mod created;
mod definition;
pub mod definitions;
mod log_event;
mod log_filter;
mod log_stream;
pub mod logs;
mod nullable;
mod operation;
mod pipeline;
pub mod pipelines;
mod reply;
mod request;
pub mod resources;
mod seen;
mod server_events;
mod shared;
mod token;
mod tokens;
mod transport;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::time::Instant;

use self::broadcasts::Broadcasts;
pub use self::created::CreatedResource;
pub use self::definition::ResourceDefinition;
use self::definitions::Definitions;
pub use self::log_event::{GapReason, LogEvent};
pub use self::log_filter::LogFilter;
pub use self::log_stream::LogStream;
use self::logs::Logs;
pub(crate) use self::operation::Operation;
pub use self::pipeline::{Pipeline, PipelineStep};
use self::pipelines::Pipelines;
pub use self::reply::Reply;
use self::reply::invalid;
pub use self::request::{Method, Repeat, Request};
use self::resources::Resources;
pub(crate) use self::shared::SharedClient;
use self::transport::{Sent, Transport};
use crate::error::{Error, ErrorCode, Result};
use crate::options::{self, ClientOptions, Faults};
use crate::patience::Patience;
use crate::tls::{self, Tls};

/// A client of the Conveyor API. Clones are the same client and share its connections.
///
/// Its calls run on the tokio runtime that they are made on.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    options: ClientOptions,
    transport: Transport,
}

impl Client {
    /// A client with these options; what they do not give is filled from the environment. Reads the
    /// files of certificates, and does not connect yet.
    ///
    /// # Errors
    /// `OptionsInvalid` with every fault found, also when neither the options nor the environment give
    /// an address. `TlsFailed` when a certificate or key cannot be used, `Unsupported` for a kind of key
    /// that cannot be used.
    pub fn new(options: ClientOptions) -> Result<Self> {
        Self::with(options.with_environment(), "")
    }

    fn with(options: ClientOptions, path: &str) -> Result<Self> {
        let mut faults = Faults::default();
        options.check(path, &mut faults);
        let at = |option| options::at(path, option);
        let texts = tls::read(&options.tls, &at("tls"), &mut faults);
        let Some(url) = options.url.clone() else {
            faults.add(at("url"), "is missing; give it, or set CONVEYOR_API_URL");
            return Err(faults.into_error());
        };
        faults.into_result()?;
        let transport = Transport::new(&url, &options, Tls::new(texts)?)?;
        Ok(Self(Arc::new(Inner { options, transport })))
    }

    /// Resources.
    #[must_use]
    pub const fn resources(&self) -> Resources<'_> {
        Resources(self)
    }

    /// Resource definitions.
    #[must_use]
    pub const fn definitions(&self) -> Definitions<'_> {
        Definitions(self)
    }

    /// Pipelines.
    #[must_use]
    pub const fn pipelines(&self) -> Pipelines<'_> {
        Pipelines(self)
    }

    /// Logs.
    #[must_use]
    pub const fn logs(&self) -> Logs<'_> {
        Logs(self)
    }

    /// Messages to whoever listens on NATS outside of any stream.
    #[must_use]
    pub const fn broadcasts(&self) -> Broadcasts<'_> {
        Broadcasts(self)
    }

    /// Sends a request, again while that may help, and reads its answer.
    pub(crate) async fn call<T>(
        &self,
        request: &Request,
        read: fn(&Reply) -> Result<T>,
    ) -> Result<T> {
        let options = &self.0.options;
        let deadline = Instant::now() + Duration::from_millis(options.request_timeout_ms);
        let call = self.repeated(request, deadline);
        let reply = match tokio::time::timeout_at(deadline, call).await {
            Ok(reply) => reply,
            Err(_) => Err(Error::new(ErrorCode::TimedOut, "the API did not answer in time")
                .with_context("request_timeout_ms", options.request_timeout_ms)),
        };
        reply
            .and_then(|reply| read(&reply))
            .map_err(|error| error.with_context("request", request.title()))
    }

    async fn repeated(&self, request: &Request, deadline: Instant) -> Result<Reply> {
        let mut patience = Patience::new(Duration::from_millis(100), Duration::from_secs(2));
        let mut attempt = 1;
        loop {
            let (error, sent) = match self.0.transport.send(request).await {
                Ok(reply) => match reply.check() {
                    Ok(()) => return Ok(reply),
                    Err(error) => (error, Sent::Yes),
                },
                Err(failure) => (failure.error, failure.sent),
            };
            let repeatable = sent == Sent::No || request.repeat == Repeat::Safe;
            if attempt >= self.0.options.max_attempts || !repeatable || !error.code().retryable() {
                return Err(error);
            }
            let delay = patience.delay();
            if Instant::now() + delay >= deadline {
                return Err(error);
            }
            tracing::debug!(%error, request = request.title(), attempt, "the API is asked again");
            tokio::time::sleep(delay).await;
            attempt += 1;
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("url", &self.0.options.url).finish_non_exhaustive()
    }
}

/// Reads a JSON object.
fn document<T: DeserializeOwned>(reply: &Reply) -> Result<T> {
    let text = reply.json()?;
    // A list would be read as well, member by member.
    if text.trim_ascii_start().first() != Some(&b'{') {
        return Err(invalid());
    }
    serde_json::from_slice(text).map_err(|error| invalid().with_source(error))
}
