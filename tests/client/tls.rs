//! APIs behind TLS: whom the client trusts, and what it shows.

use std::sync::{Arc, Mutex};

use conveyor_driver::options::{ClientOptions, TlsOptions};
use conveyor_driver::{Client, ErrorCode};
use conveyor_driver_tests::certificates::{Authority, Identity};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A server that wants a certificate of this authority, and what clients have shown it.
struct TlsStub {
    url: String,
    shown: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl TlsStub {
    async fn start(own: &Identity, clients: &Authority) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(clients.pem.as_bytes()).unwrap()).unwrap();
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(
                vec![CertificateDer::from_pem_slice(own.cert.as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(own.key.as_bytes()).unwrap(),
            )
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let shown: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let kept = shown.clone();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                // Whom it does not let in is told so by TLS.
                let Ok(mut connection) = acceptor.accept(connection).await else { continue };
                let certificate = connection.get_ref().1.peer_certificates().unwrap()[0].to_vec();
                kept.lock().unwrap().push(certificate);
                let _head = connection.read(&mut [0; 16 * 1024]).await;
                let answer =
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\
                               Connection: close\r\n\r\n{}";
                let _gone = connection.write_all(answer).await;
                let _gone = connection.shutdown().await;
            }
        });
        Self { url, shown }
    }

    async fn asked(&self, tls: TlsOptions) -> conveyor_driver::Result<()> {
        let options =
            ClientOptions { url: Some(self.url.clone()), tls, ..ClientOptions::default() };
        Client::new(options)?.definitions().get("demo").await.map(drop)
    }
}

fn showing(identity: &Identity, ca: &Authority) -> TlsOptions {
    TlsOptions {
        ca: Some(ca.pem.clone()),
        cert: Some(identity.cert.clone()),
        key: Some(identity.key.as_str().into()),
        ..TlsOptions::default()
    }
}

#[tokio::test]
async fn the_certificate_is_shown_to_a_server_that_wants_one() {
    let (servers, clients) = (Authority::new(), Authority::new());
    let stub = TlsStub::start(&servers.server("127.0.0.1"), &clients).await;
    let mine = clients.client();
    stub.asked(showing(&mine, &servers)).await.unwrap();
    let leaf = CertificateDer::from_pem_slice(mine.cert.as_bytes()).unwrap();
    assert_eq!(*stub.shown.lock().unwrap(), [leaf.to_vec()]);
}

#[tokio::test]
async fn servers_that_cannot_be_trusted_are_a_failure_of_tls() {
    let (servers, clients) = (Authority::new(), Authority::new());
    let mine = clients.client();
    for (own, trusted) in [
        (servers.server("127.0.0.1"), &clients),
        (servers.server("another.host"), &servers),
        (servers.expired_server("127.0.0.1"), &servers),
    ] {
        let stub = TlsStub::start(&own, &clients).await;
        let error = stub.asked(showing(&mine, trusted)).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::TlsFailed);
        assert!(stub.shown.lock().unwrap().is_empty());
    }
    // Without an authority of one's own those of the system count.
    let stub = TlsStub::start(&servers.server("127.0.0.1"), &clients).await;
    let tls = TlsOptions { ca: None, ..showing(&mine, &servers) };
    assert_eq!(stub.asked(tls).await.unwrap_err().code(), ErrorCode::TlsFailed);
}
