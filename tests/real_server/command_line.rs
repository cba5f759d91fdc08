//! The command line on the server: a script is the driver, a resource is applied, its log followed, its run
//! cancelled.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Output, Stdio};

use conveyor_driver_tests::{Household, eventually};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::server::Server;

const DOCUMENTS: &str = "\
name: letter
schema: { type: object }
---
name: post
resource: letter
steps: [{ id: one, name: Write, driver: scribe }]
---
name: first
resource: letter
pipeline: post
spec: { to: you }
";

/// Built beside this test by whoever builds the workspace.
fn program() -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let program = here.ancestors().nth(2).unwrap().join("conveyor-driver");
    assert!(program.exists(), "`cargo build --package conveyor-driver-cli` makes {program:?}");
    program
}

fn call(server: &Server, arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(arguments).envs(server.environment());
    if matches!(arguments, ["apply" | "logs", ..]) {
        command.envs(server.identity_environment());
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

async fn ended(server: &Server, arguments: &[&str], code: i32) -> Output {
    let output = call(server, arguments).output().await.unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
    output
}

pub(crate) async fn applies_follows_and_cancels(server: &Server) {
    let script = "echo dear $CONVEYOR_EVENT; exec sleep 600";
    let exec = ["exec", "--name", "scribe", "--resource", "letter", "--", "sh", "-c", script];
    let household = Household::in_new_folder();
    let mut driver = call(server, &exec);
    household.takes_in(&mut driver);
    let log = household.path().join("driver.log");
    let mut driver = driver.stderr(File::create(&log).unwrap()).spawn().unwrap();
    let sleeps = || household.members().iter().any(|line| line.starts_with("sleep 600"));
    eventually("the driver answers", async || {
        let status = driver.try_wait().unwrap();
        assert!(status.is_none(), "{status:?}: {}", std::fs::read_to_string(&log).unwrap());
        let runs = ended(server, &["runs", "--driver", "scribe", "--output", "json"], 0).await;
        (!runs.stdout.is_empty()).then_some(())
    })
    .await;

    let file = server.folder.path().join("letter.yaml");
    std::fs::write(&file, DOCUMENTS).unwrap();
    let file = file.to_str().unwrap();
    let applied = ended(server, &["apply", "-f", file, "--output", "json"], 0).await;
    let told = String::from_utf8(applied.stdout).unwrap();
    let told: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<_> = told.iter().map(|one| one["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["definition", "pipeline", "resource"]);
    let run = told[2]["run_id"].as_str().unwrap();

    let mut following =
        call(server, &["logs", "--follow", "--driver", "scribe", run]).spawn().unwrap();
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    let first = lines.next_line().await.unwrap();
    let Some(first) = first else { panic!("{:?}", following.wait_with_output().await) };
    assert_eq!(first, "scribe │ dear create");
    eventually("the script sleeps", async || sleeps().then_some(())).await;
    ended(server, &["cancel", run, "--reason", "no more"], 0).await;
    assert!(lines.next_line().await.unwrap().unwrap().contains("no more"));
    ended(server, &["cancel", run], 4).await;
    eventually("the script is gone", async || (!sleeps()).then_some(())).await;
    let stored = ended(server, &["logs", run], 0).await;
    assert!(String::from_utf8(stored.stdout).unwrap().starts_with("scribe │ dear create\n"));
    // It is there already, and the server tells nobody that it was updated.
    let again = ended(server, &["apply", "-f", file, "--output", "json"], 0).await;
    let again = String::from_utf8(again.stdout).unwrap();
    assert!(again.lines().last().unwrap().contains("\"updated\""), "{again}");
    ended(server, &["doctor"], 0).await;
}
