//! A judge that could not condemn would be none: each scenario here is wrong in one thing.

use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::*;
use crate::scenario::{Ground, Here, play};

/// A result, lines, a dead letter, a run that is cut short, and an event that is given back.
fn right() -> Value {
    json!({
        "drivers": [{"concurrency": 2, "cancel_grace_ms": 50}],
        "manager": {"shutdown_grace_ms": 50},
        "deeds": [
            {"post": {"script": [{"log": "begin"}, {"line": {"message": "end", "level": "debug"}},
                {"succeed": {"message": "done", "data": {"size": 7}}}]}},
            {"post": {"message": "no message"}},
            {"await": {"results": 1}},
            {"post": {"script": [{"log": "held"}, {"hold": "never"}]}},
            {"post": {"script": []}},
            {"await": {"line": "held", "taken": 2}}
        ],
        "expect": {
            "results": [{"success": true, "message": "done", "data": {"size": 7}}],
            "log": ["begin", {"message": "end", "level": "debug"}, {"run": "run-3", "message": "held"},
                {"run": "run-3", "level": "warning", "message": {"$any": "string"}}],
            "dead_letters": [{"body": "no message"}],
            "unsettled": ["run-3", "run-4"],
            "reports": [{"greeter":
                {"succeeded": 1, "dead_lettered": 1, "given_back": 2, "abandoned": 1}}],
            "at_once": 1
        }
    })
}

fn read(document: &Value) -> Result<Scenario, String> {
    Scenario::read("a-scenario", &document.to_string())
}

async fn played(document: &Value) -> (Scenario, Seen) {
    let scenario = read(document).unwrap();
    let ground = Ground::embedded(true).await.unwrap();
    let seen = play(&scenario, &ground, &Here { embedded: true }).await;
    (scenario, seen)
}

async fn seen() -> &'static Seen {
    static SEEN: OnceCell<Seen> = OnceCell::const_new();
    SEEN.get_or_init(async || played(&right()).await.1).await
}

#[tokio::test(start_paused = true)]
async fn a_right_scenario_is_found_right() {
    let (scenario, seen) = played(&right()).await;
    assert_eq!(differences(&scenario, &seen), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn whatever_is_expected_wrongly_is_found() {
    for (pointer, wrong, found) in [
        ("/results/0/message", json!("other"), "results[0].message"),
        ("/results/0/success", json!(false), "results[0].success"),
        ("/results/0/data", json!({"size": 8}), "results[0].data.size"),
        ("/results/0/data", json!({}), "results[0].data.size"),
        ("/results/0/run", json!("run-2"), "results[0].run"),
        ("/results/0/driver", json!("other"), "results[0].driver"),
        ("/results/0/resource", json!({}), "results[0].resource"),
        ("/results", json!([]), "results[0]"),
        ("/results", json!({}), "results.run-1"),
        ("/log/0", json!("other"), "log[0].message"),
        ("/log/1/level", json!("info"), "log[1].level"),
        ("/log/1/labels", json!({"a": 1}), "log[1].labels.a"),
        ("/log/1/in_pieces", json!(true), "log: "),
        ("/log/2", json!("held"), "log[2].run"),
        ("/log", json!(["begin"]), "log[1]"),
        ("/log/4", json!("a missing line"), "log[4]"),
        ("/log", json!({"run-1": ["begin"]}), "log.run-1[1]"),
        ("/dead_letters", json!([]), "dead_letters[0]"),
        ("/dead_letters/0/body", json!("other"), "dead_letters[0].body"),
        ("/dead_letters/0/attempts", json!(2), "dead_letters[0].attempts"),
        ("/dead_letters/1", json!({"body": "another"}), "dead_letters[1]"),
        ("/unsettled", json!(["run-3"]), "unsettled[1]"),
        ("/unsettled/2", json!("run-1"), "unsettled[2]"),
        ("/reports/0/greeter/succeeded", json!(2), "reports[0].greeter.succeeded"),
        ("/reports/0/greeter", json!({"succeeded": 1}), "reports[0].greeter.abandoned"),
        ("/reports", json!([]), "reports[0]"),
        ("/at_once", json!(2), "at_once"),
        ("/refused", json!({"code": "Conflict", "paths": []}), "refused"),
    ] {
        let mut document = right();
        set(&mut document["expect"], pointer, wrong);
        let differences = differences(&read(&document).unwrap(), seen().await);
        assert!(
            differences.iter().any(|difference| difference.starts_with(found)),
            "{pointer}: {differences:#?}"
        );
    }
}

/// Puts a value at a pointer, behind the last of an array too.
fn set(document: &mut Value, pointer: &str, value: Value) {
    let (parent, last) = pointer.rsplit_once('/').unwrap();
    match document.pointer_mut(parent).unwrap() {
        Value::Array(items) if last.parse() == Ok(items.len()) => items.push(value),
        Value::Array(items) => items[last.parse::<usize>().unwrap()] = value,
        parent => parent[last] = value,
    }
}

#[tokio::test(start_paused = true)]
async fn what_no_scenario_says_is_judged_all_the_same() {
    let scenario = read(&right()).unwrap();
    let tampered: [fn(&mut Seen); 5] = [
        |seen| seen.broken = Some("log: it broke".to_owned()),
        |seen| seen.lines[1].timestamp = seen.lines[0].timestamp.clone(),
        |seen| seen.lines[0].timestamp = "2026-01-01T00:00:00Z".to_owned(),
        |seen| drop(seen.live.pop()),
        |seen| seen.lines[0].document["pipeline"] = "another".into(),
    ];
    for tamper in tampered {
        let mut seen = seen().await.clone();
        tamper(&mut seen);
        let differences = differences(&scenario, &seen);
        assert_eq!(differences.len(), 1, "{differences:?}");
        assert!(differences[0].starts_with("log"), "{differences:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_awaited_in_vain_breaks_the_play() {
    let (scenario, seen) = played(&json!({
        "deeds": [{"post": {"script": []}}, {"await": {"results": 2}}],
        "expect": {"results": [{"success": true, "message": ""}]}
    }))
    .await;
    assert!(seen.broken.is_some());
    assert!(differences(&scenario, &seen).contains(&seen.broken.unwrap()));
}

#[test]
fn what_nobody_knows_is_refused_before_it_is_played() {
    for (pointer, wrong) in [
        ("/deeds/0/post/script/0", json!({"dance": {}})),
        ("/deeds/0/post/script/0", json!({"log": "a", "loud": true})),
        ("/deeds/0/post/scrip", json!([])),
        ("/deeds/0", json!({"dance": {}})),
        ("/deeds/0", json!({"drain": {"soon": true}})),
        ("/deeds/2/await/result", json!(1)),
        ("/expect/result", json!([])),
        ("/expect/results/0/sucess", json!(true)),
        ("/expect/results/0/data", json!({"$some": 1})),
        ("/expect/log/1/lable", json!({})),
        ("/expect/log/3/times", json!(3)),
        ("/expects", json!({})),
        ("/needs", json!({"luck": "always"})),
        // Declared and of no use; of use and not declared.
        ("/needs", json!({"faults": "for nothing"})),
        ("/deeds/0", json!({"fault": {"lose_settlements": 1}})),
        ("/deeds/0/post/script/0", json!({"exec": {"program": "true"}})),
    ] {
        let mut document = right();
        set(&mut document, pointer, wrong.clone());
        assert!(read(&document).is_err(), "{pointer}: {wrong}");
    }
}
