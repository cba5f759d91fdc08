//! Options of the connection to the event stream.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::fault::{Faults, at};
use super::limits::{DAY_MS, limits};
use super::secret::Secret;
use super::tls::TlsOptions;

/// Where the NATS server is and how to be let in. What is not given is filled from the
/// environment, then from the defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
pub struct ConnectionOptions {
    /// The address, or several separated by commas: `nats://host:4222` or `tls://host:4222`.
    /// Environment: `CONVEYOR_NATS_URL`; else `CONVEYOR_SERVER_HOST` with port 4222. Default:
    /// `nats://127.0.0.1:4222`.
    pub url: Option<String>,
    /// The name the server shows for this connection. Default: the first driver's name.
    pub name: Option<String>,
    /// A token. Environment: `CONVEYOR_NATS_TOKEN`.
    pub token: Option<Secret>,
    /// A user name, with `password`. Environment: `CONVEYOR_NATS_USER`.
    pub user: Option<String>,
    /// The user's password. Environment: `CONVEYOR_NATS_PASSWORD`.
    pub password: Option<Secret>,
    /// An nkey seed. Environment: `CONVEYOR_NATS_NKEY`.
    pub nkey: Option<Secret>,
    /// The text of a credentials file.
    pub creds: Option<Secret>,
    /// The path of a credentials file. Environment: `CONVEYOR_NATS_CREDS`.
    pub creds_file: Option<PathBuf>,
    /// TLS, used when the server or the address asks for it, or when any of these is given.
    pub tls: TlsOptions,
    /// How long to keep trying to reach the server at the start. Default: for ever.
    pub connect_timeout_ms: Option<u64>,
    /// How long to wait for the server's answer to one request before it is repeated.
    pub request_timeout_ms: u64,
}

impl Default for ConnectionOptions {
    fn default() -> Self {
        Self {
            url: None,
            name: None,
            token: None,
            user: None,
            password: None,
            nkey: None,
            creds: None,
            creds_file: None,
            tls: TlsOptions::default(),
            connect_timeout_ms: None,
            request_timeout_ms: 5_000,
        }
    }
}

limits!(ConnectionOptions {
    connect_timeout_ms: 1..=30 * DAY_MS;
    request_timeout_ms: 100..=600_000;
});

impl ConnectionOptions {
    /// The address when nothing else names one.
    pub const DEFAULT_URL: &'static str = "nats://127.0.0.1:4222";

    /// Notes every fault, each path starting with `path`.
    pub fn check(&self, path: &str, faults: &mut Faults) {
        let at = |option: &str| at(path, option);
        for url in self.urls() {
            if let Some(reason) = url_fault(&url) {
                faults.add(at("url"), reason);
            }
        }
        let ways = [
            ("token", self.token.is_some()),
            ("user", self.user.is_some() || self.password.is_some()),
            ("nkey", self.nkey.is_some()),
            ("creds", self.creds.is_some()),
            ("creds_file", self.creds_file.is_some()),
        ];
        let given: Vec<_> =
            ways.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect();
        if given.len() > 1 {
            faults.add(at(given[1]), format_args!("is given together with {}; use one", given[0]));
        }
        match (&self.user, &self.password) {
            (Some(_), None) => faults.add(at("password"), "is missing for the user"),
            (None, Some(_)) => faults.add(at("user"), "is missing for the password"),
            _ => {}
        }
        self.tls.check(&at("tls"), faults);
        faults.limits(path, self, Self::LIMITS);
    }

    /// The addresses to try, in their order.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.url
            .as_deref()
            .unwrap_or(Self::DEFAULT_URL)
            .split(',')
            .map(|url| url.trim().to_owned())
            .collect()
    }
}

fn url_fault(url: &str) -> Option<&'static str> {
    let host = match url.split_once("://") {
        Some(("nats" | "tls", rest)) => rest,
        Some(_) => return Some("must start with nats:// or tls://"),
        None => url,
    };
    if host.contains('@') {
        return Some("must not hold credentials; use user and password, or token");
    }
    let host = host.trim_end_matches('/');
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (host, None),
    };
    if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c == '/') {
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

    fn faulty(options: &ConnectionOptions) -> Vec<String> {
        let mut faults = Faults::default();
        options.check("connection", &mut faults);
        faults.into_result().map_or_else(
            |e| e.context().iter().map(|(path, _)| path.clone()).collect(),
            |()| Vec::new(),
        )
    }

    #[test]
    fn addresses_are_checked() {
        for good in [
            "localhost",
            "nats://h:1",
            "tls://[::1]:4222",
            "nats://a:1, nats://b:2",
            "10.0.0.1:4222",
        ] {
            let options = ConnectionOptions { url: Some(good.into()), ..Default::default() };
            assert!(faulty(&options).is_empty(), "{good}");
        }
        for bad in
            ["", "http://h", "nats://", "nats://h:x", "nats://u:p@h", "nats://h:70000", "a b"]
        {
            let options = ConnectionOptions { url: Some(bad.into()), ..Default::default() };
            assert_eq!(faulty(&options), ["connection.url"], "{bad:?}");
        }
    }

    #[test]
    fn half_and_doubled_credentials_are_faults() {
        let options = ConnectionOptions {
            user: Some("u".into()),
            token: Some("t".into()),
            tls: TlsOptions {
                cert: Some("c".into()),
                ca: Some("a".into()),
                ca_file: Some("b".into()),
                ..Default::default()
            },
            ..Default::default()
        };
        assert_eq!(
            faulty(&options),
            [
                "connection.user",
                "connection.password",
                "connection.tls.ca_file",
                "connection.tls.key"
            ]
        );
    }
}
