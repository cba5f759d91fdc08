//! `git_build` in C and in Go: the same drivers as in Rust, each a process on a real nats-server.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

mod repository;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use conveyor_driver::RunId;
use conveyor_driver::message::{DriverResult, Resource};
use conveyor_driver::options::ConnectionOptions;
use conveyor_driver::stream::{EventStream, NatsStream};
use conveyor_driver::subject::MESSAGES_STREAM;
use conveyor_driver_cli::control_plane::{ControlPlane, LogQuery};
use conveyor_driver_cli::nats_server::{NatsServer, NatsServerOptions};
use conveyor_driver_examples::git_build;
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use repository::Repository;

const PATIENCE: Duration = Duration::from_secs(60);

/// A driver and all that it needs.
struct World {
    control_plane: ControlPlane,
    posted: usize,
    _driver: Child,
    _server: NatsServer,
}

impl World {
    async fn new(program: &Path) -> Self {
        let server = NatsServer::start_with(NatsServerOptions::default()).await.unwrap();
        let connection = ConnectionOptions { url: Some(server.url()), ..Default::default() };
        let stream = Arc::new(NatsStream::connect(&connection, "test").await.unwrap());
        let control_plane = ControlPlane::start(stream.clone()).await.unwrap();
        let driver = Command::new(program)
            .env("CONVEYOR_NATS_URL", server.url())
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let ready = async {
            while stream.consumer(MESSAGES_STREAM, git_build::NAME).await.unwrap().is_none() {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, ready).await.unwrap();
        Self { control_plane, posted: 0, _driver: driver, _server: server }
    }

    async fn post(&mut self, spec: Value) -> RunId {
        self.posted += 1;
        let name = format!("app-{}", self.posted);
        let resource =
            Resource { name, resource: git_build::RESOURCE.into(), spec, ..Resource::default() };
        self.control_plane.post(resource).await.unwrap()
    }

    async fn build(&mut self, spec: Value) -> (DriverResult, Vec<String>) {
        let run = self.post(spec).await;
        let result = timeout(PATIENCE, self.control_plane.result(&run)).await.unwrap().unwrap();
        (result.result, self.lines(&run))
    }

    fn lines(&self, run: &RunId) -> Vec<String> {
        let lines = self.control_plane.logs(&LogQuery::of_run(run));
        lines.into_iter().map(|line| line.message).collect()
    }
}

/// The program of a language; nothing, and why, where a script has not made it.
fn program(language: &str, file: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_BIN_EXE_git_build")).ancestors().nth(2).unwrap();
    let file = beside.join(file);
    if file.exists() {
        return Some(file);
    }
    println!("skipped: {language}: there is no {}; scripts/{language}.sh makes it", file.display());
    None
}

async fn git_build_builds(language: &str, file: &str) {
    let Some(program) = program(language, file) else { return };
    let mut world = World::new(&program).await;
    let repository = Repository::new();
    let head = repository.git(&["rev-parse", "HEAD"]);

    let (result, lines) = world
        .build(json!({
            "repository": repository.path(),
            "command": ["sh", "-c", "cat version; echo \" $COLOUR\"; echo oops >&2"],
            "env": {"COLOUR": "green"},
        }))
        .await;
    assert!(result.success, "{result:?}");
    assert_eq!(result.data["exit_status"], 0);
    assert_eq!(result.data["signal"], Value::Null);
    assert!(result.data["duration_ms"].is_u64());
    assert_eq!(result.data["commit"], head);
    for wanted in ["2 green", "oops", &format!("at commit {head}")] {
        assert!(lines.iter().any(|line| line == wanted), "{lines:?}");
    }

    let (result, lines) = world
        .build(json!({
            "repository": format!("file://{}", repository.path().display()),
            "revision": "old",
            "command": ["cat", "version"],
        }))
        .await;
    assert_eq!(result.data["commit"], repository.git(&["rev-parse", "old"]));
    assert!(lines.iter().any(|line| line == "1"), "{lines:?}");

    let command =
        |script: &str| json!({"repository": repository.path(), "command": ["sh", "-c", script]});
    let (result, _) = world.build(command("exit 3")).await;
    assert!(!result.success);
    assert_eq!(result.data["exit_status"], 3);
    let (result, _) = world.build(command("kill -9 $$")).await;
    assert!(!result.success);
    assert_eq!((&result.data["exit_status"], &result.data["signal"]), (&Value::Null, &json!(9)));
}

async fn git_build_refuses_and_names_the_field(language: &str, file: &str) {
    let Some(program) = program(language, file) else { return };
    let mut world = World::new(&program).await;
    let repository = Repository::new();
    let there = repository.path();
    for (spec, field) in [
        (Value::Null, "repository"),
        (json!({"command": ["true"]}), "repository"),
        (json!({"repository": there}), "command"),
        (json!({"repository": there, "command": []}), "spec.command"),
        (json!({"repository": "", "command": ["true"]}), "spec.repository"),
        (json!({"repository": "--upload-pack=x", "command": ["true"]}), "spec.repository"),
        (json!({"repository": there, "revision": "-f", "command": ["true"]}), "spec.revision"),
        (json!({"repository": there, "revision": "new", "command": ["true"]}), "spec.revision"),
        (json!({"repository": there.join("no"), "command": ["true"]}), "spec.repository"),
        (json!({"repository": there, "command": ["./no-such-program"]}), "no-such-program"),
    ] {
        let (result, _) = world.build(spec.clone()).await;
        assert!(!result.success, "{spec}: {result:?}");
        assert!(result.message.contains(field), "{spec}: {}", result.message);
    }

    let spec = json!({"repository": "http://me:hunter2@127.0.0.1:0/app.git", "command": ["true"]});
    let run = world.post(spec).await;
    let query = LogQuery::of_run(&run);
    let line = world.control_plane.logs_reaching(&query, 1);
    let line = timeout(PATIENCE, line).await.unwrap().unwrap().remove(0).message;
    assert!(line.contains("127.0.0.1:0/app.git") && !line.contains("hunter2"), "{line}");
}

#[tokio::test]
async fn git_build_in_c_builds() {
    git_build_builds("c", "c/examples/git_build").await;
}

#[tokio::test]
async fn git_build_in_c_refuses_and_names_the_field() {
    git_build_refuses_and_names_the_field("c", "c/examples/git_build").await;
}

#[tokio::test]
async fn git_build_in_go_builds() {
    git_build_builds("go", "c/go/gitbuild").await;
}

#[tokio::test]
async fn git_build_in_go_refuses_and_names_the_field() {
    git_build_refuses_and_names_the_field("go", "c/go/gitbuild").await;
}
