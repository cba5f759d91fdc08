//! A real `nats-server`, from its start to its end.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, ErrorKind};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use conveyor_driver::ErrorCode;
use conveyor_driver_cli::nats_server::{NatsServer, NatsServerOptions};

/// What the server says of itself to who connects; nothing when nobody listens or answers.
fn greeting(port: u16) -> Option<String> {
    let connection = TcpStream::connect(("127.0.0.1", port)).ok()?;
    connection.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let mut line = String::new();
    match BufReader::new(connection).read_line(&mut line) {
        Ok(_) => line.strip_prefix("INFO ").map(str::to_owned),
        Err(error) => {
            assert!(matches!(
                error.kind(),
                ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::ConnectionReset
            ));
            None
        }
    }
}

fn info(port: u16) -> serde_json::Value {
    serde_json::from_str(&greeting(port).unwrap()).unwrap()
}

#[tokio::test]
async fn two_servers_run_side_by_side_with_jetstream() {
    let (one, two) = tokio::join!(NatsServer::start(), NatsServer::start());
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_ne!(one.port(), two.port());
    for server in [&one, &two] {
        let info = info(server.port());
        assert_eq!(info["port"], server.port());
        assert_eq!(info["jetstream"], true);
        assert_eq!(server.url(), format!("nats://127.0.0.1:{}", server.port()));
    }
}

#[tokio::test]
async fn a_restart_keeps_port_and_store() {
    let mut server = NatsServer::start().await.unwrap();
    let (port, store) = (server.port(), server.store().to_owned());
    std::fs::write(store.join("kept"), "").unwrap();

    server.restart().await.unwrap();
    assert_eq!(info(port)["port"], port);

    server.kill();
    assert!(!server.is_running());
    assert_eq!(greeting(port), None);
    server.restart().await.unwrap();
    assert_eq!(info(port)["port"], port);
    assert_eq!(server.store(), store);
    assert!(store.join("kept").exists());

    server.stop().await;
    assert_eq!(server.pid(), None);
    assert_eq!(greeting(port), None);
    let log = std::fs::read_to_string(server.log()).unwrap();
    assert_eq!(log.matches("Server is ready").count(), 3);
}

#[tokio::test]
async fn a_paused_server_answers_nobody_until_it_goes_on() {
    let mut server = NatsServer::start().await.unwrap();
    server.pause();
    assert!(server.is_running());
    assert_eq!(greeting(server.port()), None);
    server.resume();
    assert_eq!(info(server.port())["port"], server.port());
    server.pause();
    server.stop().await;
    assert!(!server.is_running());
}

#[tokio::test]
async fn nothing_is_left_when_the_owner_lets_go() {
    let server = NatsServer::start().await.unwrap();
    let (pid, port, store) = (server.pid().unwrap(), server.port(), server.store().to_owned());
    drop(server);
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
    assert_eq!(greeting(port), None);
    assert!(!store.exists());
}

#[tokio::test]
async fn a_given_store_outlives_the_server() {
    let store = tempfile::tempdir().unwrap();
    let options = NatsServerOptions {
        store: Some(store.path().join("deep/er")),
        ..NatsServerOptions::default()
    };
    let server = NatsServer::start_with(options).await.unwrap();
    let log = server.log();
    drop(server);
    assert!(log.starts_with(store.path()) && log.exists());
}

#[tokio::test]
async fn further_configuration_takes_effect() {
    let options = NatsServerOptions {
        jetstream: false,
        config: "max_payload: 4096\nauthorization { user: u, password: p }".into(),
        ..NatsServerOptions::default()
    };
    let server = NatsServer::start_with(options).await.unwrap();
    let info = info(server.port());
    assert_eq!(info["max_payload"], 4096);
    assert_eq!(info["auth_required"], true);
    assert_eq!(info.get("jetstream"), None);
}

#[tokio::test]
async fn a_server_that_ends_at_its_start_says_why() {
    let options =
        NatsServerOptions { config: "no_such_option: 1".into(), ..NatsServerOptions::default() };
    let error = NatsServer::start_with(options).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unavailable);
    let log = error.context().iter().find(|(name, _)| name == "log").unwrap();
    assert!(log.1.contains("no_such_option"));
}

#[tokio::test]
async fn a_port_that_is_taken_is_unavailable() {
    let server = NatsServer::start().await.unwrap();
    let options = NatsServerOptions { port: Some(server.port()), ..NatsServerOptions::default() };
    let error = NatsServer::start_with(options).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unavailable);
}

#[tokio::test]
async fn a_program_that_is_not_there_is_unavailable() {
    let options = NatsServerOptions {
        program: Some("/nowhere/nats-server".into()),
        ..NatsServerOptions::default()
    };
    let error = NatsServer::start_with(options).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unavailable);
}

#[tokio::test]
async fn the_server_dies_with_an_owner_that_does_not_let_go() {
    let folder = tempfile::tempdir().unwrap();
    let owner = std::process::Command::new(env!("CARGO_BIN_EXE_careless_owner"))
        .env("TMPDIR", folder.path())
        .output()
        .unwrap();
    assert!(owner.status.success());
    let pid = String::from_utf8(owner.stdout).unwrap();
    let process = format!("/proc/{}/exe", pid.trim());
    let gone = async {
        // A zombie that nobody has reaped yet has no program any more.
        while std::fs::read_link(&process).is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.unwrap();
}
