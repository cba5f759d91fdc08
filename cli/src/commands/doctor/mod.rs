//! `doctor`: what stands between a driver and its events.

mod account;
mod consumers;
mod finding;
mod network;
mod streams;

use std::sync::Arc;

use clap::Args;
use conveyor_driver::options::Faults;
use conveyor_driver::stream::{EventStream, NatsStream};

use super::test::Output;
use crate::connection::ConnectionArguments;
use crate::exit_code;
use crate::fault::Fault;
use finding::{Finding, Report};

/// Look for what keeps drivers from working, and say how to cure it.
///
/// It looks at the options, the network, TLS, the credentials, the server's version, the streams, the
/// consumers of drivers, the permissions and the clock, and changes nothing. The exit code is 1 when
/// something is broken; what only might be is a warning.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// How the findings are shown.
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,

    #[command(flatten)]
    connection: ConnectionArguments,
}

impl Arguments {
    pub(crate) async fn run(self) -> Result<u8, Fault> {
        let options = self.connection.of_tool();
        let mut report = Report::new(self.output);
        let mut faults = Faults::default();
        options.check("connection", &mut faults);
        if let Err(error) = faults.into_result() {
            for (path, reason) in error.context() {
                report.add(Finding::broken("options", format!("{path} {reason}"), "correct it"))?;
            }
            return Ok(exit_code::FAILED);
        }
        network::look(&options, &mut report).await?;
        let stream = match NatsStream::connect(&options, "conveyor-driver doctor").await {
            Ok(stream) => Arc::new(stream),
            Err(error) => {
                report.add(Finding::of_error("login", &error))?;
                return Ok(report.exit_code());
            }
        };
        report.add(Finding::good("login", "the server lets this client in, and has JetStream"))?;
        account::look(&*stream, &mut report).await?;
        streams::look(&*stream, &mut report).await?;
        consumers::look(&*stream, &mut report).await?;
        stream.close().await;
        Ok(report.exit_code())
    }
}
