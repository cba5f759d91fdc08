//! A host that forks while its manager runs.

use std::process::Stdio;

use conveyor_driver_tests::{DEADLINE, Stage, eventually, shared_server};
use tokio::process::Command;
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fork_is_told_that_it_is_one_and_its_parent_goes_on() {
    let stage = Stage::on_nats().await;
    let host = Command::new(env!("CARGO_BIN_EXE_forking_host"))
        .env("CONVEYOR_NATS_URL", shared_server().await)
        .env("DRIVER_NAME", &stage.driver)
        .env("RESOURCE", &stage.resource)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    eventually("the host is ready", async || {
        stage.stream.consumer("messages", &stage.driver).await.unwrap()
    })
    .await;
    stage.post("app").await;
    assert_eq!(stage.result().await.result.message, "undisturbed");
    let output = timeout(DEADLINE, host.wait_with_output()).await.expect("an end in time").unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines[0], "child: Some(0)", "the number of the child's step that went wrong");
    assert_eq!(lines[1], format!("{}: 1 succeeded, 0 failed", stage.driver));
    assert_eq!(lines[2], "core threads: 0");
}
