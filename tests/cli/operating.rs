//! The operator's tools on a real nats-server.

use std::collections::BTreeMap;
use std::time::Duration;

use conveyor_driver::stream::{ConsumerConfig, Message};
use conveyor_driver::subject;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::household::processes_of;
use crate::support::{Call, Ended, Running, World, eventually};

fn driver(name: &str, script: &str) -> Call {
    let mut call = Call::new(&["exec", "--name", name, "--resource", "greeting"]);
    call.command.args(["--", "sh", "-c", script]);
    call
}

async fn tool(world: &World, arguments: &[&str]) -> Ended {
    let mut call = Call::new(arguments);
    call.command.env("CONVEYOR_NATS_URL", &world.url);
    call.ended().await
}

async fn stop(driver: Running) {
    driver.signal(Signal::TERM);
    driver.ended().await.exits_with(0).left_nothing().await;
}

#[tokio::test]
async fn runs_lists_what_is_in_flight_and_cancel_ends_it() {
    let world = World::new().await;
    assert_eq!(tool(&world, &["runs"]).await.exits_with(0).stdout(), "no driver answers\n");
    let idle = world.drivers(driver("idle", "exit 0"), &["idle"]).await;
    let run = world.post("a", "greeting", "").await;
    assert!(world.result(&run).await.result.success);
    let busy = world.drivers(driver("busy", "echo >started; sleep 600"), &["busy"]).await;
    let run = world.post("b", "greeting", "").await;
    busy.wrote("started").await;
    // Both drivers get the broadcast; one of them has answered by now.
    eventually("one is idle again", async || {
        let drivers = tool(&world, &["runs", "--output", "json"]).await.exits_with(0).objects();
        let in_flight = |i: usize| drivers[i]["in_flight"].as_array().unwrap().clone();
        let there = drivers.len() == 2 && drivers[0]["driver"] == "busy";
        there && in_flight(1).is_empty() && in_flight(0)[0]["run_id"] == json!(run)
    })
    .await;
    let text = tool(&world, &["runs", "--driver", "busy"]).await.exits_with(0).stdout();
    assert!(text.contains(run.as_str()) && text.contains("greeting/b") && !text.contains("idle"));

    let ended = tool(&world, &["cancel", run.as_str(), "--reason", "enough"]).await.exits_with(0);
    assert!(ended.stdout().starts_with("busy "), "{}", ended.stdout());
    eventually("the cancelled run is answered", async || {
        let results = world.control_plane.results(&run);
        results.iter().any(|event| event.result.message.contains("enough"))
    })
    .await;
    eventually("it is over", async || {
        tool(&world, &["cancel", run.as_str()]).await.code() == Some(4)
    })
    .await;
    stop(idle).await;
    stop(busy).await;
}

#[tokio::test]
async fn what_a_killed_driver_leaves_ends_with_its_test() {
    let world = World::new().await;
    let script = "echo >started; sleep 600";
    let mut killed = world.drivers(driver("killed", script), &["killed"]).await;
    world.post("a", "greeting", "").await;
    killed.wrote("started").await;
    killed.child.kill().await.unwrap();
    let left = killed.folder.members();
    assert!(left.iter().any(|line| line.contains("sleep 600")), "{left:?}");
    let folder = killed.folder.path().to_owned();
    drop(killed);
    assert!(processes_of(&folder).is_empty());
}

#[tokio::test]
async fn a_driver_answers_as_a_service_of_nats_micro_does() {
    let world = World::new().await;
    let one = world.drivers(driver("one", "exit 0"), &["one"]).await;
    for (subject, kind) in [
        ("$SRV.PING", "io.nats.micro.v1.ping_response"),
        ("$SRV.PING.one", "io.nats.micro.v1.ping_response"),
        ("$SRV.INFO.one", "io.nats.micro.v1.info_response"),
        ("$SRV.STATS", "io.nats.micro.v1.stats_response"),
    ] {
        let mut found = Value::Null;
        // The consumer is there a moment before the service is.
        eventually(subject, async || {
            let asked = conveyor_driver::stream::request(
                &*world.stream,
                Message::new(subject, ""),
                Duration::from_secs(1),
            );
            match asked.await {
                Ok(answer) => found = serde_json::from_slice(&answer.payload).unwrap(),
                Err(_) => return false,
            }
            true
        })
        .await;
        assert_eq!((&found["type"], &found["name"]), (&json!(kind), &json!("one")), "{found}");
        for member in ["id", "version", "metadata"] {
            assert!(!found[member].is_null(), "{found}");
        }
    }
    stop(one).await;
}

#[tokio::test]
async fn dead_letters_are_listed_shown_replayed_and_dropped() {
    let world = World::new().await;
    let tool = async |arguments: &[&str]| tool(&world, arguments).await;
    assert!(tool(&["dead-letters", "list"]).await.exits_with(0).stdout().contains("no dead"));
    let one = world.drivers(driver("one", "echo read"), &["one"]).await;
    for text in ["no JSON", "no JSON either", "[]"] {
        let message = Message::new("resources.greeting", text).with_header("X-Trace", "7");
        world.stream.publish(message).await.unwrap().await.unwrap();
    }
    let list = async || {
        let letters = tool(&["dead-letters", "list", "--output", "json"]).await.exits_with(0);
        letters.objects()
    };
    eventually("three letters", async || list().await.len() == 3).await;
    let letters = list().await;
    assert_eq!((&letters[0]["driver"], &letters[0]["number"]), (&json!("one"), &json!(1)));
    assert_eq!(letters[0]["subject"], "resources.greeting");
    let table = tool(&["dead-letters", "list", "--limit", "1"]).await.exits_with(0);
    assert!(table.stderr().contains("more"), "{}", table.stderr());

    let shown = tool(&["dead-letters", "show", "1"]).await.exits_with(0).stdout();
    assert!(shown.contains("X-Trace: 7") && shown.ends_with("no JSON\n"), "{shown}");
    assert_eq!(tool(&["dead-letters", "show", "2", "--raw"]).await.stdout(), "no JSON either");
    tool(&["dead-letters", "show", "9"]).await.exits_with(4);

    tool(&["dead-letters", "drop", "2"]).await.exits_with(0);
    tool(&["dead-letters", "drop", "2"]).await.exits_with(4);
    assert_eq!(list().await.len(), 2);
    // It cannot be read any better than before, and goes to this driver alone.
    tool(&["dead-letters", "replay", "1"]).await.exits_with(0);
    eventually("it is dead again", async || {
        let letters = list().await;
        letters.len() == 2 && letters[1]["subject"] == "drivers.one.resources.greeting"
    })
    .await;
    stop(one).await;
    world.stream.delete_consumer(subject::MESSAGES_STREAM, "one").await.unwrap();
    // Somebody else who takes everything does not run it in the driver's stead.
    world.stream.put_consumer(subject::MESSAGES_STREAM, &auditor()).await.unwrap();
    let refused = tool(&["dead-letters", "replay", "3"]).await.exits_with(1);
    assert!(refused.stderr().contains("does not listen"), "{}", refused.stderr());
    assert_eq!(list().await.len(), 2);
    tool(&["dead-letters", "drop", "--all"]).await.exits_with(2);
    tool(&["dead-letters", "drop", "--all", "--driver", "one", "--yes"]).await.exits_with(0);
    assert!(list().await.is_empty());
}

/// A consumer of nobody's, without a filter.
fn auditor() -> ConsumerConfig {
    ConsumerConfig {
        name: "audit".into(),
        durable: true,
        filters: Vec::new(),
        ack_wait: Duration::from_secs(30),
        max_ack_pending: 1000,
        inactive_threshold: None,
        metadata: BTreeMap::new(),
    }
}

#[tokio::test]
async fn a_driver_named_as_a_part_of_its_subject_gets_its_letters_back() {
    let world = World::new().await;
    let driver = world.drivers(driver("resources", "exit 0"), &["resources"]).await;
    let message = Message::new(subject::driver("resources", "greeting"), "no JSON");
    world.stream.publish(message).await.unwrap().await.unwrap();
    eventually("it is dead", async || {
        let list = tool(&world, &["dead-letters", "list", "--output", "json"]).await;
        !list.exits_with(0).objects().is_empty()
    })
    .await;
    let sent = tool(&world, &["dead-letters", "replay", "1"]).await.exits_with(0).stdout();
    assert_eq!(sent, "sent 1 to drivers.resources.resources.greeting\n");
    stop(driver).await;
}

#[tokio::test]
async fn what_was_replayed_is_run() {
    let world = World::new().await;
    // Delivered more often than it may be, without an answer: it kills its process.
    let script = "kill -9 $PPID";
    let mut deadly = Call::new(&["exec", "--name", "deadly", "--resource", "greeting"]);
    deadly.command.args(["--set", "max_attempts=1", "--set", "max_deliveries=1"]);
    deadly.command.args(["--set", "ack_wait_ms=1000", "--", "sh", "-c", script]);
    let first = world.drivers(deadly, &["deadly"]).await;
    let run = world.post("a", "greeting", "").await;
    assert_eq!(first.ended().await.code(), None);
    let mut again = Call::new(&["exec", "--name", "deadly", "--resource", "greeting"]);
    again.command.args(["--set", "max_attempts=1", "--set", "max_deliveries=1"]);
    again.command.args(["--set", "ack_wait_ms=1000", "--", "sh", "-c", "echo healed"]);
    let again = world.drivers(again, &["deadly"]).await;
    assert_eq!(world.result(&run).await.result.data["error"]["type"], "GivenUp");
    tool(&world, &["dead-letters", "replay", "--all"]).await.exits_with(0);
    eventually("it is run", async || {
        world.control_plane.results(&run).iter().any(|event| event.result.success)
    })
    .await;
    assert!(world.lines(&run).contains(&"healed".to_owned()));
    stop(again).await;
}

#[tokio::test]
async fn doctor_finds_what_is_wrong_and_names_a_cure() {
    let world = World::new().await;
    let findings = tool(&world, &["doctor", "--output", "json"]).await.exits_with(0).objects();
    assert!(findings.iter().all(|finding| finding["verdict"] != "broken"), "{findings:?}");
    for about in ["connection", "version", "tls", "login", "permissions", "clock", "streams"] {
        assert!(findings.iter().any(|finding| finding["about"] == about), "{about}: {findings:?}");
    }
    let text = tool(&world, &["doctor"]).await.exits_with(0).stdout();
    assert!(text.contains("cure:"), "{text}");

    let away = Call::new(&["doctor", "--url", "nats://127.0.0.1:1", "--output", "json"]);
    let findings = away.ended().await.exits_with(1).objects();
    assert_eq!(
        (&findings[0]["about"], &findings[0]["verdict"]),
        (&json!("connection"), &json!("broken"))
    );
    assert!(findings.iter().all(|finding| !finding["cure"].is_null()), "{findings:?}");
    Call::new(&["doctor", "--url", "http://x"]).ended().await.exits_with(1);
}

#[tokio::test]
async fn doctor_sees_missing_streams_permissions_and_go_consumers() {
    use conveyor_driver_cli::nats_server::{NatsServer, NatsServerOptions};
    let config = r#"authorization { users: [ { user: few, password: p, permissions: {
        publish: { deny: ["logs.>", "$JS.API.STREAM.MSG.GET.messages"] },
        subscribe: { deny: ["control.>", "$SRV.>"] } } } ] }"#;
    let options = NatsServerOptions { config: config.to_owned(), ..Default::default() };
    let server = NatsServer::start_with(options).await.unwrap();
    let mut call = Call::new(&["doctor", "--output", "json"]);
    call.command.env("CONVEYOR_NATS_URL", server.url());
    call.command.env("CONVEYOR_NATS_USER", "few").env("CONVEYOR_NATS_PASSWORD", "p");
    let findings = call.ended().await.exits_with(1).objects();
    let found = |about: &str, verdict: &str, word: &str| {
        let found = findings.iter().any(|finding| {
            finding["about"] == about
                && finding["verdict"] == verdict
                && finding["text"].as_str().unwrap().contains(word)
        });
        assert!(found, "{about} {verdict} {word}: {findings:?}");
    };
    found("permissions", "broken", "publish logs.run");
    found("permissions", "broken", "subscribe control.driver.>");
    found("permissions", "warning", "publish $JS.API.STREAM.MSG.GET.messages");
    found("permissions", "warning", "subscribe $SRV.*");
    found("streams", "broken", "messages");
}
