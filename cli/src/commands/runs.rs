//! `runs`: what is in flight, and where.

use std::io::Write;
use std::time::Duration;

use clap::Args;
use conveyor_driver::message::ServiceStats;
use serde_json::json;

use super::exec::milliseconds;
use super::test::Output;
use crate::connection::ConnectionArguments;
use crate::exit_code;
use crate::fault::Fault;
use crate::screen::{clean, short, table};
use crate::services::{self, in_flight, place};

/// List the drivers that are there, and the runs that each instance has in flight.
///
/// Drivers answer as services of NATS micro do, so `nats micro ls`, `info` and `stats` know them, too.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Only this driver; may be given more than once.
    #[arg(long, value_name = "NAME")]
    driver: Vec<String>,

    /// How long to wait for answers.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = milliseconds)]
    wait: u64,

    /// How they are shown.
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,

    #[command(flatten)]
    connection: ConnectionArguments,
}

impl Arguments {
    pub(crate) async fn run(self) -> Result<u8, Fault> {
        let stream = self.connection.connect().await?;
        let mut drivers = services::drivers(&*stream, Duration::from_millis(self.wait)).await?;
        stream.close().await;
        if !self.driver.is_empty() {
            drivers.retain(|driver| self.driver.contains(&driver.identity.name));
        }
        let mut out = anstream::stdout().lock();
        match self.output {
            Output::Json => {
                drivers.iter().try_for_each(|driver| writeln!(out, "{}", json(driver)))?
            }
            Output::Text if drivers.is_empty() => writeln!(out, "no driver answers")?,
            Output::Text => write!(out, "{}", text(&drivers))?,
        }
        Ok(exit_code::SUCCESS)
    }
}

fn json(driver: &ServiceStats) -> String {
    let endpoint = driver.endpoints.first().cloned().unwrap_or_default();
    json!({
        "driver": driver.identity.name,
        "instance": driver.identity.id,
        "metadata": driver.identity.metadata,
        "version": driver.identity.version,
        "started": driver.started,
        "runs_total": endpoint.num_requests,
        "failed_total": endpoint.num_errors,
        "in_flight": endpoint.data.runs,
        "omitted": endpoint.data.omitted,
    })
    .to_string()
}

fn text(drivers: &[ServiceStats]) -> String {
    let mut table = table(&["driver", "instance", "run", "resource", "event", "attempt", "age"]);
    for driver in drivers {
        let (name, place) = (clean(&driver.identity.name), clean(&place(driver)));
        let in_flight = in_flight(driver);
        for run in &in_flight.runs {
            table.add_row([
                name.clone(),
                place.clone(),
                clean(run.run_id.as_str()),
                clean(&format!("{}/{}", run.resource, run.name)),
                clean(&run.event),
                run.attempt.to_string(),
                short(Duration::from_millis(run.age_ms)),
            ]);
        }
        if in_flight.runs.is_empty() {
            table.add_row([name.as_str(), &place, "idle"]);
        } else if in_flight.omitted > 0 {
            table.add_row([name.as_str(), &place, &format!("and {} more", in_flight.omitted)]);
        }
    }
    format!("{table}\n")
}
