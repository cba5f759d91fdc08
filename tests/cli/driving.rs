//! Commands as drivers on a real nats-server.

use std::collections::BTreeMap;
use std::time::Duration;

use conveyor_driver::message::{ControlReply, ControlRequest};
use conveyor_driver::stream::{ConsumerConfig, Message, request};
use conveyor_driver::subject;
use conveyor_driver_cli::control_plane::Pipeline;
use rustix::process::Signal;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::timeout;

use crate::support::{Call, DEADLINE, World};

fn exec(name: &str, arguments: &[&str], script: &str) -> Call {
    let mut call = Call::new(&["exec", "--name", name, "--resource", "greeting"]);
    call.command.args(arguments).args(["--", "sh", "-c", script]);
    call
}

#[tokio::test]
async fn a_pipeline_of_scripts_passes_its_results_on() {
    let world = World::new().await;
    world.control_plane.pipeline(Pipeline::new("ship", "greeting", &["first", "second"]));
    let first = exec("first", &[], r#"echo one; echo '{"data": 7}' >"$CONVEYOR_RESULT_FILE""#);
    let second =
        exec("second", &[], r#"grep -o 'driverresults.first[^}]*' "$CONVEYOR_RESOURCE_FILE""#);
    let first = world.drivers(first, &["first"]).await;
    let second = world.drivers(second, &["second"]).await;
    let run = world.post("a", "greeting", "ship").await;
    let last = world.result(&run).await;
    assert_eq!((last.driver.as_str(), last.result.success), ("second", true));
    let lines = world.lines(&run);
    assert!(lines[0] == "one" && lines[1].contains(r#"\"data\":7"#), "{lines:?}");
    for driver in [first, second] {
        driver.signal(Signal::TERM);
        driver.ended().await.exits_with(0).left_nothing().await;
    }
}

#[tokio::test]
async fn exit_code_75_brings_another_attempt_after_the_delay_it_names() {
    let world = World::new().await;
    let script = r#"
        [ "$CONVEYOR_ATTEMPT" = 3 ] && exit 0
        echo '{"message": "not yet", "retry_after_ms": 10}' >"$CONVEYOR_RESULT_FILE"; exit 75
    "#;
    let driver = world.drivers(exec("again", &[], script), &["again"]).await;
    let run = world.post("a", "greeting", "").await;
    assert!(world.result(&run).await.result.success);
    let told = world.lines(&run);
    assert_eq!(told.iter().filter(|line| line.contains("not yet")).count(), 2, "{told:?}");
    driver.signal(Signal::INT);
    driver.ended().await.exits_with(0);
}

#[tokio::test]
async fn a_cancelled_run_ends_with_its_processes() {
    let world = World::new().await;
    let script = "sleep 600 & echo >started; sleep 601";
    let driver = world.drivers(exec("long", &[], script), &["long"]).await;
    let run = world.post("a", "greeting", "").await;
    driver.wrote("started").await;
    let cancel = serde_json::to_vec(&ControlRequest::Cancel { reason: "enough".into() }).unwrap();
    let message = Message::new(subject::control_run("long", &run).unwrap(), cancel);
    let reply = request(&*world.stream, message, Duration::from_secs(10)).await.unwrap();
    let reply: ControlReply = serde_json::from_slice(&reply.payload).unwrap();
    assert_eq!(reply.cancelled, 1);
    assert_eq!(world.result(&run).await.result.data["error"]["type"], "Cancelled");
    driver.signal(Signal::TERM);
    driver.ended().await.exits_with(0).left_nothing().await;
}

#[tokio::test]
async fn the_first_signal_lets_a_run_finish_and_the_second_gives_it_back() {
    let world = World::new().await;
    let script = "echo >started; until [ -e go ]; do sleep 0.02; done; echo done";
    let driver = world.drivers(exec("slow", &[], script), &["slow"]).await;
    let run = world.post("a", "greeting", "").await;
    driver.wrote("started").await;
    driver.signal(Signal::INT);
    std::fs::write(driver.folder.path().join("go"), "").unwrap();
    assert!(world.result(&run).await.result.success);
    driver.ended().await.exits_with(0).left_nothing().await;

    let driver = world.drivers(exec("slow", &[], script), &["slow"]).await;
    let run = world.post("b", "greeting", "").await;
    driver.wrote("started").await;
    driver.signal(Signal::TERM);
    driver.signal(Signal::INT);
    driver.ended().await.exits_with(0).left_nothing().await;
    let driver = world.drivers(exec("slow", &[], "exit 0"), &["slow"]).await;
    assert!(world.result(&run).await.result.success);
    driver.signal(Signal::TERM);
    driver.ended().await.exits_with(0);
}

#[tokio::test]
async fn a_closed_terminal_drains_and_nohup_keeps_it_from_that() {
    let world = World::new().await;
    let script = "echo >started; until [ -e go ]; do sleep 0.02; done";
    let driver = world.drivers(exec("slow", &[], script), &["slow"]).await;
    let run = world.post("a", "greeting", "").await;
    driver.wrote("started").await;
    // Both the shell and the system may send one.
    driver.signal(Signal::HUP);
    driver.signal(Signal::HUP);
    std::fs::write(driver.folder.path().join("go"), "").unwrap();
    assert!(world.result(&run).await.result.success);
    driver.ended().await.exits_with(0).left_nothing().await;

    let arguments = ["exec", "--name", "slow", "--resource", "greeting", "--", "true"];
    let call = Call::through("nohup", &arguments);
    let driver = world.drivers(call, &["slow"]).await;
    driver.signal(Signal::HUP);
    let run = world.post("b", "greeting", "").await;
    assert!(world.result(&run).await.result.success);
    driver.signal(Signal::TERM);
    driver.ended().await.exits_with(0);
}

#[tokio::test]
async fn a_second_signal_ends_a_command_that_ignores_the_first() {
    let world = World::new().await;
    let script = "trap '' TERM; echo >started; while :; do sleep 0.1; done";
    let driver = world.drivers(exec("deaf", &[], script), &["deaf"]).await;
    world.post("a", "greeting", "").await;
    driver.wrote("started").await;
    driver.signal(Signal::TERM);
    driver.signal(Signal::INT);
    driver.ended().await.exits_with(0).left_nothing().await;
}

#[tokio::test]
async fn a_file_holds_several_drivers() {
    let world = World::new().await;
    let call = Call::new(&["run", "drivers.toml"]);
    call.file(
        "drivers.toml",
        r#"
        [[drivers]]
        name = "one"
        resources = ["greeting"]
        command = ["sh", "-c", "echo $WHO"]
        env = { WHO = "one" }

        [[drivers]]
        name = "two"
        resources = ["other"]
        command = ["./two.sh"]
        concurrency = 3
        "#,
    );
    call.file("two.sh", "#!/bin/sh\npwd\n");
    let script = call.folder.path().join("two.sh");
    std::process::Command::new("chmod").arg("+x").arg(script).status().unwrap();
    let folder = call.folder.path().canonicalize().unwrap();
    let drivers = world.drivers(call, &["one", "two"]).await;
    let one = world.post("a", "greeting", "").await;
    let two = world.post("b", "other", "").await;
    assert!(world.result(&one).await.result.success && world.result(&two).await.result.success);
    assert_eq!(world.lines(&one), ["one"]);
    assert_eq!(world.lines(&two), [folder.to_string_lossy()]);
    drivers.signal(Signal::TERM);
    drivers.ended().await.exits_with(0).left_nothing().await;
}

#[tokio::test]
async fn only_drivers_that_have_started_are_said_to_be_ready() {
    let world = World::new().await;
    let foreign = ConsumerConfig {
        name: "foreign".into(),
        durable: true,
        filters: vec!["resources.other".into()],
        ack_wait: Duration::from_secs(30),
        max_ack_pending: 1000,
        inactive_threshold: None,
        metadata: BTreeMap::new(),
    };
    world.stream.put_consumer(subject::MESSAGES_STREAM, &foreign).await.unwrap();
    let call = Call::new(&["run", "drivers.toml"]);
    let table = |name: &str| {
        format!("[[drivers]]\nname = '{name}'\nresources = ['greeting']\ncommand = ['true']\n")
    };
    call.file("drivers.toml", &["one", "foreign", "two"].map(table).concat());
    let mut drivers = world.drivers(call, &["one", "two"]).await;
    let mut told = BufReader::new(drivers.child.stderr.take().unwrap()).lines();
    let ready = loop {
        let line = timeout(DEADLINE, told.next_line()).await.unwrap().unwrap().unwrap();
        if line.contains("ready: ") {
            break line;
        }
    };
    assert!(ready.contains("ready: one, two take"), "{ready}");
    drivers.signal(Signal::TERM);
    drivers.ended().await.exits_with(1);
}

#[tokio::test]
async fn other_options_of_a_driver_can_be_set() {
    let world = World::new().await;
    let arguments = ["--set", "ack_wait_ms=45000", "--event", "never", "--concurrency", "2"];
    let driver = world.drivers(exec("set", &arguments, "exit 1"), &["set"]).await;
    let consumer = world.stream.consumer(subject::MESSAGES_STREAM, "set").await.unwrap().unwrap();
    assert_eq!(consumer.config.ack_wait, Duration::from_secs(45));
    assert_eq!(json!(consumer.waiting > 0), json!(true));
    driver.signal(Signal::TERM);
    driver.ended().await.exits_with(0);
}
