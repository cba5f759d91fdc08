//! What other languages are generated from or tested against: the error table and the schemas of
//! every document, made from the definitions that the runtime itself uses. Behind the feature
//! `contract`.
//!
//! The folder `core/contract` holds them as files, which the test `contract` keeps up to date.

#[cfg(feature = "client")]
mod client;
mod errors;
mod host;
mod messages;
mod options;
mod schema;

#[cfg(feature = "client")]
pub use client::client_schema;
pub use errors::{ErrorRow, errors};
pub use host::host_schema;
pub use messages::messages_schema;
pub use options::options_schema;
