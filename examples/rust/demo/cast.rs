//! Who takes part: event stream, control plane, driver.

use std::path::Path;
use std::sync::Arc;

use conveyor_driver::DriverManager;
use conveyor_driver::options::{ConnectionOptions, ManagerOptions};
use conveyor_driver::stream::{MemoryStream, NatsStream, SharedStream};
use conveyor_driver_cli::control_plane::ControlPlane;
use conveyor_driver_cli::nats_server::{NatsProgram, NatsServer, NatsServerOptions};
use conveyor_driver_examples::git_build;

use crate::Fallible;
use crate::driver::{DriverProcess, DriverProgram, RunningDriver};
use crate::screen::Screen;

/// All that was started so far.
#[derive(Debug, Default)]
pub(crate) struct Cast {
    server: Option<NatsServer>,
    stream: Option<SharedStream>,
    control_plane: Option<ControlPlane>,
    drivers: Vec<RunningDriver>,
}

/// The cast, complete and ready.
#[derive(Debug)]
pub(crate) struct Stage<'a> {
    pub(crate) control_plane: &'a ControlPlane,
    /// The pipeline's steps.
    pub(crate) steps: Vec<&'static str>,
    pub(crate) drivers: &'a mut [RunningDriver],
}

impl Cast {
    /// Starts everyone, with their files in this folder, and returns when the driver takes events.
    pub(crate) async fn enter(&mut self, folder: &Path, screen: &Screen) -> Fallible<Stage<'_>> {
        let steps = match NatsProgram::find().await {
            Ok(program) => self.enter_on_nats(&program, folder, screen).await?,
            Err(error) => {
                screen.say("nats-server", format_args!("{}: none is started", error.message()))?;
                self.enter_in_process(screen).await?
            }
        };
        let control_plane = self.control_plane.as_ref().ok_or("the control plane is not there")?;
        Ok(Stage { control_plane, steps, drivers: &mut self.drivers })
    }

    async fn enter_on_nats(
        &mut self,
        program: &NatsProgram,
        folder: &Path,
        screen: &Screen,
    ) -> Fallible<Vec<&'static str>> {
        let store = folder.join("nats");
        let options = NatsServerOptions {
            program: Some(program.path().to_owned()),
            store: Some(store.clone()),
            ..NatsServerOptions::default()
        };
        let server = self.server.insert(NatsServer::start_with(options).await?);
        let url = server.url();
        let (version, path) = (program.version(), program.path().display());
        screen.say(
            "nats-server",
            format_args!("{version} ({path}) at {url}, files in {}", store.display()),
        )?;

        let connection = ConnectionOptions { url: Some(url.clone()), ..Default::default() };
        let stream: SharedStream = Arc::new(NatsStream::connect(&connection, "demo").await?);
        self.stream = Some(stream.clone());
        self.start_control_plane(stream.clone(), screen).await?;

        let mut programs = vec![DriverProgram::git_build()?];
        match DriverProgram::build_note().await {
            Some(program) => programs.push(program),
            None => screen.say(
                "python",
                "conveyor_driver is not in .venv: without build-note (scripts/python.sh)",
            )?,
        }
        match DriverProgram::build_badge().await {
            Some(program) => programs.push(program),
            None => screen.say(
                "node",
                "examples/node/build is not there: without build-badge (scripts/node.sh)",
            )?,
        }
        for (program, language) in
            [(DriverProgram::build_stamp(), "c"), (DriverProgram::build_report(), "go")]
        {
            match program {
                Ok(program) => programs.push(program),
                Err(without) => screen.say(language, without)?,
            }
        }
        let steps = programs.iter().map(|program| program.name).collect();
        for program in programs {
            let driver = DriverProcess::start(program, &url, folder)?;
            screen.say("driver", format_args!("{driver}"))?;
            self.drivers.push(RunningDriver::Process(Box::new(driver)));
        }
        for driver in &mut self.drivers {
            driver.ready(&*stream).await?;
        }
        Ok(steps)
    }

    async fn enter_in_process(&mut self, screen: &Screen) -> Fallible<Vec<&'static str>> {
        let stream: SharedStream = Arc::new(MemoryStream::new());
        self.start_control_plane(stream.clone(), screen).await?;
        let options = ManagerOptions { signals: false, ..ManagerOptions::default() };
        let manager = DriverManager::new(options)
            .driver(git_build::driver())
            .stream(stream.clone())
            .start()
            .await?;
        self.stream = Some(stream);
        self.drivers.push(RunningDriver::InProcess(manager));
        let name = git_build::NAME;
        screen.say("driver", format_args!("{name} in this process, on the embedded stream"))?;
        Ok(vec![name])
    }

    async fn start_control_plane(&mut self, stream: SharedStream, screen: &Screen) -> Fallible<()> {
        self.control_plane = Some(ControlPlane::start(stream).await?);
        Ok(screen.say("control plane", "in this process")?)
    }

    /// Stops everyone, the drivers first, and says who that was.
    pub(crate) async fn stop(self, in_a_hurry: bool) -> String {
        let mut stopped = Vec::new();
        for driver in self.drivers {
            stopped.push(driver.stop(in_a_hurry).await);
        }
        if let Some(control_plane) = self.control_plane {
            control_plane.shutdown().await;
            stopped.push("control plane".to_owned());
        }
        if let Some(stream) = self.stream {
            stream.close().await;
        }
        if let Some(mut server) = self.server {
            server.stop().await;
            stopped.push("nats-server".to_owned());
        }
        if stopped.is_empty() { "nothing was running".to_owned() } else { stopped.join(", ") }
    }
}
