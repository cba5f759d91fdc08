//! What a pull makes of each thing that arrives: deliveries, surplus, reasons to ask or to end.

use tokio::time::Instant;

use super::arrival::Arrival;
use super::demand::Demand;
use super::health::{Health, Verdict};
use super::status::Status;
use crate::error::{Error, ErrorCode, Result};
use crate::stream::{AckToken, ConsumerInfo, Delivery};

/// The state of a pull, apart from how it is heard and how it asks.
#[derive(Debug)]
pub(super) struct Intake {
    stream: String,
    consumer: String,
    pub(super) demand: Demand,
    pub(super) health: Health,
    pub(super) ready: Vec<Delivery>,
    /// What came beyond what was allowed, such as from a request the server kept too long.
    pub(super) surplus: Vec<AckToken>,
    pub(super) failed: Option<Error>,
    /// The inbox is to be given up, though the connection holds.
    pub(super) renew: bool,
    /// The consumer is to be asked how it is.
    pub(super) doubt: bool,
}

impl Intake {
    pub(super) fn new(stream: &str, consumer: &str, now: Instant) -> Self {
        Self {
            stream: stream.to_owned(),
            consumer: consumer.to_owned(),
            demand: Demand::default(),
            health: Health::new(now),
            ready: Vec::new(),
            surplus: Vec::new(),
            failed: None,
            renew: false,
            doubt: false,
        }
    }

    pub(super) fn take(&mut self, message: async_nats::Message) {
        let now = Instant::now();
        self.health.heard(now);
        match Arrival::read(message) {
            Some(Arrival::Delivery(delivery)) => {
                self.health.delivered(now);
                if self.demand.delivered() {
                    self.ready.push(delivery);
                } else {
                    self.surplus.push(delivery.token);
                }
            }
            Some(Arrival::Status { request, status }) => self.heed(request, status, now),
            None => tracing::debug!(consumer = %self.consumer, "an unknown message on the inbox"),
        }
    }

    /// Takes what was looked up because the connection cannot bring it.
    pub(super) fn admit(&mut self, found: Option<Delivery>) {
        if let Some(delivery) = found
            && self.demand.delivered()
        {
            self.ready.push(delivery);
        }
    }

    fn heed(&mut self, request: u64, status: Status, now: Instant) {
        tracing::trace!(consumer = %self.consumer, request, ?status, "status of a pull request");
        match status {
            Status::Alive => {}
            Status::Over(left) => {
                self.health.answered();
                self.demand.ended(request, left);
            }
            // Other requests will be told the same; they must not be taken for those made after.
            Status::AllOver => self.renew = true,
            Status::Later(left) => {
                self.demand.ended(request, left);
                self.health.refused(now);
            }
            Status::NobodyThere => {
                self.demand.ended(request, None);
                self.health.refused(now);
                self.doubt = true;
            }
            Status::Never(error) => self.fail(error),
        }
    }

    pub(super) fn fail(&mut self, error: Error) {
        self.renew = true;
        self.failed = Some(
            error.with_context("stream", &self.stream).with_context("consumer", &self.consumer),
        );
    }

    /// Looks whether a pull that waits still works.
    pub(super) fn look(&mut self, now: Instant) {
        if !self.demand.is_waiting() || self.renew {
            return;
        }
        match self.health.verdict(now) {
            Verdict::Well => {}
            Verdict::Silent => {
                self.pull_anew("the server is silent");
                self.doubt = true;
            }
            Verdict::Dry => self.doubt = true,
        }
    }

    /// Takes the consumer's own word: whether it exists, and whether it owes a delivery.
    pub(super) fn judge(&mut self, answer: Result<Option<ConsumerInfo>>, now: Instant) {
        match answer {
            Ok(None) => self.fail(Error::new(ErrorCode::NotFound, "the consumer does not exist")),
            Err(error) if error.code() == ErrorCode::NotFound => self.fail(error),
            Err(error) => {
                tracing::debug!(consumer = %self.consumer, %error, "the consumer cannot be asked");
            }
            Ok(Some(info)) => {
                if self.demand.is_waiting() && self.health.is_stalled(&info, now) {
                    self.pull_anew("the consumer has messages and delivers none");
                }
            }
        }
    }

    fn pull_anew(&mut self, reason: &str) {
        tracing::warn!(stream = %self.stream, consumer = %self.consumer, reason, "pulling anew");
        self.renew = true;
    }

    /// No request is open any more; what is wanted still has to be asked for.
    pub(super) fn inbox_ended(&mut self) {
        self.renew = false;
        self.demand.all_ended();
    }
}
