//! What only a real NATS server shows: how it lets clients in, how it refuses them, and how pulls
//! live through its restarts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "nats/admin.rs"]
mod admin;
#[path = "nats/auth.rs"]
mod auth;
#[path = "nats/certificates.rs"]
mod certificates;
#[path = "nats/nkeys.rs"]
mod nkeys;
#[path = "nats/permissions.rs"]
mod permissions;
#[path = "nats/publish.rs"]
mod publish;
#[path = "nats/pull.rs"]
mod pull;
#[path = "nats/restart.rs"]
mod restart;
#[path = "src/scratch_server.rs"]
mod scratch_server;
#[path = "nats/support.rs"]
mod support;
#[path = "nats/tls.rs"]
mod tls;
#[path = "nats/unreachable.rs"]
mod unreachable;
