//! What only a real NATS server shows: how it lets clients in, how it refuses them, and how pulls
//! live through its restarts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod admin;
mod auth;
mod malformed_headers;
mod nkeys;
mod permissions;
mod publish;
mod pull;
mod restart;
mod support;
mod tls;
mod unreachable;
