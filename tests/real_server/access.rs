//! Who is let in, and who is not.

use conveyor_driver::ErrorCode;
use conveyor_driver::options::TlsOptions;
use conveyor_driver_tests::certificates::{Authority, Usage};

use crate::server::Server;

pub(crate) async fn no_strangers_at_the_api(server: &Server) {
    let anonymous = server.client_with(TlsOptions::default());
    let error = anonymous.definitions().get("none").await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unauthenticated);
    let stranger = server.client_with(strange(server));
    let error = stranger.definitions().get("none").await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unauthenticated);
}

pub(crate) async fn no_strangers_at_nats(server: &Server) {
    let trusting = TlsOptions { ca: Some(server.authority.pem.clone()), ..TlsOptions::default() };
    assert!(server.stream_with(trusting).await.is_err());
    assert!(server.stream_with(strange(server)).await.is_err());
}

/// Who trusts this server, and whom it does not.
fn strange(server: &Server) -> TlsOptions {
    server.tls_of(&Authority::new().client_for(&[Usage::ClientAuth, Usage::ServerAuth]))
}

/// It wants a certificate for servers, or one without such limits.
pub(crate) async fn usages_count_at_the_api(server: &Server) {
    for (usages, good) in [
        (&[Usage::ClientAuth][..], false),
        (&[Usage::ServerAuth][..], true),
        (&[Usage::ClientAuth, Usage::ServerAuth][..], true),
        (&[][..], true),
    ] {
        let tls = server.tls_of(&server.authority.client_for(usages));
        let asked = server.client_with(tls).definitions().get("none").await;
        let expected = if good { ErrorCode::NotFound } else { ErrorCode::Unauthenticated };
        assert_eq!(asked.unwrap_err().code(), expected, "{usages:?}");
    }
}

/// It wants a certificate for clients, or one without such limits.
pub(crate) async fn usages_count_at_nats(server: &Server) {
    for (usages, good) in [
        (&[Usage::ClientAuth][..], true),
        (&[Usage::ServerAuth][..], false),
        (&[Usage::ClientAuth, Usage::ServerAuth][..], true),
        (&[][..], true),
    ] {
        let tls = server.tls_of(&server.authority.client_for(usages));
        assert_eq!(server.stream_with(tls).await.is_ok(), good, "{usages:?}");
    }
}
