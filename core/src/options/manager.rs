//! Options of a driver manager.

use serde::{Deserialize, Serialize};

use super::client::ClientOptions;
use super::connection::ConnectionOptions;
use super::fault::Faults;
use super::limits::{DAY_MS, limits};

/// How a driver manager connects and stops.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
pub struct ManagerOptions {
    /// How to reach the event stream.
    pub connection: ConnectionOptions,
    /// How to reach the Conveyor API, for `run.client`. What its `tls` does not give is taken from that
    /// of the connection.
    pub client: ClientOptions,
    /// How long runs may go on after a shutdown was asked for, before they are cancelled.
    pub shutdown_grace_ms: u64,
    /// Drain on SIGINT and SIGTERM, and end at once on a second one. In a Rust program neither ends the
    /// process by itself from then on, also when the manager has ended: one that lives on sets this to
    /// false and listens itself.
    pub signals: bool,
}

impl Default for ManagerOptions {
    fn default() -> Self {
        Self {
            connection: ConnectionOptions::default(),
            client: ClientOptions::default(),
            shutdown_grace_ms: 30_000,
            signals: true,
        }
    }
}

limits!(ManagerOptions {
    shutdown_grace_ms: 0..=DAY_MS;
});

impl ManagerOptions {
    /// Notes every fault.
    pub fn check(&self, faults: &mut Faults) {
        self.connection.check("connection", faults);
        self.client.check("client", faults);
        faults.limits("", self, Self::LIMITS);
    }

    /// Fills what is not given from the environment.
    #[must_use]
    pub fn with_environment(mut self) -> Self {
        self.connection = self.connection.with_environment();
        self.client.tls = self.client.tls.or(&self.connection.tls);
        self.client = self.client.with_environment();
        self
    }
}
