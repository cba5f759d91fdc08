//! Everything that Conveyor CI needs for one build, started and stopped before your eyes: a real
//! nats-server, a control plane, a pipeline of drivers as processes of their own (`git_build` in Rust,
//! `build_note` in Python, `build_badge` in TypeScript, `build_stamp` in C, `buildreport` in Go), a Git
//! repository.
//!
//! `make demo`, or `demo COMMAND…` to build with another command than the repository's test.

mod cast;
mod driver;
mod repository;
mod screen;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use conveyor_driver::message::Resource;
use conveyor_driver_cli::control_plane::{ControlPlane, LogQuery, Notice, Pipeline};
use conveyor_driver_examples::git_build;
use futures_util::FutureExt;
use futures_util::future::select_all;
use serde_json::json;
use tempfile::TempDir;
use tokio::signal::unix::{Signal, SignalKind, signal};

use cast::Cast;
use repository::Repository;
use screen::Screen;

/// The pipeline's name.
const PIPELINE: &str = "roman";

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> ExitCode {
    let command: Vec<String> = std::env::args().skip(1).collect();
    let mut screen = Screen::default();
    match perform(&command, &mut screen).await {
        Ok(Ending::Built(true)) => ExitCode::SUCCESS,
        Ok(Ending::Built(false)) => ExitCode::FAILURE,
        // What shells say of a process that SIGINT ended.
        Ok(Ending::Interrupted) => ExitCode::from(130),
        Err(error) => {
            screen.fault(&*error);
            ExitCode::FAILURE
        }
    }
}

enum Ending {
    Built(bool),
    Interrupted,
}

/// Plays the whole piece. Whatever it comes to, nothing that was started is left.
async fn perform(command: &[String], screen: &mut Screen) -> Fallible<Ending> {
    // Before anything is started that would have to be stopped.
    let mut interruption = Interruption::listen()?;
    let folder = TempDir::with_prefix("conveyor-demo-")?;
    let mut cast = Cast::default();
    let ending = tokio::select! {
        built = build(command, folder.path(), &mut cast, screen) => built.map(Ending::Built),
        () = interruption.comes() => Ok(Ending::Interrupted),
    };
    let in_a_hurry = !matches!(ending, Ok(Ending::Built(_)));
    let stopped = cast.stop(in_a_hurry).await;
    let place = folder.path().display().to_string();
    folder.close()?;
    let interrupted = if matches!(ending, Ok(Ending::Interrupted)) { "interrupted; " } else { "" };
    screen.say("stopped", format_args!("{interrupted}{stopped}; removed {place}"))?;
    ending
}

/// Builds the demo's repository, and shows what happens; says whether the build succeeded.
async fn build(
    command: &[String],
    folder: &Path,
    cast: &mut Cast,
    screen: &mut Screen,
) -> Fallible<bool> {
    let stage = cast.enter(folder, screen).await?;
    let repository = Repository::make(&folder.join("roman")).await?;
    screen.say(
        "repository",
        format_args!("{}, commit {:.7}", repository.path.display(), repository.commit),
    )?;

    let command = if command.is_empty() { &["./test.sh".to_owned()] } else { command };
    let resource = Resource {
        name: "roman".to_owned(),
        resource: git_build::RESOURCE.to_owned(),
        pipeline: PIPELINE.to_owned(),
        spec: json!({"repository": repository.path, "command": command, "env": {"CI": "true"}}),
        ..Resource::default()
    };
    screen.say("pipeline", stage.steps.join(", then "))?;
    let pipeline = Pipeline::new(PIPELINE, git_build::RESOURCE, &stage.steps);
    stage.control_plane.pipeline(pipeline);
    screen.say("resource", format_args!("build/roman {}", resource.spec))?;
    let ended = select_all(stage.drivers.iter_mut().map(|driver| driver.ended().boxed()));
    let last = stage.steps.last().copied().unwrap_or_default();
    tokio::select! {
        good = follow(stage.control_plane, resource, last, screen) => good,
        (error, _, _) = ended => Err(error),
    }
}

/// Posts the resource and shows the run's log lines and results, until the last step has answered or one
/// has failed; says whether all is good.
async fn follow(
    control_plane: &ControlPlane,
    resource: Resource,
    last: &str,
    screen: &mut Screen,
) -> Fallible<bool> {
    let mut news = control_plane.watch();
    let run = control_plane.post(resource).await?;
    screen.run_begins(&run)?;
    while let Some(notice) = news.next().await {
        match notice {
            Notice::Log(line) if line.runid == run => screen.line(&line)?,
            Notice::Result { event, .. } if event.run_id == run => {
                // Live lines go another way than results, and the last might be a moment late.
                for line in control_plane.logs(&LogQuery::of_run(&run).by(&event.driver)) {
                    screen.line(&line)?;
                }
                screen.result(&event.result)?;
                if event.driver == last || !event.result.success {
                    return Ok(event.result.success);
                }
            }
            _ => {}
        }
    }
    Err("the control plane ended before there was a result".into())
}

/// Ctrl-C, and what else asks a process to end.
struct Interruption([Signal; 3]);

impl Interruption {
    fn listen() -> std::io::Result<Self> {
        Ok(Self([
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
        ]))
    }

    async fn comes(&mut self) {
        let Self([interrupt, terminate, hangup]) = self;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
