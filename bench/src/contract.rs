//! What a candidate is told through its environment, and what its reconcile does.

use std::env::VarError;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

/// One candidate's orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contract {
    /// `NATS_URL`: the server.
    pub url: String,
    /// `DRIVER_NAME`: the driver, and its durable consumer, which is there already.
    pub driver: String,
    /// `RESOURCE`: the one resource type it handles.
    pub resource: String,
    /// `CONCURRENCY`: events it may have in flight.
    pub concurrency: u32,
    /// What its reconcile does.
    pub work: Work,
}

/// `MODE`: what a reconcile does before it answers with its start, `{"t_start_us": n}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// `drain`: nothing.
    Drain,
    /// `logs`: writes so many [lines](line()), `LOG_LINES` of `LOG_BYTES` each.
    Logs {
        /// How many.
        lines: usize,
        /// How long each is.
        bytes: usize,
    },
    /// `sleep`: waits for `SLEEP_MS`.
    Sleep(Duration),
}

impl Contract {
    /// Reads the orders of this process.
    ///
    /// # Errors
    /// When a variable is missing or not what it should be.
    pub fn from_environment() -> Result<Self> {
        let work = match text("MODE")?.as_str() {
            "drain" => Work::Drain,
            "logs" => Work::Logs { lines: number("LOG_LINES")?, bytes: number("LOG_BYTES")? },
            "sleep" => Work::Sleep(Duration::from_millis(number("SLEEP_MS")?)),
            other => bail!("MODE is drain, logs or sleep, not {other}"),
        };
        Ok(Self {
            url: text("NATS_URL")?,
            driver: text("DRIVER_NAME")?,
            resource: text("RESOURCE")?,
            concurrency: number("CONCURRENCY")?,
            work,
        })
    }

    /// The environment that gives a process these orders.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let mut variables = vec![
            ("NATS_URL", self.url.clone()),
            ("DRIVER_NAME", self.driver.clone()),
            ("RESOURCE", self.resource.clone()),
            ("CONCURRENCY", self.concurrency.to_string()),
        ];
        match self.work {
            Work::Drain => variables.push(("MODE", "drain".to_owned())),
            Work::Logs { lines, bytes } => variables.extend([
                ("MODE", "logs".to_owned()),
                ("LOG_LINES", lines.to_string()),
                ("LOG_BYTES", bytes.to_string()),
            ]),
            Work::Sleep(time) => variables
                .extend([("MODE", "sleep".to_owned()), ("SLEEP_MS", time.as_millis().to_string())]),
        }
        variables
    }
}

fn text(name: &'static str) -> Result<String> {
    std::env::var(name).map_err(|error: VarError| anyhow!("{name}: {error}"))
}

fn number<T: FromStr>(name: &'static str) -> Result<T>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    text(name)?.parse().context(name)
}

/// The text of line `i`: its number, filled up to so many bytes.
#[must_use]
pub fn line(i: usize, bytes: usize) -> String {
    let mut line = format!("line {i:07} ");
    line.extend(std::iter::repeat_n('x', bytes.saturating_sub(line.len())));
    line
}
