//! Where the Conveyor API is, as arguments.

use std::path::PathBuf;

use clap::Args;
use conveyor_driver::client::Client;
use conveyor_driver::options::ClientOptions;

use crate::fault::Fault;

/// Where the server listens unless told.
const DEFAULT_URL: &str = "http://127.0.0.1:8080";
/// One call of a tool does not wait for ever.
const TOOL_WAITS_MS: u64 = 10_000;

/// The connection to the Conveyor API.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct ApiArguments {
    /// The address of the Conveyor API [env: CONVEYOR_API_URL, CONVEYOR_SERVER_HOST and _PORT]
    /// [default: http://127.0.0.1:8080]
    #[arg(long, value_name = "URL")]
    api_url: Option<String>,

    /// A PEM file with the authorities to trust [env: CONVEYOR_TLS_CA]
    #[arg(long, value_name = "FILE")]
    tls_ca: Option<PathBuf>,

    /// A PEM file with the certificate that says who asks [env: CONVEYOR_TLS_CERT]
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,

    /// A PEM file with the key of that certificate, which signs the token [env: CONVEYOR_TLS_KEY]
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
}

impl ApiArguments {
    pub(crate) fn client(self) -> Result<Client, Fault> {
        let mut options = ClientOptions {
            url: self.api_url,
            request_timeout_ms: TOOL_WAITS_MS,
            ..ClientOptions::default()
        };
        options.tls.ca_file = self.tls_ca;
        options.tls.cert_file = self.tls_cert;
        options.tls.key_file = self.tls_key;
        let mut options = options.with_environment();
        options.url.get_or_insert_with(|| DEFAULT_URL.to_owned());
        Ok(Client::new(options)?)
    }
}
