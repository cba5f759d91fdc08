//! Who takes part: the control plane with its nats-server, and the drivers.

use std::path::Path;

use conveyor_driver_cli::control_plane::Pipeline;
use conveyor_driver_cli::dev::{Dev, DevOptions, Show};

use crate::driver::DriverProcess;
use crate::program::DriverProgram;
use crate::{Fallible, RESOURCE};

/// The pipeline's name.
const PIPELINE: &str = "ship";

/// All that was started so far.
#[derive(Debug, Default)]
pub(crate) struct Cast {
    dev: Option<Dev>,
    drivers: Vec<DriverProcess>,
}

/// The cast, complete and ready.
#[derive(Debug)]
pub(crate) struct Stage<'a> {
    pub(crate) dev: &'a Dev,
    pub(crate) pipeline: String,
    pub(crate) drivers: &'a mut [DriverProcess],
}

impl Cast {
    /// Starts everyone, with their files in this folder, and returns when the drivers take events.
    pub(crate) async fn enter(&mut self, folder: &Path, show: &mut Show) -> Fallible<Stage<'_>> {
        let options = DevOptions {
            nats_port: 0,
            port: 0,
            store: Some(folder.join("nats")),
            ..DevOptions::default()
        };
        let dev = self.dev.insert(Dev::start(options).await?);
        show.ready(dev)?;
        for program in DriverProgram::all().await? {
            match program {
                Ok(program) => {
                    let driver = DriverProcess::start(program, dev.server().url(), folder)?;
                    show.note("driver", &driver.to_string())?;
                    self.drivers.push(driver);
                }
                Err(without) => show.note("without", &without)?,
            }
        }
        for driver in &mut self.drivers {
            driver.ready(&**dev.stream()).await?;
        }
        let steps: Vec<_> = self.drivers.iter().map(DriverProcess::name).collect();
        show.note("pipeline", &format!("{PIPELINE} for {RESOURCE}: {}", steps.join(" → ")))?;
        dev.pipeline(Pipeline::new(PIPELINE, RESOURCE, &steps));
        Ok(Stage { dev, pipeline: PIPELINE.to_owned(), drivers: &mut self.drivers })
    }

    /// Stops everyone, the drivers first, and says who that was.
    pub(crate) async fn stop(self, in_a_hurry: bool) -> String {
        let mut stopped = Vec::new();
        for driver in &self.drivers {
            driver.tell_to_stop(in_a_hurry);
        }
        for driver in self.drivers {
            stopped.push(driver.stopped().await);
        }
        if let Some(dev) = self.dev {
            dev.stop().await;
            stopped.push("control plane".to_owned());
        }
        if stopped.is_empty() { "nothing was running".to_owned() } else { stopped.join(", ") }
    }
}
