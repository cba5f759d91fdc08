//! Requests to running drivers: core NATS request and reply on a subject for each driver and run.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt;

use super::lease::Leases;
use crate::cancellation::CancelReason;
use crate::message::{ControlReply, ControlRequest};
use crate::run_id::RunId;
use crate::stream::{EventStream, Message};
use crate::subject;

/// What all drivers of a manager have in flight.
#[derive(Debug, Default)]
pub(super) struct InFlight(Mutex<Vec<Arc<Leases>>>);

impl InFlight {
    pub(super) fn add(&self, leases: Arc<Leases>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(leases);
    }

    /// Tells every event of this run to end; says how many there were.
    pub(super) fn cancel(&self, run: &RunId, reason: &str) -> usize {
        let drivers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        drivers.iter().map(|leases| cancel(leases, run, reason)).sum()
    }
}

fn cancel(leases: &Leases, run: &RunId, reason: &str) -> usize {
    leases.cancel(run, &CancelReason::Requested(reason.to_owned()))
}

/// Answers requests for one driver until the stream is closed.
pub(super) async fn listen(stream: &dyn EventStream, driver: &str, leases: &Leases) {
    let mut requests = match stream.subscribe(&subject::control(driver)).await {
        Ok(requests) => requests,
        Err(error) => {
            tracing::warn!(driver, %error, "requests to cancel a run cannot be received");
            return;
        }
    };
    while let Some(request) = requests.next().await {
        let Some(run) = subject::controlled_run(driver, &request.subject) else { continue };
        let reply = match serde_json::from_slice(&request.payload) {
            Ok(ControlRequest::Cancel { reason }) => {
                let cancelled = cancel(leases, &run.into(), &reason);
                if cancelled == 0 {
                    continue;
                }
                tracing::info!(driver, run_id = run, reason, "a run was cancelled on request");
                ControlReply { cancelled, error: None }
            }
            Err(error) => ControlReply { cancelled: 0, error: Some(error.to_string()) },
        };
        answer(stream, driver, &request, &reply).await;
    }
}

async fn answer(stream: &dyn EventStream, driver: &str, request: &Message, reply: &ControlReply) {
    let (Some(subject), Ok(body)) = (&request.reply, serde_json::to_vec(reply)) else { return };
    if let Err(error) = stream.send(Message::new(subject.clone(), body)).await {
        tracing::warn!(driver, %error, "a request cannot be answered");
    }
}
