//! Where the servers are and how to be let in, as arguments.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use conveyor_driver::options::ConnectionOptions;
use conveyor_driver::stream::{NatsStream, SharedStream};

use crate::fault::Fault;

/// The connection to NATS. Secrets are not taken as arguments, which others on the machine can see.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct ConnectionArguments {
    /// The address of NATS, several separated by commas [env: CONVEYOR_NATS_URL] [default:
    /// nats://127.0.0.1:4222]
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,

    /// A file with NATS credentials [env: CONVEYOR_NATS_CREDS; also CONVEYOR_NATS_TOKEN, _USER and
    /// _PASSWORD, _NKEY]
    #[arg(long, value_name = "FILE")]
    pub(crate) creds: Option<PathBuf>,

    /// A PEM file with the authorities to trust [env: CONVEYOR_TLS_CA]
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_ca: Option<PathBuf>,

    /// A PEM file with the certificate to show [env: CONVEYOR_TLS_CERT]
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,

    /// A PEM file with the key of that certificate [env: CONVEYOR_TLS_KEY]
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
}

/// How long an operator's tool waits for a server.
const TOOL_WAITS_MS: u64 = 5_000;

impl ConnectionArguments {
    /// Puts what was given in place of what the options have.
    pub(crate) fn over(self, mut options: ConnectionOptions) -> ConnectionOptions {
        options.url = self.url.or(options.url);
        options.creds_file = self.creds.or(options.creds_file);
        options.tls.ca_file = self.tls_ca.or(options.tls.ca_file);
        options.tls.cert_file = self.tls_cert.or(options.tls.cert_file);
        options.tls.key_file = self.tls_key.or(options.tls.key_file);
        options
    }

    /// The options of a tool: it does not wait for ever.
    pub(crate) fn of_tool(self) -> ConnectionOptions {
        let waiting = ConnectionOptions {
            connect_timeout_ms: Some(TOOL_WAITS_MS),
            ..ConnectionOptions::default()
        };
        self.over(waiting).with_environment()
    }

    /// Connects as a tool does.
    pub(crate) async fn connect(self) -> Result<SharedStream, Fault> {
        Ok(Arc::new(NatsStream::connect(&self.of_tool(), "conveyor-driver").await?))
    }
}
