//! Where a scenario is played: an event stream that nobody else uses.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use conveyor_driver::options::ConnectionOptions;
use conveyor_driver::stream::{
    ConsumerConfig, Delivery, MemoryStream, NatsStream, SharedStream, StreamConfig,
};
use conveyor_driver::{ErrorCode, Result};
use conveyor_driver_cli::nats_server::{NatsServer, NatsServerOptions};

/// An event stream with the control plane's streams, empty.
#[derive(Debug)]
pub struct Ground {
    /// The harness's own connection.
    pub stream: SharedStream,
    /// The embedded stream, where it is the one.
    pub memory: Option<MemoryStream>,
    /// Whether time is paused.
    pub paused: bool,
    /// How a driver connects.
    pub connection: ConnectionOptions,
    /// How long may pass until what is to happen has happened.
    pub patience: Duration,
}

impl Ground {
    /// An embedded stream. The clock may be paused.
    ///
    /// # Errors
    /// As those of the stream.
    pub async fn embedded(paused: bool) -> Result<Self> {
        let memory = MemoryStream::new();
        let ground = Self {
            stream: Arc::new(memory.connection()),
            memory: Some(memory),
            paused,
            connection: ConnectionOptions::default(),
            patience: if paused { IN_PAUSED_TIME } else { IN_REAL_TIME },
        };
        ground.furnish().await
    }

    async fn furnish(self) -> Result<Self> {
        for config in StreamConfig::of_control_plane() {
            self.stream.put_stream(&config).await?;
        }
        Ok(self)
    }

    /// What a stream holds, in its order; nothing when there is none.
    ///
    /// # Errors
    /// As those of the stream.
    pub async fn held(&self, stream: &str) -> Result<Vec<Delivery>> {
        let config = ConsumerConfig {
            name: "reader".to_owned(),
            durable: false,
            filters: Vec::new(),
            ack_wait: Duration::from_secs(600),
            max_ack_pending: 1_000_000,
            inactive_threshold: None,
            metadata: Default::default(),
        };
        let held = match self.stream.put_consumer(stream, &config).await {
            Ok(info) => usize::try_from(info.pending).unwrap_or(usize::MAX),
            Err(error) if error.code() == ErrorCode::NotFound => 0,
            Err(error) => return Err(error),
        };
        let mut deliveries = Vec::with_capacity(held);
        if held > 0 {
            let mut pull = self.stream.pull(stream, &config.name).await?;
            pull.request(held);
            while deliveries.len() < held {
                deliveries.extend(pull.next().await?);
            }
        }
        Ok(deliveries)
    }
}

const IN_REAL_TIME: Duration = Duration::from_secs(60);
const IN_PAUSED_TIME: Duration = Duration::from_secs(600);

/// A real server with an account for each scenario, so that none sees another and every name and
/// every stream is a scenario's own.
#[derive(Debug)]
pub struct Grounds {
    server: NatsServer,
    taken: AtomicUsize,
}

impl Grounds {
    /// Starts a server for so many scenarios.
    ///
    /// # Errors
    /// As those of [`NatsServer`].
    pub async fn start(scenarios: usize) -> Result<Self> {
        let account = |n| {
            format!(
                "ground-{n}: {{ jetstream: enabled, users: [{{ user: ground-{n}, password: ground }}] }}\n"
            )
        };
        let accounts: String = (0..scenarios).map(account).collect();
        let config = format!("accounts {{\n{accounts}}}");
        let server =
            NatsServer::start_with(NatsServerOptions { config, ..Default::default() }).await?;
        Ok(Self { server, taken: AtomicUsize::new(0) })
    }

    /// One that was not played on yet.
    ///
    /// # Errors
    /// As those of [`NatsStream`].
    pub async fn next(&self) -> Result<Ground> {
        let n = self.taken.fetch_add(1, Ordering::Relaxed);
        let connection = ConnectionOptions {
            url: Some(self.server.url()),
            user: Some(format!("ground-{n}")),
            password: Some("ground".into()),
            ..ConnectionOptions::default()
        };
        let ground = Ground {
            stream: Arc::new(NatsStream::connect(&connection, "harness").await?),
            memory: None,
            paused: false,
            connection,
            patience: IN_REAL_TIME,
        };
        ground.furnish().await
    }
}
