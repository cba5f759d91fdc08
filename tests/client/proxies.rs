//! Proxies of the environment, which a process has but once.

use crate::secrets::ask;
use crate::stub::{Does, Stub, json};

#[tokio::test]
async fn the_proxy_of_the_environment_is_used() {
    let proxy = Stub::start(|_, _| json("200 OK", "{}")).await;
    let said =
        ask(&[("CONVEYOR_API_URL", "http://api.invalid:8080"), ("HTTP_PROXY", &proxy.url)]).await;
    assert!(said.has_line("ok"), "{}", said.out);
    assert_eq!(proxy.heard()[0].line, "GET http://api.invalid:8080/resource-definitions/demo");
}

#[tokio::test]
async fn hosts_that_want_no_proxy_get_none() {
    let proxy = Stub::start(|_, _| Does::Closes).await;
    let api = Stub::start(|_, _| json("200 OK", "{}")).await;
    let said = ask(&[
        ("CONVEYOR_API_URL", &api.url),
        ("HTTP_PROXY", &proxy.url),
        ("NO_PROXY", "127.0.0.1"),
    ])
    .await;
    assert!(said.has_line("ok"), "{}", said.out);
    assert!(proxy.heard().is_empty());
}

#[tokio::test]
async fn a_proxy_that_fails_ends_in_a_code() {
    for (tell, code) in [
        (json("407 Proxy Authentication Required", ""), "Unauthenticated"),
        (json("502 Bad Gateway", ""), "Unavailable"),
        (Does::Sends(Vec::new()), "Unavailable"),
    ] {
        let Does::Sends(bytes) = tell else { panic!("an answer") };
        let proxy = Stub::start(move |_, _| Does::Sends(bytes.clone())).await;
        for api in ["http://api.invalid:8080", "https://api.invalid"] {
            let said = ask(&[
                ("CONVEYOR_API_URL", api),
                ("HTTP_PROXY", &proxy.url),
                ("HTTPS_PROXY", &proxy.url),
            ])
            .await;
            // Whatever stops a tunnel, the API cannot be reached.
            let code = if api.starts_with("https") { "Unavailable" } else { code };
            assert!(said.has_line(code), "{api}: {}", said.out);
        }
    }
}
