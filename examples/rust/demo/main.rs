//! `conveyor-driver dev` with a pipeline whose steps are drivers in different languages: a Git repository is
//! fetched (shell), built (Rust), tested (Python), packed (TypeScript), sealed (C) and published to a folder
//! (Go, or where there is none, shell).
//!
//! `make demo`, or `demo COMMAND…` to build with another command than the repository's.

mod cast;
mod driver;
mod program;
mod repository;

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use conveyor_driver::message::Resource;
use conveyor_driver_cli::dev::{Show, ShowAs, follow};
use futures_util::FutureExt;
use futures_util::future::select_all;
use serde_json::json;
use tempfile::TempDir;
use tokio::signal::unix::{Signal, SignalKind, signal};

use cast::Cast;
use repository::Repository;

/// The type of the resource.
const RESOURCE: &str = "app";

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> ExitCode {
    let command: Vec<String> = std::env::args().skip(1).collect();
    match perform(&command).await {
        Ok(Ending::Shipped(true)) => ExitCode::SUCCESS,
        Ok(Ending::Shipped(false)) => ExitCode::FAILURE,
        // What shells say of a process that SIGINT ended.
        Ok(Ending::Interrupted) => ExitCode::from(130),
        Err(error) => {
            // There is nobody left to tell when this fails.
            let _told = writeln!(std::io::stderr(), "demo: {error}");
            ExitCode::FAILURE
        }
    }
}

enum Ending {
    Shipped(bool),
    Interrupted,
}

/// Plays the whole piece. Whatever it comes to, nothing that was started is left.
async fn perform(command: &[String]) -> Fallible<Ending> {
    // Before anything is started that would have to be stopped.
    let mut interruption = Interruption::listen()?;
    let folder = TempDir::with_prefix("conveyor-demo-")?;
    let mut show = Show::new(ShowAs::Text);
    let mut cast = Cast::default();
    let ending = tokio::select! {
        shipped = ship(command, folder.path(), &mut cast, &mut show) => shipped.map(Ending::Shipped),
        () = interruption.comes() => Ok(Ending::Interrupted),
    };
    let in_a_hurry = !matches!(ending, Ok(Ending::Shipped(_)));
    let stopped = cast.stop(in_a_hurry).await;
    let place = folder.path().display().to_string();
    folder.close()?;
    let interrupted = if matches!(ending, Ok(Ending::Interrupted)) { "interrupted; " } else { "" };
    show.note("stopped", &format!("{interrupted}{stopped}; removed {place}"))?;
    ending
}

/// Ships the demo's repository, and shows what happens; says whether all went well.
async fn ship(
    command: &[String],
    folder: &Path,
    cast: &mut Cast,
    show: &mut Show,
) -> Fallible<bool> {
    let stage = cast.enter(folder, show).await?;
    let repository = Repository::make(&folder.join("roman")).await?;
    let commit = &repository.commit[..7];
    show.note("repository", &format!("{}, commit {commit}", repository.path.display()))?;
    let command = if command.is_empty() { &["./build.sh".to_owned()] } else { command };
    let published = folder.join("published");
    let resource = Resource {
        name: "roman".to_owned(),
        resource: RESOURCE.to_owned(),
        pipeline: stage.pipeline.clone(),
        spec: json!({
            "repository": repository.path,
            "workspace": folder.join("work"),
            "build": command,
            "test": ["./test.sh"],
            "publish_to": published,
        }),
        ..Resource::default()
    };
    std::fs::create_dir(folder.join("work"))?;
    let mut following = follow(stage.dev);
    stage.dev.control_plane().post(resource).await?;
    let ended = select_all(stage.drivers.iter_mut().map(|driver| driver.ended().boxed()));
    let shipped = tokio::select! {
        ended = following.until_a_run_ends(show) => {
            ended?.ok_or("the control plane ended before the run did")?.success
        }
        (error, _, _) = ended => return Err(error),
    };
    if shipped {
        show.note("published", &files_in(&published)?)?;
    }
    Ok(shipped)
}

fn files_in(folder: &Path) -> std::io::Result<String> {
    let mut files = Vec::new();
    for file in folder.read_dir()? {
        let file = file?;
        let (name, bytes) = (file.file_name(), file.metadata()?.len());
        files.push(format!("{} ({bytes} bytes)", name.to_string_lossy()));
    }
    files.sort();
    Ok(files.join(", "))
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
