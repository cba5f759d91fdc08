//! Why a command could not be done, as its user hears it: the fault, where it is, and a hint.

use std::fmt::Display;
use std::io::{self, Write};

use conveyor_driver::{Error, ErrorCode};

use crate::exit_code;
use crate::screen::{BOLD, ERROR, HINT, clean};

/// A fault with the exit code it ends the process with.
#[derive(Debug)]
pub(crate) struct Fault {
    message: String,
    facts: Vec<(String, String)>,
    hint: Option<String>,
    exit_code: u8,
}

impl Fault {
    pub(crate) fn new(exit_code: u8, message: impl Into<String>) -> Self {
        Self { message: message.into(), facts: Vec::new(), hint: None, exit_code }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(exit_code::USAGE, message)
    }

    pub(crate) fn with(mut self, name: impl Into<String>, value: impl Display) -> Self {
        self.facts.push((name.into(), value.to_string()));
        self
    }

    /// Takes the place of another hint.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) const fn exit_code(&self) -> u8 {
        self.exit_code
    }

    /// Writes it to standard error.
    pub(crate) fn tell(&self) {
        // A reader that went away is told nothing and misses nothing.
        if self.exit_code != exit_code::SUCCESS {
            let _written = self.write(&mut anstream::stderr().lock());
        }
    }

    fn write(&self, to: &mut impl Write) -> io::Result<()> {
        writeln!(to, "{ERROR}error:{ERROR:#} {BOLD}{}{BOLD:#}", clean(&self.message))?;
        for (name, value) in &self.facts {
            let mut lines = value.lines();
            writeln!(to, "  {name}: {}", clean(lines.next().unwrap_or_default()))?;
            for line in lines {
                writeln!(to, "    {}", clean(line))?;
            }
        }
        match &self.hint {
            Some(hint) => writeln!(to, "{HINT}hint:{HINT:#} {hint}"),
            None => Ok(()),
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let mut fault =
            Self::new(exit_code::of(error.code()), error.message()).with("code", error.code());
        let by_api = error.context().iter().any(|(name, _)| name == "request");
        let mut hint = if by_api && error.code() == ErrorCode::Unauthenticated {
            Some("give --tls-cert and --tls-key, whose key signs the token".to_owned())
        } else {
            hint(error.code()).map(str::to_owned)
        };
        for (name, value) in error.context() {
            if name == "cure" {
                hint = Some(value.clone());
            } else {
                fault = fault.with(name, value);
            }
        }
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            fault = fault.with("cause", error);
            cause = error.source();
        }
        Self { hint, ..fault }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // As with `| head`: who read has had enough.
            io::ErrorKind::BrokenPipe => Self::new(exit_code::SUCCESS, "nobody reads any more"),
            _ => Self::new(exit_code::FAILED, error.to_string()),
        }
    }
}

pub(crate) fn hint(code: ErrorCode) -> Option<&'static str> {
    Some(match code {
        ErrorCode::Unavailable => {
            "is a server running there? `conveyor-driver dev` starts one, `conveyor-driver doctor` \
             looks further"
        }
        ErrorCode::TimedOut => "`conveyor-driver doctor` looks at connection and server",
        ErrorCode::Unauthenticated => {
            "give --creds FILE, or CONVEYOR_NATS_TOKEN, CONVEYOR_NATS_USER and \
             CONVEYOR_NATS_PASSWORD, or CONVEYOR_NATS_NKEY"
        }
        ErrorCode::PermissionDenied => "have what is named granted to these credentials",
        ErrorCode::TlsFailed => {
            "check --tls-ca, --tls-cert and --tls-key, and that the certificate is for this host"
        }
        ErrorCode::Unsupported => {
            "a newer server is needed: NATS 2.10 or later with JetStream, Conveyor 0.6 or later"
        }
        ErrorCode::Conflict => {
            "rename the driver, or take the consumer over with `--set adopt=true`; messages held for \
             it may then be lost"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_top_down_and_hides_control_characters() {
        let error = Error::new(ErrorCode::Unavailable, "cannot \x1b[31mreach")
            .with_context("url", "nats://h")
            .with_context("cure", "start it")
            .with_source(io::Error::other("refused"));
        let mut text = Vec::new();
        let fault = Fault::from(error);
        fault.write(&mut anstream::StripStream::new(&mut text)).unwrap();
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "error: cannot reach\n  code: Unavailable\n  url: nats://h\n  cause: refused\nhint: start it\n"
        );
        assert_eq!(fault.exit_code(), exit_code::UNREACHABLE);
    }
}
