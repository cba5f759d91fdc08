//! Every option: its name, meaning, default and limits. The only place where a default stands.
//!
//! Numbers carry their unit in the name. A document (from any language, or a file) enters through
//! [`from_document`], which reports every fault at once, each with its path.

mod client;
mod connection;
mod document;
mod driver;
mod environment;
mod fault;
mod limits;
mod manager;
mod secret;
mod tls;

pub use client::ClientOptions;
pub use connection::ConnectionOptions;
pub use document::from_document;
pub use driver::{DriverOptions, Serialization};
pub(crate) use environment::SECRET_VARIABLES;
#[cfg(feature = "contract")]
pub(crate) use environment::{Environment, Variable};
pub use fault::Faults;
#[cfg(feature = "client")]
pub(crate) use fault::at;
#[cfg(feature = "contract")]
pub(crate) use limits::Limit;
pub use manager::ManagerOptions;
pub use secret::Secret;
pub use tls::TlsOptions;
