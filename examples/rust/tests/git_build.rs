//! The driver `git_build`, on real repositories.
#![allow(clippy::unwrap_used)]

mod repository;

use conveyor_driver::Driver;
use conveyor_driver::message::{DriverResult, Resource};
use conveyor_driver::options::DriverOptions;
use conveyor_driver::testing::{DriverTest, TestOutcome};
use conveyor_driver_examples::git_build;
use serde_json::{Value, json};

use repository::Repository;

fn resource(spec: Value) -> Resource {
    Resource { name: "app".into(), resource: "build".into(), spec, ..Resource::default() }
}

fn build(spec: Value) -> TestOutcome {
    DriverTest::new(git_build::driver(), resource(spec)).real_time().run().unwrap()
}

/// The same with a driver that does not wait long before it gives up.
fn build_twice_at_most(spec: Value) -> TestOutcome {
    let options = DriverOptions {
        name: git_build::NAME.into(),
        resources: vec![git_build::RESOURCE.into()],
        max_attempts: 2,
        retry_initial_ms: 1,
        ..DriverOptions::default()
    };
    let driver = Driver::with_options(options).reconcile(git_build::build);
    DriverTest::new(driver, resource(spec)).real_time().run().unwrap()
}

/// The result of a spec that cannot be built.
fn refusal(spec: Value) -> DriverResult {
    let outcome = build(spec);
    assert_eq!(outcome.attempts, 1);
    let result = outcome.result.unwrap();
    assert!(!result.success);
    result
}

#[test]
fn a_command_that_succeeds_is_a_good_result() {
    let repository = Repository::new();
    let outcome = build(json!({
        "repository": repository.path(),
        "command": ["sh", "-c", "cat version; echo \" $COLOUR\"; echo oops >&2"],
        "env": {"COLOUR": "green"},
    }));
    let result = outcome.result.as_ref().unwrap();
    assert!(result.success, "{outcome:?}");
    assert_eq!(result.data["exit_status"], 0);
    assert_eq!(result.data["signal"], Value::Null);
    assert!(result.data["duration_ms"].is_u64());
    assert_eq!(result.data["commit"], repository.git(&["rev-parse", "HEAD"]));
    assert!(outcome.lines().any(|line| line == "2 green"));
    assert!(outcome.lines().any(|line| line == "oops"));
}

#[test]
fn the_revision_is_what_is_built() {
    let repository = Repository::new();
    let outcome = build(json!({
        "repository": format!("file://{}", repository.path().display()),
        "revision": "old",
        "command": ["cat", "version"],
    }));
    assert!(outcome.lines().any(|line| line == "1"));
    assert_eq!(outcome.result.unwrap().data["commit"], repository.git(&["rev-parse", "old"]));
}

#[test]
fn a_command_that_fails_is_a_failed_result_with_its_exit_status() {
    let repository = Repository::new();
    let result =
        refusal(json!({"repository": repository.path(), "command": ["sh", "-c", "exit 3"]}));
    assert_eq!(result.data["exit_status"], 3);
    assert_eq!(result.data["commit"], repository.git(&["rev-parse", "HEAD"]));
}

#[test]
fn a_command_ended_by_a_signal_names_it() {
    let repository = Repository::new();
    let result =
        refusal(json!({"repository": repository.path(), "command": ["sh", "-c", "kill -9 $$"]}));
    assert_eq!(result.data["exit_status"], Value::Null);
    assert_eq!(result.data["signal"], 9);
}

#[test]
fn a_command_that_does_not_exist_is_a_failed_result() {
    let repository = Repository::new();
    let result =
        refusal(json!({"repository": repository.path(), "command": ["./no-such-program"]}));
    assert!(result.message.contains("no-such-program"), "{}", result.message);
}

#[test]
fn a_bad_spec_names_its_fields() {
    let there = env!("CARGO_MANIFEST_DIR");
    for (spec, field) in [
        (Value::Null, "spec"),
        (json!({"command": ["true"]}), "`repository`"),
        (json!({"repository": there}), "`command`"),
        (json!({"repository": there, "command": "true"}), "spec.command"),
        (json!({"repository": there, "command": []}), "spec.command"),
        (json!({"repository": there, "command": [1]}), "spec.command[0]"),
        (json!({"repository": there, "command": ["true"], "env": {"A": 1}}), "spec.env.A"),
        (json!({"repository": there, "command": ["true"], "branch": "x"}), "branch"),
        (json!({"repository": "", "command": ["true"]}), "spec.repository"),
        (json!({"repository": "--upload-pack=x", "command": ["true"]}), "spec.repository"),
        (json!({"repository": there, "revision": "-f", "command": ["true"]}), "spec.revision"),
    ] {
        let result = refusal(spec.clone());
        assert!(result.message.contains(field), "{spec}: {}", result.message);
    }
}

#[test]
fn a_repository_that_is_not_there_is_not_tried_again() {
    let nowhere = tempfile::tempdir().unwrap().path().join("nothing");
    let result = refusal(json!({"repository": nowhere, "command": ["true"]}));
    assert!(result.message.contains("spec.repository"), "{}", result.message);

    let empty = tempfile::tempdir().unwrap();
    refusal(json!({"repository": empty.path(), "command": ["true"]}));
}

#[test]
fn a_revision_that_is_not_there_is_named() {
    let repository = Repository::new();
    let result =
        refusal(json!({"repository": repository.path(), "revision": "new", "command": ["true"]}));
    assert!(result.message.contains("spec.revision"), "{}", result.message);
}

#[test]
fn a_host_that_does_not_answer_is_tried_again() {
    // Nobody can listen on port 0.
    let spec = json!({"repository": "git://127.0.0.1:0/app.git", "command": ["true"]});
    let outcome = build_twice_at_most(spec);
    assert_eq!(outcome.attempts, 2);
    assert!(!outcome.result.unwrap().success);
}

#[test]
fn what_may_be_a_password_is_not_logged() {
    let spec = json!({"repository": "http://me:hunter2@127.0.0.1:0/app.git", "command": ["true"]});
    let outcome = build_twice_at_most(spec);
    assert!(outcome.lines().any(|line| line.contains("http://127.0.0.1:0/app.git")));
    assert!(!outcome.lines().any(|line| line.contains("hunter2")), "{outcome:?}");
}
