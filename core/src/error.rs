//! What can go wrong, as a caller sees it: one error type and one numbered table of codes.

use std::fmt;
use std::sync::Arc;

/// The result of every fallible call of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! error_codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $number:literal, retryable: $retryable:literal;)+) => {
        /// The numbered table of situations an [`Error`] reports. Append-only: a gap is retired for ever.
        ///
        /// Each code says what the caller should do. The same numbers and names reach every language.
        #[repr(u32)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $($(#[doc = $doc])+ $name = $number,)+
        }

        impl ErrorCode {
            /// Every code, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The code's name, the same in every language.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)+ }
            }

            /// Whether the same call may succeed later without any change by the caller.
            #[must_use]
            pub const fn retryable(self) -> bool {
                match self { $(Self::$name => $retryable,)+ }
            }

            /// What the situation is and what the caller should do, as written in this table.
            #[must_use]
            pub const fn doc(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc, "\n",)+),)+ }
            }
        }
    };
}

error_codes! {
    /// An option is missing, unknown, of the wrong type or out of range. Correct every field that
    /// the context names; nothing was started.
    OptionsInvalid = 1, retryable: false;
    /// The server or one of its streams cannot be reached. Check the address and that the server
    /// runs; the same call may succeed later.
    Unavailable = 2, retryable: true;
    /// The server refused the credentials, or wants some and got none. Correct the token, user,
    /// nkey or credentials file.
    Unauthenticated = 3, retryable: false;
    /// The credentials are good but do not allow this. Have the permission named in the context
    /// granted.
    PermissionDenied = 4, retryable: false;
    /// A TLS connection could not be made: a certificate is missing, expired, for another host or
    /// signed by another authority. Correct the `tls` options or the server's certificate.
    TlsFailed = 5, retryable: false;
    /// The server lacks something the runtime needs, such as JetStream or version 2.10. Upgrade or
    /// reconfigure the server.
    Unsupported = 6, retryable: false;
    /// What was named does not exist. Check the name, or create it first.
    NotFound = 7, retryable: false;
    /// What was named exists already, or in another form, and changing it could lose something. Read
    /// the context, then rename, delete what is there, or set `adopt`.
    Conflict = 8, retryable: false;
    /// A document does not have the form its kind requires. Correct the sender; the context names
    /// the field.
    MessageInvalid = 9, retryable: false;
    /// A document is larger than the server accepts. Send less.
    TooLarge = 10, retryable: false;
    /// No answer came in time. The operation may or may not have happened; repeat it if it is safe
    /// to repeat.
    TimedOut = 11, retryable: true;
    /// The operation was cancelled before it ended. Nothing to do, unless the cancellation
    /// surprises you.
    Cancelled = 12, retryable: false;
    /// The object was already stopped or completed. Make a new one.
    Closed = 13, retryable: false;
    /// A command could not be started or its output not read. Check that the program exists, is
    /// executable and that the working directory exists.
    ExecFailed = 14, retryable: false;
    /// The runtime broke one of its own rules. Please report it, with the log.
    Internal = 15, retryable: false;
    /// The object was started in another process, of which this one is a fork: its threads and
    /// connections are not here. Start a new one after the fork, or start the child anew (spawn).
    Forked = 16, retryable: false;
    /// As many log lines wait for room in the buffer as may. None of this call were taken: repeat it
    /// once some of the others are accepted.
    LogFull = 17, retryable: true;

    /// A call was given what it cannot take: nothing where something is needed, text that is not UTF-8,
    /// a handle of another kind, a structure of an unknown size. Correct the caller; the context names
    /// the argument.
    ArgumentInvalid = 18, retryable: false;

    /// The call would wait for the function that it is made from. Make it from another thread, or ask
    /// for the same without waiting.
    WouldDeadlock = 19, retryable: false;
    /// The API server refused the request: a resource does not fit its schema, a name is missing, or the
    /// server sends the client elsewhere. Correct what the message says; nothing was changed.
    ApiRefused = 20, retryable: false;
    /// The API server failed to do what it was asked, and may have done part of it. Read what is there,
    /// then repeat it if it is safe to repeat.
    ApiFailed = 21, retryable: true;
    /// The answer has another form than the API's: no JSON, another kind of document. Check that the
    /// address is that of a Conveyor API and what stands between. What was asked for may have happened.
    ResponseInvalid = 22, retryable: false;
    /// The answer is larger than `max_response_bytes`. Ask for less, or allow more. What was asked for
    /// has happened.
    ResponseTooLarge = 23, retryable: false;
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

type Source = Arc<dyn std::error::Error + Send + Sync>;

/// An error with a stable [code](ErrorCode), a message for people, and named context.
///
/// `Display` is one line: `Unavailable: cannot reach NATS (url: nats://host:4222): refused`.
/// Secrets never enter it.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    code: ErrorCode,
    message: String,
    context: Vec<(String, String)>,
    source: Option<Source>,
}

impl Error {
    /// Makes an error of this code.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self(Box::new(Inner { code, message: message.into(), context: Vec::new(), source: None }))
    }

    /// Adds a named fact: a field's path, a name, an address.
    #[must_use]
    pub fn with_context(mut self, name: impl Into<String>, value: impl fmt::Display) -> Self {
        self.0.context.push((name.into(), value.to_string()));
        self
    }

    /// Adds the error that caused this one.
    #[must_use]
    pub fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.0.source = Some(source.into().into());
        self
    }

    /// The numbered situation. Decide on this, never on the text.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.0.code
    }

    /// The message alone, without code, context and source.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The named facts, in the order they were added. For `OptionsInvalid`, the path of each
    /// faulty field and what is wrong with it.
    #[must_use]
    pub fn context(&self) -> &[(String, String)] {
        &self.0.context
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code, self.0.message)?;
        for (i, (name, value)) in self.0.context.iter().enumerate() {
            write!(f, "{}{name}: {value}", if i == 0 { " (" } else { ", " })?;
        }
        if !self.0.context.is_empty() {
            f.write_str(")")?;
        }
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn codes_are_numbered_once_in_rising_order_and_documented() {
        let numbers: Vec<u32> = ErrorCode::ALL.iter().map(|code| *code as u32).collect();
        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{numbers:?}");
        let names: HashSet<_> = ErrorCode::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), ErrorCode::ALL.len());
        assert!(ErrorCode::ALL.iter().all(|code| code.doc().len() > 20));
    }

    #[test]
    fn display_is_one_line_with_context_and_causes() {
        let error = Error::new(ErrorCode::Unavailable, "cannot reach NATS")
            .with_context("url", "nats://host:4222")
            .with_source(std::io::Error::other("refused"));
        assert_eq!(
            error.to_string(),
            "Unavailable: cannot reach NATS (url: nats://host:4222): refused"
        );
    }
}
