//! Where a measurement was made.

use std::fmt;
use std::fs;
use std::thread::available_parallelism;

use anyhow::{Context, Result};
use conveyor_driver_cli::nats_server::NatsProgram;

/// What a reader has to know to place the numbers.
#[derive(Clone, Debug)]
pub struct Machine {
    processor: String,
    cores: usize,
    kernel: String,
    server: String,
    load_before: String,
}

impl Machine {
    /// This one, as it is before the measurement.
    ///
    /// # Errors
    /// When the kernel does not say, or there is no nats-server.
    pub async fn here() -> Result<Self> {
        let processors = fs::read_to_string("/proc/cpuinfo")?;
        let model = processors.lines().find_map(|line| line.strip_prefix("model name"));
        let processor =
            model.map_or("unknown processor", |name| name.trim_start_matches([' ', '\t', ':']));
        let load = fs::read_to_string("/proc/loadavg")?;
        Ok(Self {
            processor: processor.to_owned(),
            cores: available_parallelism()?.get(),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            server: NatsProgram::find().await?.version().to_owned(),
            load_before: load.split(' ').next().context("no load")?.to_owned(),
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} cores of {}, Linux {}, nats-server {}, load average before {}",
            self.cores, self.processor, self.kernel, self.server, self.load_before
        )
    }
}
