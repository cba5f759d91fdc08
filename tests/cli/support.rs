//! A process of the command line, in a folder that all its processes and files carry the path of.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use conveyor_driver::message::{Resource, ResultEvent};
use conveyor_driver::options::ConnectionOptions;
use conveyor_driver::stream::{NatsStream, SharedStream};
use conveyor_driver::{RunId, subject};
use conveyor_driver_cli::control_plane::{ControlPlane, LogQuery};
use conveyor_driver_cli::nats_server::NatsServer;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use crate::household::Household;

pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

const PROGRAM: &str = env!("CARGO_BIN_EXE_conveyor-driver");

/// A call of the command line.
pub(crate) struct Call {
    pub(crate) command: Command,
    pub(crate) folder: Household,
}

/// `dev` looks for its server on `PATH`, and from the folder that it runs in: that of this checkout is in neither.
fn path_with_nats_server() -> OsString {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.venv/bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths([own].into_iter().chain(std::env::split_paths(&path))).unwrap()
}

impl Call {
    pub(crate) fn new(arguments: &[&str]) -> Self {
        Self::of(Command::new(PROGRAM), arguments)
    }

    /// By way of a program that takes a command and its arguments, such as `nohup`.
    pub(crate) fn through(program: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.arg(PROGRAM);
        Self::of(command, arguments)
    }

    fn of(mut command: Command, arguments: &[&str]) -> Self {
        let folder = Household::in_new_folder();
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("CONVEYOR_") || name == "RUST_LOG" {
                command.env_remove(name);
            }
        }
        command
            .args(arguments)
            .current_dir(folder.path())
            .env("PATH", path_with_nats_server())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        folder.takes_in(&mut command);
        Self { command, folder }
    }

    /// `test` of a shell script on a small resource, its output one JSON object a line.
    pub(crate) fn script(script: &str, arguments: &[&str]) -> Self {
        let mut call = Self::new(&["test", "--file", "resource.json", "--output", "json"]);
        call.command.args(arguments).args(["--", "sh", "-c", script]);
        let resource = json!({"name": "world", "resource": "greeting", "spec": {"n": 1}});
        call.file("resource.json", &resource.to_string());
        call
    }

    pub(crate) fn file(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// Runs it to its end.
    pub(crate) async fn ended(mut self) -> Ended {
        let output = timeout(DEADLINE * 3, self.command.output()).await.unwrap().unwrap();
        Ended { output, folder: self.folder }
    }

    pub(crate) fn start(mut self) -> Running {
        let child = self.command.spawn().unwrap();
        Running { child, folder: self.folder }
    }
}

/// A call that goes on.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) folder: Household,
}

impl Running {
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = self.child.id().unwrap().try_into().unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    pub(crate) async fn ended(self) -> Ended {
        let output = timeout(DEADLINE, self.child.wait_with_output()).await.unwrap().unwrap();
        Ended { output, folder: self.folder }
    }

    /// Returns once a file of this name is there.
    pub(crate) async fn wrote(&self, name: &str) {
        let path = self.folder.path().join(name);
        eventually(name, async || path.exists()).await;
    }
}

/// A call that has ended.
pub(crate) struct Ended {
    output: Output,
    folder: Household,
}

impl Ended {
    pub(crate) fn code(&self) -> Option<i32> {
        self.output.status.code()
    }

    pub(crate) fn stdout(&self) -> String {
        String::from_utf8(self.output.stdout.clone()).unwrap()
    }

    pub(crate) fn stderr(&self) -> String {
        String::from_utf8(self.output.stderr.clone()).unwrap()
    }

    #[track_caller]
    pub(crate) fn exits_with(self, code: i32) -> Self {
        assert_eq!(self.code(), Some(code), "{}\n{}", self.stdout(), self.stderr());
        self
    }

    /// The objects it wrote, one a line.
    pub(crate) fn objects(&self) -> Vec<Value> {
        self.stdout().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The texts of the log lines among them.
    pub(crate) fn lines(&self) -> Vec<String> {
        let objects = self.objects();
        let lines = objects.iter().filter_map(|object| object["log"]["message"].as_str());
        lines.map(str::to_owned).collect()
    }

    pub(crate) fn result(&self) -> Value {
        self.objects().pop().unwrap()["result"].clone()
    }

    /// Neither a process nor a file of its own.
    pub(crate) async fn left_nothing(self) -> Self {
        self.folder.empties().await;
        let left = self.folder.path().read_dir().unwrap().flatten();
        let left: Vec<_> = left
            .map(|entry| entry.file_name().into_string().unwrap())
            .filter(|name| name.starts_with("conveyor-"))
            .collect();
        assert!(left.is_empty(), "{left:?}");
        self
    }
}

pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds().await {
        assert!(Instant::now() < deadline, "never: {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

/// A real nats-server with a control plane.
pub(crate) struct World {
    pub(crate) control_plane: ControlPlane,
    pub(crate) stream: SharedStream,
    pub(crate) url: String,
    _server: NatsServer,
}

impl World {
    pub(crate) async fn new() -> Self {
        let server = NatsServer::start().await.expect("these tests need a nats-server");
        let url = server.url();
        let connection = ConnectionOptions { url: Some(url.clone()), ..Default::default() };
        let stream: SharedStream =
            Arc::new(NatsStream::connect(&connection, "test").await.unwrap());
        let control_plane = ControlPlane::start(stream.clone()).await.unwrap();
        Self { control_plane, stream, url, _server: server }
    }

    /// Starts a call with drivers of these names, and returns when they take events.
    pub(crate) async fn drivers(&self, call: Call, names: &[&str]) -> Running {
        let mut call = call;
        call.command.env("CONVEYOR_NATS_URL", &self.url);
        let running = call.start();
        for name in names {
            eventually("the driver is ready", async || {
                let consumer = self.stream.consumer(subject::MESSAGES_STREAM, name).await;
                consumer.unwrap().is_some_and(|consumer| consumer.waiting > 0)
            })
            .await;
        }
        running
    }

    pub(crate) async fn post(&self, name: &str, resource_type: &str, pipeline: &str) -> RunId {
        let resource = Resource {
            name: name.to_owned(),
            resource: resource_type.to_owned(),
            pipeline: pipeline.to_owned(),
            spec: json!({"n": 1}),
            ..Resource::default()
        };
        self.control_plane.post(resource).await.unwrap()
    }

    pub(crate) async fn result(&self, run: &RunId) -> ResultEvent {
        timeout(DEADLINE, self.control_plane.result(run)).await.unwrap().unwrap()
    }

    pub(crate) fn lines(&self, run: &RunId) -> Vec<String> {
        let lines = self.control_plane.logs(&LogQuery::of_run(run)).into_iter();
        lines.map(|line| line.message).collect()
    }
}
