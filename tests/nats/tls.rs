//! TLS: from memory, from files, both ways, and every way it must fail.

use conveyor_driver::ErrorCode;
use conveyor_driver::options::{ConnectionOptions, Secret, TlsOptions};
use conveyor_driver::stream::EventStream;
use tempfile::TempDir;

use crate::support::{connect, options, refusal, server, until, within};
use conveyor_driver_cli::nats_server::NatsServer;
use conveyor_driver_tests::certificates::{Authority, Identity, write};

const HOST: &str = "127.0.0.1";

/// A server that shows this certificate; its folder must live as long.
async fn tls_server(identity: &Identity, more: &str) -> (NatsServer, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let cert = write(folder.path(), "server.pem", &identity.cert);
    let key = write(folder.path(), "server.key", &identity.key);
    let configuration =
        format!("tls {{ cert_file: {cert:?}, key_file: {key:?}, timeout: 5\n{more} }}");
    (server(&configuration).await, folder)
}

fn trusting(server: &NatsServer, ca: &str) -> ConnectionOptions {
    let tls = TlsOptions { ca: Some(ca.to_owned()), ..Default::default() };
    ConnectionOptions { tls, ..options(server.url()) }
}

async fn works(options: &ConnectionOptions) {
    let stream = connect(options).await;
    within(stream.flush()).await.expect("a round trip");
    within(stream.close()).await;
}

#[tokio::test]
async fn an_authority_from_memory_and_from_a_file() {
    let authority = Authority::new();
    let (server, folder) = tls_server(&authority.server(HOST), "").await;
    works(&trusting(&server, &authority.pem)).await;

    let ca_file = Some(write(folder.path(), "ca.pem", &authority.pem));
    let tls = TlsOptions { ca_file, ..Default::default() };
    let url = server.url().replace("nats://", "tls://");
    works(&ConnectionOptions { tls, ..options(url) }).await;
}

#[tokio::test]
async fn tls_before_anything_is_said() {
    let authority = Authority::new();
    let (server, _folder) = tls_server(&authority.server(HOST), "handshake_first: true").await;
    let mut options = trusting(&server, &authority.pem);
    options.tls.first = true;
    works(&options).await;
}

#[tokio::test]
async fn a_certificate_on_both_sides() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let ca = write(folder.path(), "ca.pem", &authority.pem);
    let more = format!("ca_file: {ca:?}, verify: true");
    let (server, _folder) = tls_server(&authority.server(HOST), &more).await;
    let client = authority.client();

    let mut from_memory = trusting(&server, &authority.pem);
    from_memory.tls.cert = Some(client.cert.clone());
    from_memory.tls.key = Some(Secret::new(client.key.clone()));
    works(&from_memory).await;

    let tls = TlsOptions {
        ca_file: Some(ca),
        cert_file: Some(write(folder.path(), "client.pem", &client.cert)),
        key_file: Some(write(folder.path(), "client.key", &client.key)),
        ..Default::default()
    };
    works(&ConnectionOptions { tls, ..options(server.url()) }).await;

    let none = trusting(&server, &authority.pem);
    assert_eq!(refusal(&none).await, ErrorCode::TlsFailed);
    let mut foreign = trusting(&server, &authority.pem);
    let stranger = Authority::new().client();
    foreign.tls.cert = Some(stranger.cert.clone());
    foreign.tls.key = Some(Secret::new(stranger.key));
    assert_eq!(refusal(&foreign).await, ErrorCode::TlsFailed);
    // A key that is not the certificate's.
    foreign.tls.key = Some(Secret::new(client.key));
    assert_eq!(refusal(&foreign).await, ErrorCode::TlsFailed);
}

#[tokio::test]
async fn a_server_that_cannot_be_trusted() {
    let authority = Authority::new();
    let cases = [
        ("another authority", authority.server(HOST), Authority::new().pem),
        ("expired", authority.expired_server(HOST), authority.pem.clone()),
        ("another host", authority.server("nats.example.com"), authority.pem.clone()),
    ];
    for (name, identity, ca) in cases {
        let (server, _folder) = tls_server(&identity, "").await;
        assert_eq!(refusal(&trusting(&server, &ca)).await, ErrorCode::TlsFailed, "{name}");
    }
    // Nothing given: the system's authorities do not know this one.
    let (server, _folder) = tls_server(&authority.server(HOST), "").await;
    assert_eq!(refusal(&options(server.url())).await, ErrorCode::TlsFailed);
}

#[tokio::test]
async fn a_server_without_tls() {
    let server = server("").await;
    assert_eq!(refusal(&trusting(&server, &Authority::new().pem)).await, ErrorCode::TlsFailed);
}

#[tokio::test]
async fn a_renewed_authority_is_trusted_when_the_connection_is_made_again() {
    let (old, new) = (Authority::new(), Authority::new());
    let (mut server, folder) = tls_server(&old.server(HOST), "").await;
    let put = |name: &str, text: &str| write(folder.path(), name, text);
    let tls = TlsOptions { ca_file: Some(put("ca.pem", &old.pem)), ..Default::default() };
    let options = ConnectionOptions { tls, ..options(server.url()) };
    let stream = connect(&options).await;
    within(stream.flush()).await.unwrap();

    let identity = new.server(HOST);
    let _renewed = [put("server.pem", &identity.cert), put("server.key", &identity.key)];
    server.restart().await.unwrap();
    assert_eq!(refusal(&options).await, ErrorCode::TlsFailed);
    // Half of a renewal: nobody is trusted by it, and nothing is lost.
    put("ca.pem", "-----BEGIN CERTIFICATE-----");
    assert!(stream.flush().await.is_err());
    put("ca.pem", &new.pem);
    until(|| async { stream.flush().await.is_ok() }).await;
    within(stream.close()).await;
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_when_the_connection_is_made_again() {
    let (authority, old, new) = (Authority::new(), Authority::new(), Authority::new());
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| write(folder.path(), name, text);
    let trusted = put("trusted.pem", &old.pem);
    let more = format!("ca_file: {trusted:?}, verify: true");
    let (mut server, _folder) = tls_server(&authority.server(HOST), &more).await;
    let client = old.client();
    let mut options = trusting(&server, &authority.pem);
    options.tls.cert_file = Some(put("client.pem", &client.cert));
    options.tls.key_file = Some(put("client.key", &client.key));
    let stream = connect(&options).await;
    within(stream.flush()).await.unwrap();

    let client = new.client();
    let _renewed = [
        put("trusted.pem", &new.pem),
        put("client.key", &client.key),
        put("client.pem", &client.cert),
    ];
    server.restart().await.unwrap();
    until(|| async { stream.flush().await.is_ok() }).await;
    within(stream.close()).await;
}
