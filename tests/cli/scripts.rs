//! What scripts do, and what becomes of their runs.

use std::io::{BufRead, BufReader};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Call, eventually};

const MILLION: usize = 1_000_000;

#[tokio::test]
async fn a_script_has_the_resource_and_the_run_on_hand() {
    let script = r#"
        cat; echo
        cat "$CONVEYOR_RESOURCE_FILE"; echo
        echo "$CONVEYOR_EVENT $CONVEYOR_ATTEMPT ${#CONVEYOR_RUN_ID}"
        printf '%s' '{"message": "\nhello\nworld\n", "data": {"n": [1, null]}}' >"$CONVEYOR_RESULT_FILE"
    "#;
    let ended = Call::script(script, &["--event", "process"]).ended().await.exits_with(0);
    let lines = ended.lines();
    let resource: Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!((&resource["name"], &resource["spec"]), (&json!("world"), &json!({"n": 1})));
    assert_eq!((&lines[1], lines[2].as_str()), (&lines[0], "process 1 36"));
    assert_eq!(
        ended.result(),
        json!({"success": true, "message": "hello", "data": {"n": [1, null]}})
    );
    // What the result has no room for stands in the log.
    assert_eq!(lines[3..], ["world"]);
    ended.left_nothing().await;
}

#[tokio::test]
async fn the_exit_code_decides() {
    let ended = Call::script("echo no >&2; exit 3", &[]).ended().await.exits_with(1);
    assert_eq!(ended.lines(), ["no"]);
    let result = ended.result();
    assert_eq!((&result["success"], &result["data"]["code"]), (&json!(false), &json!(3)));

    let ended = Call::script("exit 75", &[]).ended().await.exits_with(75);
    assert_eq!(ended.result()["data"]["error"]["type"], "RetriesExhausted");

    let ended = Call::script("kill -SEGV $$", &[]).ended().await.exits_with(1);
    assert_eq!(ended.result()["data"]["signal"], 11);
}

#[tokio::test]
async fn a_wrong_result_file_makes_a_good_result_a_failed_one_and_is_named() {
    let script = r#"echo '{"mesage": 1}' >"$CONVEYOR_RESULT_FILE""#;
    let ended = Call::script(script, &[]).ended().await.exits_with(1);
    let (lines, result) = (ended.lines(), ended.result());
    assert!(lines.last().unwrap().contains("mesage"), "{lines:?}");
    assert!(result["message"].as_str().unwrap().contains("mesage"), "{result}");
    // What asks for another attempt gets it.
    Call::script(&format!("{script}; exit 75"), &[]).ended().await.exits_with(75);
    // A pipe does not make anyone wait.
    let script = r#"rm -f "$CONVEYOR_RESULT_FILE"; mkfifo "$CONVEYOR_RESULT_FILE""#;
    Call::script(script, &[]).ended().await.exits_with(1).left_nothing().await;
}

#[tokio::test]
async fn secrets_of_the_runtime_do_not_reach_the_script() {
    for secret in ["CONVEYOR_NATS_TOKEN", "CONVEYOR_NATS_PASSWORD", "CONVEYOR_NATS_NKEY"] {
        let mut call = Call::script("env; echo \"$CONVEYOR_NATS_URL\"", &[]);
        call.command.env(secret, "hunter2").env("CONVEYOR_NATS_URL", "nats://somewhere:1");
        if secret.ends_with("PASSWORD") {
            call.command.env("CONVEYOR_NATS_USER", "someone");
        }
        let ended = call.ended().await.exits_with(0);
        assert!(!ended.stdout().contains("hunter2"), "{secret}");
        assert_eq!(ended.lines().last().unwrap(), "nats://somewhere:1");
    }
}

#[tokio::test]
async fn a_million_lines_arrive_in_their_order() {
    let mut call = Call::new(&["test", "--file", "resource.json", "--", "seq", "1000000"]);
    call.file("resource.json", r#"{"name": "x", "resource": "greeting"}"#);
    call.command.env("NO_COLOR", "1");
    let ended = call.ended().await.exits_with(0);
    let text = ended.stdout();
    let mut lines = text.lines();
    for number in 1..=MILLION {
        assert_eq!(lines.next(), Some(number.to_string().as_str()));
    }
    assert_eq!(lines.next(), None);
    ended.left_nothing().await;
}

#[tokio::test]
async fn bytes_that_are_no_text_arrive_as_replacement_characters() {
    let script = r"printf 'a\377b\000c\n\n\303\274\r\nlast\303'";
    let ended = Call::script(script, &[]).ended().await.exits_with(0);
    assert_eq!(ended.lines(), ["a\u{fffd}b\0c", "", "ü", "last\u{fffd}"]);
}

#[tokio::test]
async fn ten_megabytes_without_a_line_end_arrive_in_pieces() {
    let bytes = 10 * 1024 * 1024;
    let script = format!("head -c {bytes} /dev/zero | tr '\\0' x");
    let ended = Call::script(&script, &[]).ended().await.exits_with(0);
    let lines = ended.lines();
    assert!(lines.len() > 1);
    assert_eq!(lines.iter().map(String::len).sum::<usize>(), bytes);
    assert!(lines.concat().bytes().all(|byte| byte == b'x'));
}

#[tokio::test]
async fn a_script_that_closes_its_output_early_is_waited_for() {
    let script = r#"
        echo one
        exec 1>&- 2>&-
        sleep 0.3
        echo '{"message": "late"}' >"$CONVEYOR_RESULT_FILE"
    "#;
    let ended = Call::script(script, &[]).ended().await.exits_with(0);
    assert_eq!(
        (ended.lines(), &ended.result()["message"]),
        (vec!["one".to_owned()], &json!("late"))
    );
}

#[tokio::test]
async fn a_script_that_does_not_read_its_input_is_no_error() {
    let mut call =
        Call::new(&["test", "--file", "resource.json", "--", "sh", "-c", "exec 0<&-; echo"]);
    let large = "x".repeat(900_000);
    call.file("resource.json", &json!({"name": "x", "resource": "r", "spec": large}).to_string());
    call.command.env("NO_COLOR", "1");
    assert_eq!(call.ended().await.exits_with(0).stdout(), "\n");
}

#[tokio::test]
async fn a_script_that_ignores_sigterm_is_killed_with_all_its_children() {
    let script = "trap '' TERM; sh -c 'while :; do sleep 0.1; done' & while :; do sleep 0.1; done";
    let arguments = ["--timeout", "300ms", "--set", "cancel_grace_ms=600"];
    let ended = Call::script(script, &arguments).ended().await.exits_with(1);
    assert_eq!(ended.result()["data"]["error"]["type"], "TimedOut");
    ended.left_nothing().await;
}

#[tokio::test]
async fn a_script_that_heeds_sigterm_may_tidy_up() {
    let script = "trap 'echo tidy; exit 0' TERM; echo started; while :; do sleep 0.1; done";
    let ended = Call::script(script, &["--timeout", "300ms"]).ended().await.exits_with(1);
    let lines = ended.lines();
    assert!(lines.contains(&"tidy".to_owned()), "{lines:?}");
    assert_eq!(ended.result()["data"]["error"]["type"], "TimedOut");
    ended.left_nothing().await;
}

#[tokio::test]
async fn children_that_outlive_their_script_are_ended() {
    let script = "sleep 600 & (trap '' TERM; sleep 601) & echo started";
    let ended = Call::script(script, &["--set", "cancel_grace_ms=600"]).ended().await.exits_with(0);
    assert_eq!(ended.lines(), ["started"]);
    ended.left_nothing().await;
}

#[tokio::test]
async fn an_interruption_ends_the_script_and_all_it_started() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let script = "sleep 600 & echo >started; sleep 601";
        let running = Call::script(script, &[]).start();
        running.wrote("started").await;
        running.signal(signal);
        let ended = running.ended().await.exits_with(130).left_nothing().await;
        assert_eq!(ended.result()["data"]["error"]["type"], "Cancelled");
    }
}

#[tokio::test]
async fn a_second_interruption_ends_what_ignores_the_first() {
    let script = "sleep 600 & trap '' TERM; echo >started; while :; do sleep 0.1; done";
    let running = Call::script(script, &["--set", "cancel_grace_ms=3600000"]).start();
    running.wrote("started").await;
    running.signal(Signal::INT);
    // One that comes while another waits is not seen.
    eventually("the first was heard", async || {
        !running.folder.members().iter().any(|line| line.starts_with("sleep 600"))
    })
    .await;
    running.signal(Signal::INT);
    running.ended().await.exits_with(130).left_nothing().await;
}

#[tokio::test]
async fn a_run_whose_reader_goes_away_is_no_good_one() {
    let mut call = Call::script("echo one; while :; do echo more; sleep 0.02; done", &[]);
    let (reader, writer) = std::io::pipe().unwrap();
    call.command.stdout(writer);
    let running = call.start();
    let mut line = String::new();
    BufReader::new(reader).read_line(&mut line).unwrap();
    assert!(line.contains("one"), "{line}");
    running.ended().await.exits_with(130).left_nothing().await;
}
