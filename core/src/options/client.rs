//! Options of the client of the Conveyor API.

use serde::{Deserialize, Serialize};

use super::fault::{Faults, at};
use super::limits::{DAY_MS, limits};
use super::tls::TlsOptions;

/// Where the Conveyor API is and how to be let in. What is not given is filled from the environment,
/// then from the defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
pub struct ClientOptions {
    /// The address, such as `http://host:8080` or `https://ci.example.com/conveyor`. Environment:
    /// `CONVEYOR_API_URL`; else `CONVEYOR_SERVER_HOST` and `CONVEYOR_SERVER_PORT`, of which each may be
    /// left out. Without any of these there is no client.
    pub url: Option<String>,
    /// Authorities, and the certificate and key that prove who asks: with them each request carries a
    /// token signed with the key, as servers with authentication want it.
    pub tls: TlsOptions,
    /// How long one call may take, with all that is repeated of it.
    pub request_timeout_ms: u64,
    /// How long it may take to reach the server.
    pub connect_timeout_ms: u64,
    /// How often a call is tried when the server cannot be reached or fails. What is not safe to repeat
    /// is tried again only when it was not sent.
    pub max_attempts: u32,
    /// The largest answer that is taken.
    pub max_response_bytes: u64,
    /// How long a log stream may be silent before it is taken for dead. The server sends something
    /// every 15 s.
    pub stream_idle_timeout_ms: u64,
    /// How long a log stream keeps trying to come back. Default: for ever.
    pub reconnect_timeout_ms: Option<u64>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            url: None,
            tls: TlsOptions::default(),
            request_timeout_ms: 30_000,
            connect_timeout_ms: 5_000,
            max_attempts: 4,
            max_response_bytes: 64 * 1024 * 1024,
            stream_idle_timeout_ms: 45_000,
            reconnect_timeout_ms: None,
        }
    }
}

limits!(ClientOptions {
    request_timeout_ms: 10..=DAY_MS;
    connect_timeout_ms: 10..=DAY_MS;
    max_attempts: 1..=100;
    max_response_bytes: 1_024..=1 << 32;
    stream_idle_timeout_ms: 10..=DAY_MS;
    reconnect_timeout_ms: 10..=30 * DAY_MS;
});

impl ClientOptions {
    /// Notes every fault, each path starting with `path`.
    pub fn check(&self, path: &str, faults: &mut Faults) {
        if let Some(reason) = self.url.as_deref().and_then(url_fault) {
            faults.add(at(path, "url"), reason);
        }
        self.tls.check(&at(path, "tls"), faults);
        faults.limits(path, self, Self::LIMITS);
    }
}

fn url_fault(url: &str) -> Option<&'static str> {
    let Some(("http" | "https", rest)) = url.split_once("://") else {
        return Some("must start with http:// or https://");
    };
    if rest.contains(['?', '#']) || rest.contains(char::is_whitespace) {
        return Some("must be an address and, at most, a path");
    }
    let host = rest.split('/').next().unwrap_or_default();
    if host.contains('@') {
        return Some("must not hold credentials; use tls.cert and tls.key");
    }
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (host, None),
    };
    if name.is_empty() {
        return Some("names no host");
    }
    if port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return Some("has a port that is not a number from 0 to 65535");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked() {
        for good in ["http://h", "http://h:8080/", "https://[::1]:1/api", "http://10.0.0.1:80/a/b/"]
        {
            assert_eq!(url_fault(good), None, "{good}");
        }
        for bad in [
            "",
            "h:8080",
            "ftp://h",
            "http://",
            "http://:80",
            "http://u:p@h",
            "http://h:x",
            "http://h/?token=1",
            "http://h h",
            "http://h:99999",
        ] {
            let options = ClientOptions { url: Some(bad.to_owned()), ..Default::default() };
            let mut faults = Faults::default();
            options.check("client", &mut faults);
            let error = faults.into_result().unwrap_err();
            assert_eq!(error.context()[0].0, "client.url", "{bad:?}");
        }
    }
}
