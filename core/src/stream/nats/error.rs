//! What NATS and JetStream report, in the runtime's codes. The only place that translates.

use std::error::Error as StdError;
use std::io;

use async_nats::client::{PublishErrorKind, SubscribeErrorKind};
use async_nats::{ConnectError, ConnectErrorKind, PublishError, ServerError, SubscribeError};
use serde::Deserialize;

use crate::error::{Error, ErrorCode};

pub(super) fn closed() -> Error {
    Error::new(ErrorCode::Closed, "the event stream was closed")
}

pub(super) fn disconnected() -> Error {
    Error::new(ErrorCode::Unavailable, "the connection to NATS is down")
}

pub(super) fn timed_out(subject: &str) -> Error {
    Error::new(ErrorCode::TimedOut, "NATS did not answer in time").with_context("subject", subject)
}

pub(super) fn too_large(subject: &str, bytes: usize, limit: usize) -> Error {
    Error::new(ErrorCode::TooLarge, "the message is larger than the server accepts")
        .with_context("subject", subject)
        .with_context("bytes", bytes)
        .with_context("limit", limit)
}

pub(super) fn denied(what: &str, subject: &str) -> Error {
    Error::new(ErrorCode::PermissionDenied, format!("NATS does not allow to {what}"))
        .with_context("subject", subject)
}

pub(super) fn malformed(subject: &str, cause: serde_json::Error) -> Error {
    Error::new(ErrorCode::Internal, "the server's answer has an unknown form")
        .with_context("subject", subject)
        .with_source(cause)
}

/// A message that did not get onto its way.
pub(super) fn not_queued(subject: &str, error: &PublishError) -> Error {
    match error.kind() {
        PublishErrorKind::MaxPayloadExceeded => {
            Error::new(ErrorCode::TooLarge, "the message is larger than the server accepts")
                .with_context("subject", subject)
        }
        PublishErrorKind::InvalidSubject => invalid_subject(subject),
        PublishErrorKind::Send => closed(),
    }
}

pub(super) fn not_subscribed(subject: &str, error: &SubscribeError) -> Error {
    match error.kind() {
        SubscribeErrorKind::InvalidSubject | SubscribeErrorKind::InvalidQueueName => {
            invalid_subject(subject)
        }
        SubscribeErrorKind::Other => closed(),
    }
}

fn invalid_subject(subject: &str) -> Error {
    Error::new(ErrorCode::MessageInvalid, "this cannot be a subject")
        .with_context("subject", subject)
}

/// The `error` member of a JetStream answer.
#[derive(Debug, Deserialize)]
pub(super) struct ApiError {
    code: u16,
    #[serde(default)]
    err_code: u32,
    #[serde(default)]
    description: String,
}

impl ApiError {
    const CONSUMER_NOT_MADE: u32 = 10012;
    const CONSUMER_NOT_FOUND: u32 = 10014;
    const NO_MESSAGE_FOUND: u32 = 10037;
    const NOT_ENABLED_FOR_ACCOUNT: u32 = 10039;
    const STREAM_CONFIG_INVALID: u32 = 10052;
    const STREAM_LIMITS: u32 = 10053;
    const MESSAGE_TOO_LARGE: u32 = 10054;
    const STREAM_NAME_IN_USE: u32 = 10058;
    const STREAM_NOT_FOUND: u32 = 10059;
    const STREAM_NOT_UPDATED: u32 = 10069;
    const NOT_ENABLED: u32 = 10076;
    const HEADERS_TOO_LARGE: u32 = 10097;

    pub(super) fn is_consumer_not_found(&self) -> bool {
        self.err_code == Self::CONSUMER_NOT_FOUND
    }

    pub(super) fn is_no_message_found(&self) -> bool {
        self.err_code == Self::NO_MESSAGE_FOUND
    }

    pub(super) fn is_stream_not_found(&self) -> bool {
        self.err_code == Self::STREAM_NOT_FOUND
    }

    pub(super) fn is_stream_name_in_use(&self) -> bool {
        self.err_code == Self::STREAM_NAME_IN_USE
    }

    fn error_code(&self) -> ErrorCode {
        match (self.err_code, self.code) {
            (Self::NOT_ENABLED | Self::NOT_ENABLED_FOR_ACCOUNT, _) => ErrorCode::Unsupported,
            (Self::MESSAGE_TOO_LARGE | Self::HEADERS_TOO_LARGE, _) => ErrorCode::TooLarge,
            // The server calls these its own failures; they refuse what was asked for.
            (
                Self::CONSUMER_NOT_MADE
                | Self::STREAM_CONFIG_INVALID
                | Self::STREAM_LIMITS
                | Self::STREAM_NOT_UPDATED,
                _,
            ) => ErrorCode::Conflict,
            (_, 404) => ErrorCode::NotFound,
            (_, 408) => ErrorCode::TimedOut,
            // A full disk, a missing leader, a cluster that is not whole: it may mend.
            (_, 500..) => ErrorCode::Unavailable,
            _ => ErrorCode::Conflict,
        }
    }

    pub(super) fn into_error(self, subject: &str) -> Error {
        let code = self.error_code();
        Error::new(code, self.description)
            .with_context("subject", subject)
            .with_context("jetstream_error", self.err_code)
    }
}

/// Why one try to connect failed.
pub(super) enum Failure {
    /// It will fail the next time, too.
    Lasting(Error),
    /// The next try may succeed.
    Passing(Error),
}

pub(super) fn not_connected(error: &ConnectError) -> Failure {
    use ErrorCode::{OptionsInvalid, TlsFailed, Unauthenticated, Unavailable};
    let because = |code, message: &str| Error::new(code, message).with_source(root_cause(error));
    if let Some(reason) = tls_reason(error) {
        return Failure::Lasting(
            Error::new(TlsFailed, "no TLS connection to NATS").with_source(reason.to_string()),
        );
    }
    match error.kind() {
        ConnectErrorKind::Tls => Failure::Lasting(because(TlsFailed, "no TLS connection to NATS")),
        ConnectErrorKind::AuthorizationViolation => {
            Failure::Lasting(because(Unauthenticated, "NATS refused the credentials"))
        }
        // Signing goes wrong before anything is sent: the seed is at fault.
        ConnectErrorKind::Authentication => Failure::Lasting(
            Error::new(OptionsInvalid, "1 fault in the options")
                .with_context("connection.nkey", "is not the seed of an nkey"),
        ),
        ConnectErrorKind::ServerParse => Failure::Lasting(
            Error::new(OptionsInvalid, "1 fault in the options")
                .with_context("connection.url", "is not an address"),
        ),
        _ if is_refusal(error) => {
            Failure::Lasting(because(Unauthenticated, "NATS refused the credentials"))
        }
        _ => Failure::Passing(because(Unavailable, "cannot reach NATS")),
    }
}

/// Whether the server said in its own words that these credentials are no longer good.
fn is_refusal(error: &ConnectError) -> bool {
    causes(error).any(|cause| match cause.downcast_ref::<ServerError>() {
        Some(ServerError::Other(text)) => {
            let text = text.to_lowercase();
            ["authentication expired", "authentication revoked", "account authentication"]
                .iter()
                .any(|refusal| text.contains(refusal))
        }
        _ => false,
    })
}

fn tls_reason(error: &ConnectError) -> Option<rustls::Error> {
    causes(error).find_map(|cause| {
        let inner = cause.downcast_ref::<io::Error>()?.get_ref()?;
        inner.downcast_ref::<rustls::Error>().cloned()
    })
}

fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

/// The innermost cause, as text: the client's own errors repeat their causes in their messages.
fn root_cause(error: &ConnectError) -> String {
    causes(error).last().map_or_else(String::new, ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(code: u16, err_code: u32) -> ErrorCode {
        ApiError { code, err_code, description: "d".into() }.into_error("s").code()
    }

    #[test]
    fn jetstream_errors_have_the_runtimes_codes() {
        assert_eq!(api(404, 10014), ErrorCode::NotFound);
        assert_eq!(api(404, 10059), ErrorCode::NotFound);
        assert_eq!(api(503, 10039), ErrorCode::Unsupported);
        assert_eq!(api(503, 10076), ErrorCode::Unsupported);
        assert_eq!(api(503, 10008), ErrorCode::Unavailable);
        assert_eq!(api(503, 10077), ErrorCode::Unavailable);
        assert_eq!(api(500, 10049), ErrorCode::Unavailable);
        assert_eq!(api(400, 10100), ErrorCode::Conflict);
        assert_eq!(api(500, 10012), ErrorCode::Conflict);
        assert_eq!(api(500, 10052), ErrorCode::Conflict);
        assert_eq!(api(400, 10054), ErrorCode::TooLarge);
    }

    #[test]
    fn a_tls_failure_is_found_inside_an_io_error() {
        let inner = rustls::Error::InvalidCertificate(rustls::CertificateError::Expired);
        let error = ConnectError::from(io::Error::new(io::ErrorKind::InvalidData, inner));
        assert!(matches!(
            not_connected(&error),
            Failure::Lasting(error) if error.code() == ErrorCode::TlsFailed
        ));
        let refused = ConnectError::from(io::Error::from(io::ErrorKind::ConnectionRefused));
        assert!(matches!(
            not_connected(&refused),
            Failure::Passing(error) if error.code() == ErrorCode::Unavailable
        ));
    }

    #[test]
    fn expired_credentials_are_a_refusal_and_a_full_server_is_not() {
        let said = |text: &str| {
            let error = ServerError::Other(text.to_owned());
            not_connected(&ConnectError::with_source(ConnectErrorKind::Io, error))
        };
        assert!(matches!(said("User Authentication Expired"), Failure::Lasting(_)));
        assert!(matches!(said("maximum connections exceeded"), Failure::Passing(_)));
        assert!(matches!(said("authentication timeout"), Failure::Passing(_)));
    }
}
