//! No secret is in anything that the client says: not in `Debug`, errors, or the library's whole log.

use std::process::Stdio;

use conveyor_driver_tests::certificates::{Authority, write};
use tokio::process::Command;

use crate::stub::{Does, Stub, json};

/// What a process of its own said.
pub(crate) struct Said {
    pub(crate) out: String,
    log: String,
}

impl Said {
    pub(crate) fn has_line(&self, line: &str) -> bool {
        self.out.lines().any(|found| found == line)
    }
}

/// Has a process ask the API of its environment.
pub(crate) async fn ask(environment: &[(&str, &str)]) -> Said {
    let output = Command::new(env!("CARGO_BIN_EXE_api_caller"))
        .env_clear()
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { out: text(output.stdout), log: text(output.stderr) }
}

#[tokio::test]
async fn nothing_that_is_said_holds_a_key_a_token_or_a_password() {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    let mine = authority.client();
    let cert = write(folder.path(), "cert.pem", &mine.cert);
    let key = write(folder.path(), "key.pem", &mine.key);
    let broken =
        write(folder.path(), "broken.pem", &mine.key.replace("-----END", "hunter2 -----END"));

    let good = Stub::start(|_, _| json("200 OK", "{}")).await;
    let refusing =
        Stub::start(|_, _| json("401 Unauthorized", r#"{"error":"invalid token"}"#)).await;
    let closing = Stub::start(|_, _| Does::Closes).await;
    let proxied = good.url.replace("http://", "http://user:hunter2@");
    let nowhere = "http://user:hunter2@127.0.0.1:1";
    let (cert, key) = (cert.to_str().unwrap(), key.to_str().unwrap());
    let cases = [
        (good.url.as_str(), key, None, "ok"),
        (refusing.url.as_str(), key, None, "Unauthenticated"),
        (closing.url.as_str(), key, None, "Unavailable"),
        ("http://api.invalid", key, Some(proxied.as_str()), "ok"),
        ("http://api.invalid", key, Some(nowhere), "Unavailable"),
        ("https://api.invalid", key, Some(nowhere), "Unavailable"),
        (good.url.as_str(), broken.to_str().unwrap(), None, "TlsFailed"),
    ];
    for (url, key, proxy, line) in cases {
        let said = ask(&[
            ("CONVEYOR_API_URL", url),
            ("CONVEYOR_TLS_CERT", cert),
            ("CONVEYOR_TLS_KEY", key),
            ("HTTP_PROXY", proxy.unwrap_or_default()),
            ("HTTPS_PROXY", proxy.unwrap_or_default()),
        ])
        .await;
        assert!(said.has_line(line), "{url}: {}", said.out);
        holds_none(&said.out, &mine.key);
        holds_none(&said.log, &mine.key);
    }
    let heard = good.heard();
    assert!(heard[0].header("authorization").is_some(), "there was something to hide");
    assert!(heard[1].header("proxy-authorization").is_some());
}

fn holds_none(text: &str, key: &str) {
    let lines = key.lines().filter(|line| line.len() > 20 && !line.starts_with("-----"));
    for secret in lines.chain(["hunter2", "PRIVATE KEY", "Bearer ey", "eyJ"]) {
        assert!(!text.contains(secret), "{secret:?} is in {text}");
    }
}
