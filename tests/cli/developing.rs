//! `dev`, and what speaks to the REST interface: `apply` and `logs`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, Lines};
use tokio::process::ChildStdout;
use tokio::time::timeout;

use crate::household::processes_of;
use crate::support::{Call, DEADLINE, Ended, Running, eventually};

const PIPELINE: &str = "\
# Steps one after the other.
name: ship
resource: app
steps:
  - { name: Fetch, driver: fetch }
  - { name: Build, driver: build }
";

/// A `dev` that is ready.
struct Dev {
    running: Running,
    told: Lines<tokio::io::BufReader<ChildStdout>>,
    nats_url: String,
    api_url: String,
}

impl Dev {
    async fn start(pipelines: &[&str]) -> Self {
        let mut call = Call::new(&["dev", "--port", "0", "--nats-port", "0", "--output", "json"]);
        for (i, pipeline) in pipelines.iter().enumerate() {
            let name = format!("{i}.yaml");
            call.file(&name, pipeline);
            call.command.args(["--pipeline", &name]);
        }
        let mut running = call.start();
        let stdout = running.child.stdout.take().unwrap();
        let told = tokio::io::BufReader::new(stdout).lines();
        let mut dev = Self { running, told, nats_url: String::new(), api_url: String::new() };
        let ready = dev.next("ready").await;
        dev.nats_url = ready["nats_url"].as_str().unwrap().to_owned();
        dev.api_url = ready["api_url"].as_str().unwrap().to_owned();
        dev
    }

    /// The next notice of this kind.
    async fn next(&mut self, kind: &str) -> Value {
        loop {
            let line = timeout(DEADLINE, self.told.next_line()).await.expect(kind).unwrap();
            let told: Value = serde_json::from_str(&line.expect(kind)).unwrap();
            if !told[kind].is_null() {
                return told[kind].clone();
            }
        }
    }

    async fn driver(&self, name: &str, script: &str) -> Running {
        let mut call = Call::new(&["exec", "--name", name, "--resource", "app"]);
        call.command.args(["--", "sh", "-c", script]).env("CONVEYOR_NATS_URL", &self.nats_url);
        let driver = call.start();
        eventually("the driver answers", async || {
            let mut runs = Call::new(&["runs", "--driver", name, "--output", "json"]);
            runs.command.env("CONVEYOR_NATS_URL", &self.nats_url);
            !runs.ended().await.exits_with(0).stdout().is_empty()
        })
        .await;
        driver
    }

    fn call(&self, arguments: &[&str]) -> Call {
        let mut call = Call::new(arguments);
        call.command.env("CONVEYOR_API_URL", &self.api_url);
        call
    }

    async fn apply(&self, text: &str, arguments: &[&str]) -> Ended {
        let mut call = self.call(&["apply", "-f", "x.yaml", "--output", "json"]);
        call.command.args(arguments);
        call.file("x.yaml", text);
        call.ended().await
    }

    async fn stop(self) {
        self.running.signal(Signal::INT);
        self.running.ended().await.exits_with(0).left_nothing().await;
    }

    /// A request by hand: status and body.
    fn ask(&self, method: &str, path: &str, body: &str, kind: &str) -> (u16, String) {
        let host = self.api_url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\
             content-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut reader = BufReader::new(stream);
        let mut status = String::new();
        reader.read_line(&mut status).unwrap();
        let mut line = String::new();
        while reader.read_line(&mut line).unwrap() > 2 {
            line.clear();
        }
        let mut body = String::new();
        reader.read_to_string(&mut body).unwrap();
        (status.split(' ').nth(1).unwrap().parse().unwrap(), body)
    }

    fn ask_json(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let (status, body) = self.ask(method, path, &body.to_string(), "application/json");
        (status, serde_json::from_str(&body).unwrap_or(Value::Null))
    }
}

#[tokio::test]
async fn a_resource_is_led_through_its_pipeline_and_shown() {
    let mut dev = Dev::start(&[PIPELINE]).await;
    let fetch = dev.driver("fetch", "echo fetching; echo hm >&2").await;
    let build = dev.driver("build", "echo building").await;
    let app = "name: a\nresource: app\npipeline: ship\nspec: { n: 1 }\n";
    let applied = dev.apply(app, &[]).await.exits_with(0).objects().remove(0);
    let run = applied["run_id"].as_str().unwrap().to_owned();
    assert_eq!((&applied["kind"], &applied["done"]), (&json!("resource"), &json!("created")));

    let posted = dev.next("posted").await;
    assert_eq!((&posted["run_id"], &posted["driver"]), (&json!(run), &json!("fetch")));
    // Two outputs have no order between them.
    let mut fetched = [dev.next("log").await, dev.next("log").await];
    fetched.sort_by_key(|line| line["message"].to_string());
    assert_eq!(
        (&fetched[0]["message"], &fetched[1]["message"]),
        (&json!("fetching"), &json!("hm"))
    );
    assert_eq!(fetched[1]["labels"]["stream"], "stderr");
    let result = dev.next("result").await;
    assert_eq!((&result["driver"], &result["next"]), (&json!("fetch"), &json!("build")));
    let ended = dev.next("ended").await;
    assert_eq!((&ended["state"], &ended["run_id"]), (&json!("succeeded"), &json!(run)));
    assert_eq!(ended["steps"].as_array().unwrap().len(), 2);

    let lines = dev.call(&["logs", &run, "--output", "json"]).ended().await.exits_with(0).objects();
    assert_eq!((lines.len(), &lines[2]["message"]), (3, &json!("building")));
    let text = dev.call(&["logs", &run, "--driver", "build"]).ended().await.exits_with(0);
    assert_eq!(text.stdout(), "build │ building\n");
    let (_, stored) = dev.ask("GET", "/resources/app/a", "", "");
    assert!(stored.contains("driverresults.build"), "{stored}");

    // There already: updated, and no run begins.
    let applied = dev.apply(app, &[]).await.exits_with(0).objects().remove(0);
    assert_eq!((&applied["done"], &applied["run_id"]), (&json!("updated"), &Value::Null));
    let applied = dev.apply(app, &["--recreate"]).await.exits_with(0).objects().remove(0);
    assert_eq!(applied["done"], "created");
    assert_eq!(dev.next("ended").await["run_id"], applied["run_id"]);
    for driver in [fetch, build] {
        driver.signal(Signal::TERM);
        driver.ended().await.exits_with(0);
    }
    dev.stop().await;
}

#[tokio::test]
async fn followed_logs_come_as_they_are_written() {
    let mut dev = Dev::start(&[]).await;
    let script = "echo one; until [ -e go ]; do sleep 0.02; done; echo two";
    let driver = dev.driver("slow", script).await;
    let applied = dev.apply("name: a\nresource: app\n", &[]).await.exits_with(0).objects();
    let run = applied[0]["run_id"].as_str().unwrap().to_owned();
    assert_eq!(dev.next("log").await["message"], "one");
    let mut following = dev.call(&["logs", "--follow", &run]).start();
    let stdout = following.child.stdout.take().unwrap();
    let mut lines = tokio::io::BufReader::new(stdout).lines();
    assert_eq!(lines.next_line().await.unwrap().unwrap(), "slow │ one");
    std::fs::write(driver.folder.path().join("go"), "").unwrap();
    assert_eq!(lines.next_line().await.unwrap().unwrap(), "slow │ two");
    following.signal(Signal::INT);
    following.ended().await.exits_with(0);
    driver.signal(Signal::TERM);
    driver.ended().await.exits_with(0);
    dev.stop().await;
}

#[tokio::test]
async fn an_event_that_nobody_wants_is_said() {
    let mut dev = Dev::start(&[PIPELINE]).await;
    dev.apply("name: a\nresource: app\npipeline: ship\n", &[]).await.exits_with(0);
    assert_eq!(dev.next("unwanted").await["subject"], "drivers.fetch.resources.app");
    dev.stop().await;
}

#[tokio::test]
async fn a_second_control_plane_on_one_server_is_refused() {
    let dev = Dev::start(&[]).await;
    let second = Call::new(&["dev", "--port", "0", "--url", &dev.nats_url]);
    let ended = second.ended().await.exits_with(5);
    assert!(ended.stderr().contains("another control plane"), "{}", ended.stderr());
    let port = dev.api_url.rsplit(':').next().unwrap();
    let taken = Call::new(&["dev", "--port", port, "--nats-port", "0"]);
    let ended = taken.ended().await.exits_with(3).left_nothing().await;
    assert!(ended.stderr().contains("--port"), "{}", ended.stderr());
    dev.stop().await;
}

#[tokio::test]
async fn dev_ends_with_the_server_that_it_started() {
    let dev = Dev::start(&[]).await;
    let members = processes_of(dev.running.folder.path());
    let own = dev.running.child.id().and_then(|id| i32::try_from(id).ok());
    let server = members
        .iter()
        .find(|(pid, line)| Some(pid.as_raw_pid()) != own && line.contains("--ports_file_dir"));
    kill_process(server.unwrap().0, Signal::KILL).unwrap();
    let ended = dev.running.ended().await.exits_with(1).left_nothing().await;
    let told = ended.stderr();
    assert!(told.contains("has ended") && told.contains("Server is ready"), "{told}");
}

#[tokio::test]
async fn a_file_may_hold_definitions_pipelines_and_resources() {
    let dev = Dev::start(&[]).await;
    let text = format!(
        "name: a\nresource: app\npipeline: ship\n---\n{PIPELINE}---\nname: app\nschema: {{ type: object }}\n"
    );
    let applied = dev.apply(&text, &[]).await.exits_with(0).objects();
    let kinds: Vec<_> = applied.iter().map(|one| one["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["definition", "pipeline", "resource"]);
    let (status, definition) = dev.ask_json("GET", "/resource-definitions/app", &Value::Null);
    assert_eq!((status, &definition["schema"]), (200, &json!({"type": "object"})));

    for (text, code, named) in [
        ("name: b\nresource: app\npipeline: none\n", 4, "pipeline"),
        ("name: b\n", 2, "resource"),
        ("name: b\nresource: app\nspecs: {}\n", 2, "specs"),
        ("name: b\nresource: app\nsteps: [{ drivr: x }]\n", 2, "steps[0].drivr"),
    ] {
        let ended = dev.apply(text, &[]).await.exits_with(code);
        assert!(ended.stderr().contains(named), "{}", ended.stderr());
    }
    dev.stop().await;
    let away = Call::new(&["apply", "-f", "x.yaml", "--api-url", "http://127.0.0.1:1"]);
    away.file("x.yaml", "name: b\nresource: app\n");
    away.ended().await.exits_with(3);
}

#[tokio::test]
async fn the_rest_interface_answers_as_the_server_does() {
    let dev = Dev::start(&[]).await;
    let app =
        json!({"name": "a", "resource": "app", "metadata": {"owner": "ops"}, "spec": {"n": 1}});
    let (status, created) = dev.ask_json("POST", "/resources/", &app);
    assert_eq!((status, &created["name"], &created["version"]), (201, &json!("a"), &json!("1")));
    assert_eq!(created["message"], "Resource created successfully");
    let (status, found) = dev.ask_json("GET", "/resources/app/a/", &Value::Null);
    assert_eq!((status, &found["metadata"]), (200, &json!({"version": "1"})));
    let (status, updated) = dev.ask_json("PUT", "/resources/app/a", &app);
    assert_eq!((status, &updated["metadata"]), (200, &json!({"owner": "ops", "version": "2"})));
    assert_eq!(updated["id"], found["id"]);
    let (_, first) = dev.ask_json("GET", "/resources/app/a/1", &Value::Null);
    assert_eq!(first["metadata"], json!({"version": "1"}));
    assert_eq!(dev.ask("DELETE", "/resources/app/a", "", "").0, 204);
    assert_eq!(dev.ask("DELETE", "/resources/app/a", "", "").0, 204);
    assert_eq!(dev.ask_json("GET", "/resources/app/a/2", &Value::Null).0, 200);

    // What goes wrong is worded as the server words it: clients read it.
    let error = |(status, body): (u16, Value)| (status, body["error"].as_str().unwrap().to_owned());
    let (status, text) = error(dev.ask_json("GET", "/resources/app/a", &Value::Null));
    assert!(status == 500 && text.ends_with("not found"), "{text}");
    dev.ask_json("POST", "/resources", &app);
    let (status, text) = error(dev.ask_json("POST", "/resources", &app));
    assert!(status == 500 && text.ends_with("already exists"), "{text}");
    for (body, kind) in
        [("{", "application/json"), ("{}", "text/plain"), ("{\"name\":1}", "application/json")]
    {
        let (status, body) = dev.ask("POST", "/resources/", body, kind);
        assert_eq!((status, body.as_str()), (400, r#"{"error":"Invalid request payload"}"#));
    }
    assert_eq!(dev.ask_json("POST", "/resources", &json!({"name": "b"})).0, 400);
    assert_eq!(dev.ask("GET", "/nothing", "", ""), (404, "Cannot GET /nothing".into()));
    assert_eq!(dev.ask("PATCH", "/resources/app/a", "", "").0, 405);
    // Names in paths are taken as they stand.
    for (name, status) in [("b c", 500), ("d%20e", 200)] {
        dev.ask_json("POST", "/resources", &json!({"name": name, "resource": "app"}));
        let path = format!("/resources/app/{}", name.replace(' ', "%20"));
        assert_eq!(dev.ask("GET", &path, "", "").0, status, "{name}");
    }
    let large = "x".repeat(4 * 1024 * 1024 + 1);
    assert_eq!(dev.ask("POST", "/resources", &large, "application/json").0, 413);

    let line =
        json!({"runid": "r", "driver": "d", "timestamp": "1", "message": "m", "labels": {"a": 1}});
    assert_eq!(
        dev.ask("POST", "/logs", &line.to_string(), "application/json"),
        (201, "Created".into())
    );
    let (_, lines) = dev.ask_json("GET", "/logs?runid=r&driver=d", &Value::Null);
    assert_eq!(lines, json!([{"runid": "r", "driver": "d", "timestamp": "1", "message": "m"}]));
    assert_eq!(dev.ask("GET", "/logs?runid=none", "", "").1, "[]");
    assert_eq!(dev.ask_json("GET", "/health", &Value::Null).1["status"], "healthy");
    dev.stop().await;
}
