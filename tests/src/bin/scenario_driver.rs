//! The scripted driver as a program: what each language has of its own, told in Rust.
//!
//! Environment: `SCENARIO_DRIVERS`, an array of drivers' options, and `SCENARIO_MANAGER`, the
//! manager's; `CONVEYOR_NATS_URL` and its like. Requests come on standard input and answers go to
//! standard output, each JSON on a line; see `tests/scenarios/README.md`.
#![allow(clippy::print_stdout)]

use std::time::Duration;

use conveyor_driver::options::{DriverOptions, ManagerOptions, from_document};
use conveyor_driver::{DriverManager, Error, ErrorCode, Result, RunId, RunningManager, StopHandle};
use conveyor_driver_tests::scenario::{Refusal, Release, interpreter, report_document};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::timeout;

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Request {
    Release(String),
    Cancel(Cancel),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cancel {
    run_id: RunId,
    reason: String,
}

/// How often it looks whether it was told to stop.
const LOOK: Duration = Duration::from_millis(20);

fn variable<T: DeserializeOwned>(name: &str) -> Result<T> {
    let wrong = |error| Error::new(ErrorCode::OptionsInvalid, format!("{name}: {error}"));
    let text = std::env::var(name).map_err(|error| wrong(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))
}

async fn start(release: &Release) -> Result<RunningManager> {
    let options: ManagerOptions = from_document(variable("SCENARIO_MANAGER")?)?;
    let mut manager = DriverManager::new(options);
    for driver in variable::<Vec<Value>>("SCENARIO_DRIVERS")? {
        let options: DriverOptions = from_document(driver)?;
        manager = manager.driver(interpreter(options, release.clone()));
    }
    manager.start().await
}

/// Carries out requests until standard input ends, which drains.
fn obey(stop: &StopHandle, release: &Release, cancels: &mpsc::UnboundedSender<Cancel>) {
    for line in std::io::stdin().lines().map_while(std::result::Result::ok) {
        match serde_json::from_str(&line) {
            Ok(Request::Release(name)) => release.release(&name),
            // One that comes after the stop has nobody to tell.
            Ok(Request::Cancel(cancel)) => drop(cancels.send(cancel)),
            Err(error) => println!("{}", json!({"unknown_request": error.to_string()})),
        }
    }
    stop.drain();
}

#[tokio::main]
async fn main() -> Result<()> {
    let release = Release::default();
    let running = match start(&release).await {
        Ok(running) => running,
        Err(error) => {
            println!("{}", json!({"refused": Refusal::from(error)}));
            return Ok(());
        }
    };
    let (cancels, mut cancel) = mpsc::unbounded_channel();
    let stop = running.stop_handle();
    let stops = stop.clone();
    std::thread::spawn(move || obey(&stops, &release, &cancels));
    while !stop.is_draining() {
        if let Ok(Some(Cancel { run_id, reason })) = timeout(LOOK, cancel.recv()).await {
            println!("{}", json!({"cancelled": running.cancel(&run_id, &reason)}));
        }
    }
    let report = running.wait().await?;
    println!("{}", json!({"report": report_document(&report)}));
    Ok(())
}
