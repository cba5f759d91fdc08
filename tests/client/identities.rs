//! Certificates that are renewed while the client is at work.

use std::path::Path;

use conveyor_driver::Client;
use conveyor_driver::options::{ClientOptions, TlsOptions};
use conveyor_driver_tests::certificates::{Authority, Identity};

use crate::stub::{Stub, json};
use crate::tokens::token;

fn files(folder: &Path) -> TlsOptions {
    TlsOptions {
        cert_file: Some(folder.join("cert.pem")),
        key_file: Some(folder.join("key.pem")),
        ..TlsOptions::default()
    }
}

/// Puts a file in its place at once, as those who renew certificates do.
fn put(folder: &Path, name: &str, text: &str) {
    let new = folder.join("new");
    std::fs::write(&new, text).unwrap();
    std::fs::rename(new, folder.join(name)).unwrap();
}

fn put_both(folder: &Path, identity: &Identity) {
    put(folder, "cert.pem", &identity.cert);
    put(folder, "key.pem", &identity.key);
}

#[tokio::test]
async fn renewed_files_are_used_without_a_restart() {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    let stub = Stub::start(|_, _| json("200 OK", "{}")).await;
    put_both(folder.path(), &authority.client());
    let client =
        Client::new(ClientOptions { tls: files(folder.path()), ..stub.options() }).unwrap();
    let thumbprint = async || {
        client.definitions().get("demo").await.unwrap();
        token(stub.heard().last().unwrap()).claims["cnf"].clone()
    };
    let first = thumbprint().await;

    // Half of a renewal changes nothing yet.
    let renewed = authority.client_for(&[]);
    put(folder.path(), "cert.pem", &renewed.cert);
    assert_eq!(thumbprint().await, first);
    put(folder.path(), "key.pem", &renewed.key);
    let second = thumbprint().await;
    assert_ne!(second, first);

    // Nor does a file that is gone, or no certificate any more.
    std::fs::remove_file(folder.path().join("cert.pem")).unwrap();
    assert_eq!(thumbprint().await, second);
    put(folder.path(), "cert.pem", "nothing");
    assert_eq!(thumbprint().await, second);
    put_both(folder.path(), &authority.client());
    assert_ne!(thumbprint().await, second);
}
