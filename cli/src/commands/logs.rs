//! `logs`: what drivers wrote.

use std::collections::HashSet;
use std::io::{self, Write};
use std::time::Duration;

use clap::Args;
use conveyor_driver::client::{Client, LogEvent, LogFilter};
use conveyor_driver::message::LogEntry;
use conveyor_driver::{Error, ErrorCode};
use futures_util::StreamExt;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

use super::test::Output;
use crate::api::ApiArguments;
use crate::exit_code;
use crate::fault::Fault;
use crate::screen::{DIM, WARNING, clean};

const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Show the log of a run, as the Conveyor API keeps it.
///
/// Lines are in the order of their time over all drivers. With --follow those that are stored come first,
/// driver by driver, then those that are written, until Ctrl-C.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The run id.
    #[arg(value_name = "RUN_ID")]
    run: String,

    /// Go on with what is written from now on.
    #[arg(long, short)]
    follow: bool,

    /// Only the lines of this driver.
    #[arg(long, value_name = "NAME")]
    driver: Option<String>,

    /// Show the time of each line.
    #[arg(long, short)]
    timestamps: bool,

    /// How lines are shown.
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,

    #[command(flatten)]
    connection: ApiArguments,
}

impl Arguments {
    pub(crate) async fn run(self) -> Result<u8, Fault> {
        let client = self.connection.clone().client()?;
        let mut filter = LogFilter::run(self.run.as_str());
        filter.driver.clone_from(&self.driver);
        if self.follow {
            let mut interrupt = signal(SignalKind::interrupt())?;
            let mut terminate = signal(SignalKind::terminate())?;
            return tokio::select! {
                ended = self.follow(&client, &filter) => ended,
                _ = interrupt.recv() => Ok(exit_code::SUCCESS),
                _ = terminate.recv() => Ok(exit_code::SUCCESS),
            };
        }
        let mut lines = client.logs().query(&filter).await?;
        if lines.is_empty() {
            writeln!(anstream::stderr(), "there are no log lines of this run")?;
        }
        lines.sort_by(|one, other| one.timestamp.cmp(&other.timestamp));
        lines.iter().try_for_each(|line| self.show(line))?;
        Ok(exit_code::SUCCESS)
    }

    async fn follow(&self, client: &Client, filter: &LogFilter) -> Result<u8, Fault> {
        let mut stream = client.logs().stream(filter)?;
        while let Some(event) = stream.next().await {
            match event {
                Ok(LogEvent::Line { entry }) => self.show(&entry)?,
                Ok(LogEvent::Gap { reason }) => self.gap(&json!(reason))?,
                Ok(_) => {}
                Err(error) if has_no_stream(&error) => {
                    tracing::warn!("this server streams no such log: asking for it every second");
                    return self.ask_again_and_again(client, filter).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(exit_code::SUCCESS)
    }

    async fn ask_again_and_again(&self, client: &Client, filter: &LogFilter) -> Result<u8, Fault> {
        let mut shown = HashSet::new();
        loop {
            let mut lines = client.logs().query(filter).await?;
            lines.sort_by(|one, other| one.timestamp.cmp(&other.timestamp));
            for line in lines {
                // No two lines of a driver and run have the same time.
                if shown.insert((line.driver.clone(), line.timestamp.clone())) {
                    self.show(&line)?;
                }
            }
            sleep(ASK_AGAIN).await;
        }
    }

    fn show(&self, line: &LogEntry) -> io::Result<()> {
        let mut out = anstream::stdout().lock();
        if self.output == Output::Json {
            return writeln!(out, "{}", json!(line));
        }
        for text in line.message.split('\n') {
            if self.timestamps {
                write!(out, "{DIM}{}{DIM:#} ", clean(&line.timestamp))?;
            }
            writeln!(out, "{DIM}{} │{DIM:#} {}", clean(&line.driver), clean(text))?;
        }
        Ok(())
    }

    fn gap(&self, reason: &serde_json::Value) -> io::Result<()> {
        if self.output == Output::Json {
            return writeln!(anstream::stdout(), "{}", json!({ "gap": reason }));
        }
        writeln!(anstream::stderr(), "{WARNING}lines may be missing here: {reason}{WARNING:#}")
    }
}

/// Servers before 0.6 stream logs in another way, or not at all.
fn has_no_stream(error: &Error) -> bool {
    const UPGRADE_REQUIRED: &str = "426";
    let status = error.context().iter().find(|(name, _)| name == "status");
    error.code() == ErrorCode::Unsupported
        || status.is_some_and(|(_, status)| status == UPGRADE_REQUIRED)
}
