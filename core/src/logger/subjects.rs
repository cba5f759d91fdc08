//! Where the lines of one run go, and what all of its entries begin with.

use bytestring::ByteString;

use crate::message::log_entry;
use crate::run_id::RunId;
use crate::subject;

#[derive(Debug)]
pub(super) struct Subjects {
    pub(super) stored: ByteString,
    pub(super) live: ByteString,
    /// How every entry of the run begins.
    pub(super) opening: Vec<u8>,
}

impl Subjects {
    /// Nothing when the run id cannot be part of a subject, so that no line can be stored.
    pub(super) fn new(run: &RunId, driver: &str, pipeline: &str) -> Option<Self> {
        let (stored, live) = (subject::logs(run).ok()?, subject::live_logs(run, driver).ok()?);
        let opening = log_entry::opening(run, driver, pipeline);
        Some(Self { stored: stored.into(), live: live.into(), opening })
    }
}
