//! Who is let in, and who is not.

use conveyor_driver::ErrorCode;
use conveyor_driver::options::TlsOptions;
use conveyor_driver_tests::certificates::{Authority, Usage};

use crate::server::Server;

pub(crate) async fn nobody_without_a_certificate(server: &Server) {
    let anonymous = server.client_with(TlsOptions::default());
    let error = anonymous.definitions().get("none").await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unauthenticated);
    let stranger = Authority::new().client_for(&[Usage::ClientAuth, Usage::ServerAuth]);
    let error = server.client_with(server.tls_of(&stranger)).definitions().get("none").await;
    assert_eq!(error.unwrap_err().code(), ErrorCode::Unauthenticated);

    if !server.nats_tls {
        return;
    }
    let trusting = TlsOptions { ca: Some(server.authority.pem.clone()), ..TlsOptions::default() };
    assert!(server.stream_with(trusting).await.is_err());
    assert!(server.stream_with(server.tls_of(&stranger)).await.is_err());
}

/// The API wants a certificate for servers, NATS one for clients; or one without such limits.
pub(crate) async fn usages_count(server: &Server) {
    for (usages, api, nats) in [
        (&[Usage::ClientAuth][..], false, true),
        (&[Usage::ServerAuth][..], true, false),
        (&[Usage::ClientAuth, Usage::ServerAuth][..], true, true),
        (&[][..], true, true),
    ] {
        let tls = server.tls_of(&server.authority.client_for(usages));
        let asked = server.client_with(tls.clone()).definitions().get("none").await;
        let expected = if api { ErrorCode::NotFound } else { ErrorCode::Unauthenticated };
        assert_eq!(asked.unwrap_err().code(), expected, "{usages:?}");
        if server.nats_tls {
            assert_eq!(server.stream_with(tls).await.is_ok(), nats, "{usages:?}");
        }
    }
}
