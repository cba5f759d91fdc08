//! `cancel`: end a run early.

use std::collections::BTreeSet;
use std::io::Write;
use std::time::Duration;

use clap::Args;
use conveyor_driver::message::{ControlReply, ControlRequest, ServiceStats};
use conveyor_driver::stream::{EventStream, Message, request};
use conveyor_driver::{ErrorCode, RunId, subject};
use futures_util::future::join_all;
use serde_json::json;

use crate::connection::ConnectionArguments;
use crate::exit_code;
use crate::fault::Fault;
use crate::screen::clean;
use crate::services;

/// How long drivers may take to say that they are there.
const FOUND_WITHIN: Duration = Duration::from_secs(2);
/// How long the instance that has the run may take.
const ANSWERS_WITHIN: Duration = Duration::from_secs(3);

/// End a run early: it is asked to end, and answered with a failed result that says why.
///
/// The driver's cancel grace limits how long it may take. A run that waits for its next driver is not in
/// flight anywhere and cannot be cancelled.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The run id.
    #[arg(value_name = "RUN_ID")]
    run: String,

    /// Why, for people.
    #[arg(long, default_value = "cancelled by an operator")]
    reason: String,

    /// The driver that has the run. Without it, every driver that answers is asked.
    #[arg(long, value_name = "NAME")]
    driver: Vec<String>,

    #[command(flatten)]
    connection: ConnectionArguments,
}

impl Arguments {
    pub(crate) async fn run(self) -> Result<u8, Fault> {
        let run = RunId::from(self.run.as_str());
        run.subject_part()?;
        let stream = self.connection.clone().connect().await?;
        let drivers = match self.driver.as_slice() {
            [] => {
                let found = services::drivers(&*stream, FOUND_WITHIN).await?;
                let mut having: Vec<_> = found.iter().filter(|driver| has(driver, &run)).collect();
                if having.is_empty() {
                    // It may have begun since.
                    having = found.iter().collect();
                }
                let names: BTreeSet<_> =
                    having.into_iter().map(|driver| driver.identity.name.clone()).collect();
                names.into_iter().collect()
            }
            named => named.to_vec(),
        };
        let asked = drivers.iter().map(|driver| cancel(&*stream, driver, &run, &self.reason));
        let mut cancelled = Vec::new();
        for (driver, answer) in drivers.iter().zip(join_all(asked).await) {
            match answer? {
                0 => {}
                count => cancelled.push((driver, count)),
            }
        }
        stream.close().await;
        if cancelled.is_empty() {
            return Err(Fault::new(exit_code::NOT_FOUND, "the run is not in flight")
                .with("run_id", &self.run)
                .with(
                    "asked",
                    if drivers.is_empty() { "nobody".into() } else { drivers.join(", ") },
                )
                .hint("`conveyor-driver runs` lists what is in flight"));
        }
        let mut out = anstream::stdout().lock();
        for (driver, count) in cancelled {
            writeln!(out, "{} is told to end ({count} event{})", clean(driver), plural(count))?;
        }
        Ok(exit_code::SUCCESS)
    }
}

/// Whether an instance has the run, as far as it can tell.
fn has(driver: &ServiceStats, run: &RunId) -> bool {
    let in_flight = services::in_flight(driver);
    in_flight.omitted > 0 || in_flight.runs.iter().any(|held| held.run_id == *run)
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// How many events of the run this driver was told to end.
async fn cancel(
    stream: &dyn EventStream,
    driver: &str,
    run: &RunId,
    reason: &str,
) -> Result<usize, Fault> {
    let order = json!(ControlRequest::Cancel { reason: reason.to_owned() }).to_string();
    let message = Message::new(subject::control_run(driver, run)?, order);
    let answer = match request(stream, message, ANSWERS_WITHIN).await {
        Ok(answer) => answer,
        // Instances that do not have the run stay silent.
        Err(error) if matches!(error.code(), ErrorCode::TimedOut | ErrorCode::NotFound) => {
            return Ok(0);
        }
        Err(error) => return Err(error.into()),
    };
    let reply: ControlReply = serde_json::from_slice(&answer.payload).map_err(|error| {
        Fault::new(exit_code::FAILED, "the driver's answer cannot be read").with("cause", error)
    })?;
    match reply.error {
        Some(error) => Err(Fault::new(exit_code::FAILED, error).with("driver", driver)),
        None => Ok(reply.cancelled),
    }
}
