//! What the process says at its end.

use conveyor_driver::ErrorCode;

pub(crate) const SUCCESS: u8 = 0;
pub(crate) const FAILED: u8 = 1;
pub(crate) const USAGE: u8 = 2;
pub(crate) const UNREACHABLE: u8 = 3;
pub(crate) const NOT_FOUND: u8 = 4;
pub(crate) const REFUSED: u8 = 5;
pub(crate) const RETRY: u8 = 75;
pub(crate) const INTERRUPTED: u8 = 130;

/// The same, for `--help`.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0    it was done; a driver that was told to stop has drained
  1    the work failed: a run, a check of `doctor`, a driver that had to stop
  2    wrong usage, or a fault in a document, which is named with its path
  3    a server cannot be reached or did not answer in time
  4    what was named does not exist
  5    a server refused: credentials, permissions, TLS, version, or a conflict
  75   `test`: the command asks for another attempt
  130  interrupted before it was done";

/// The exit code for an error of the runtime's.
pub(crate) fn of(code: ErrorCode) -> u8 {
    match code {
        ErrorCode::OptionsInvalid | ErrorCode::MessageInvalid | ErrorCode::ApiRefused => USAGE,
        ErrorCode::Unavailable | ErrorCode::TimedOut => UNREACHABLE,
        ErrorCode::NotFound => NOT_FOUND,
        ErrorCode::Unauthenticated
        | ErrorCode::PermissionDenied
        | ErrorCode::TlsFailed
        | ErrorCode::Unsupported
        | ErrorCode::Conflict => REFUSED,
        _ => FAILED,
    }
}
