//! What the server says on a pull's inbox when it is not a message of the stream.

use crate::error::{Error, ErrorCode};

/// What a status means for the pull.
#[derive(Debug)]
pub(super) enum Status {
    /// The server still knows the request.
    Alive,
    /// The request is over; with how many not delivered, when the server says so.
    Over(Option<usize>),
    /// Every request is over, and a new one may be made at once: another server takes the lead, or
    /// this one stops.
    AllOver,
    /// The request was not taken now.
    Later(Option<usize>),
    /// Nobody took the request: the consumer has no leader, or does not exist.
    NobodyThere,
    /// No such pull can succeed.
    Never(Error),
}

pub(super) fn read(code: u16, description: &str, left: Option<usize>) -> Status {
    let text = description.to_lowercase();
    let says = |words: &str| text.contains(words);
    let never = |code, message: &str| {
        Status::Never(Error::new(code, message).with_context("server", description))
    };
    match code {
        100 => Status::Alive,
        404 | 408 => Status::Over(left),
        503 => Status::NobodyThere,
        409 if says("consumer deleted") => never(ErrorCode::NotFound, "the consumer was deleted"),
        409 if says("leadership change") || says("server shutdown") => Status::AllOver,
        409 if says("batch completed") || says("maxbytes") && !says("maxrequest") => {
            Status::Over(left)
        }
        409 if says("maxrequest") || says("push based") => {
            never(ErrorCode::Conflict, "the consumer does not serve such pulls")
        }
        400 | 422 | 423 => never(ErrorCode::Conflict, "the consumer does not serve such pulls"),
        // Too many requests wait, too many deliveries are unsettled, and what is not known yet.
        _ => Status::Later(left),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_has_its_merit() {
        assert!(matches!(read(100, "Idle Heartbeat", None), Status::Alive));
        assert!(matches!(read(408, "Request Timeout", Some(3)), Status::Over(Some(3))));
        assert!(matches!(read(404, "No Messages", None), Status::Over(None)));
        assert!(matches!(read(503, "", None), Status::NobodyThere));
        for restart in ["Leadership Change", "Server Shutdown"] {
            assert!(matches!(read(409, restart, None), Status::AllOver));
        }
        for later in ["Exceeded MaxWaiting", "Exceeded MaxAckPending", "Something New"] {
            assert!(matches!(read(409, later, None), Status::Later(None)), "{later}");
        }
        let code = |status| match status {
            Status::Never(error) => Some(error.code()),
            _ => None,
        };
        assert_eq!(code(read(409, "Consumer Deleted", None)), Some(ErrorCode::NotFound));
        for never in ["Consumer is push based", "Exceeded MaxRequestBatch of 5"] {
            assert_eq!(code(read(409, never, None)), Some(ErrorCode::Conflict), "{never}");
        }
        assert_eq!(code(read(400, "Bad Request", None)), Some(ErrorCode::Conflict));
    }
}
