//! Each way to be let in, and what a wrong secret says.

use conveyor_driver::ErrorCode;
use conveyor_driver::options::{ConnectionOptions, Secret};
use conveyor_driver::stream::{EventStream, NatsStream};

use crate::nkeys::{Kind, Nkey, operator_mode};
use crate::support::{connect, options, refusal, server, within};

async fn let_in(options: &ConnectionOptions) {
    let stream = connect(options).await;
    assert!(stream.stream("none").await.expect("an answer").is_none());
    within(stream.close()).await;
}

#[tokio::test]
async fn without_any() {
    let server = server("").await;
    let_in(&options(server.url())).await;
}

#[tokio::test]
async fn a_token() {
    let server = server("authorization { token: right }").await;
    let with = |token: &str| ConnectionOptions {
        token: Some(Secret::new(token)),
        ..options(server.url())
    };
    let_in(&with("right")).await;
    assert_eq!(refusal(&with("wrong")).await, ErrorCode::Unauthenticated);
    assert_eq!(refusal(&options(server.url())).await, ErrorCode::Unauthenticated);
}

#[tokio::test]
async fn a_user_and_a_password() {
    let server = server("authorization { user: u, password: right }").await;
    let with = |password: &str| ConnectionOptions {
        user: Some("u".to_owned()),
        password: Some(Secret::new(password)),
        ..options(server.url())
    };
    let_in(&with("right")).await;
    assert_eq!(refusal(&with("wrong")).await, ErrorCode::Unauthenticated);
}

#[tokio::test]
async fn an_nkey() {
    let key = Nkey::generate(Kind::User);
    let users = format!("authorization {{ users: [ {{ nkey: {} }} ] }}", key.public());
    let server = server(&users).await;
    let with =
        |seed: String| ConnectionOptions { nkey: Some(Secret::new(seed)), ..options(server.url()) };
    let_in(&with(key.seed())).await;
    let stranger = Nkey::generate(Kind::User);
    assert_eq!(refusal(&with(stranger.seed())).await, ErrorCode::Unauthenticated);
    // The right form, but a wrong checksum.
    let mut broken = stranger.seed();
    let last = if broken.ends_with('A') { "B" } else { "A" };
    broken.replace_range(broken.len() - 1.., last);
    assert_eq!(refusal(&with(broken)).await, ErrorCode::OptionsInvalid);
}

#[tokio::test]
async fn credentials_as_text_and_as_a_file() {
    let (configuration, credentials) = operator_mode();
    let server = server(&configuration).await;
    let as_text =
        |text: &str| ConnectionOptions { creds: Some(Secret::new(text)), ..options(server.url()) };
    let_in(&as_text(&credentials)).await;
    let (_, foreign) = operator_mode();
    assert_eq!(refusal(&as_text(&foreign)).await, ErrorCode::Unauthenticated);

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("user.creds");
    std::fs::write(&file, &credentials).unwrap();
    let_in(&ConnectionOptions { creds_file: Some(file), ..options(server.url()) }).await;
}

#[tokio::test]
async fn faults_of_the_options_are_reported_together_and_hide_secrets() {
    let mut faulty = ConnectionOptions {
        nkey: Some(Secret::new("hunter2")),
        ..options("http://127.0.0.1:1".to_owned())
    };
    faulty.tls.ca_file = Some("/no/such/ca.pem".into());
    let error = NatsStream::connect(&faulty, "test").await.expect_err("faults");
    assert_eq!(error.code(), ErrorCode::OptionsInvalid);
    let paths: Vec<_> = error.context().iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["connection.url", "connection.tls.ca_file", "connection.nkey"]);
    assert!(!format!("{error:?}").contains("hunter2"));
}
