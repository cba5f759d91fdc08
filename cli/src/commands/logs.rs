//! `logs`: what drivers wrote.

use std::io::{self, Write};

use clap::Args;
use conveyor_driver::client::{LogEvent, LogFilter};
use conveyor_driver::message::LogEntry;
use futures_util::StreamExt;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::test::Output;
use crate::api::ApiArguments;
use crate::exit_code;
use crate::fault::Fault;
use crate::screen::{DIM, WARNING, clean};

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
            let stream = client.logs().stream(&filter)?;
            return self.follow(stream).await;
        }
        let mut lines = client.logs().query(&filter).await?;
        if lines.is_empty() {
            writeln!(anstream::stderr(), "there are no log lines of this run")?;
        }
        lines.sort_by(|one, other| one.timestamp.cmp(&other.timestamp));
        lines.iter().try_for_each(|line| self.show(line))?;
        Ok(exit_code::SUCCESS)
    }

    async fn follow(&self, mut stream: conveyor_driver::client::LogStream) -> Result<u8, Fault> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        loop {
            let event = tokio::select! {
                event = stream.next() => event,
                _ = interrupt.recv() => return Ok(exit_code::SUCCESS),
                _ = terminate.recv() => return Ok(exit_code::SUCCESS),
            };
            match event.transpose()? {
                Some(LogEvent::Line { entry }) => self.show(&entry)?,
                Some(LogEvent::Gap { reason }) => self.gap(&json!(reason))?,
                Some(_) => {}
                None => return Ok(exit_code::SUCCESS),
            }
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
