//! Environment variables fill what is not given; what is given wins.

use std::path::PathBuf;

use super::connection::ConnectionOptions;
use super::secret::Secret;

impl ConnectionOptions {
    /// Fills what is not given from the environment. An empty variable counts as not set.
    #[must_use]
    pub fn with_environment(self) -> Self {
        self.filled_from(&|name| std::env::var(name).ok())
    }

    pub(super) fn filled_from(mut self, variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let text = |name: &str| variable(name).filter(|value| !value.is_empty());
        let path = |name: &str| text(name).map(PathBuf::from);
        let secret = |name: &str| text(name).map(Secret::new);

        self.url = self
            .url
            .or_else(|| text("CONVEYOR_NATS_URL"))
            .or_else(|| text("CONVEYOR_SERVER_HOST").map(|host| format!("nats://{host}:4222")));
        // One way to be let in is enough: a given one is not mixed with others from outside.
        let given = self.token.is_some()
            || self.user.is_some()
            || self.password.is_some()
            || self.nkey.is_some()
            || self.creds.is_some()
            || self.creds_file.is_some();
        if !given {
            self.token = secret("CONVEYOR_NATS_TOKEN");
            self.user = text("CONVEYOR_NATS_USER");
            self.password = secret("CONVEYOR_NATS_PASSWORD");
            self.nkey = secret("CONVEYOR_NATS_NKEY");
            self.creds_file = path("CONVEYOR_NATS_CREDS");
        }
        if self.tls.ca.is_none() && self.tls.ca_file.is_none() {
            self.tls.ca_file = path("CONVEYOR_TLS_CA");
        }
        let identity_given = self.tls.cert.is_some()
            || self.tls.cert_file.is_some()
            || self.tls.key.is_some()
            || self.tls.key_file.is_some();
        if !identity_given {
            self.tls.cert_file = path("CONVEYOR_TLS_CERT");
            self.tls.key_file = path("CONVEYOR_TLS_KEY");
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::TlsOptions;

    fn environment(name: &str) -> Option<String> {
        Some(match name {
            "CONVEYOR_NATS_URL" => "nats://env:4222".into(),
            "CONVEYOR_NATS_TOKEN" => "from-env".into(),
            "CONVEYOR_NATS_USER" => String::new(),
            "CONVEYOR_TLS_CA" => "/env/ca.pem".into(),
            "CONVEYOR_TLS_CERT" => "/env/cert.pem".into(),
            "CONVEYOR_TLS_KEY" => "/env/key.pem".into(),
            _ => return None,
        })
    }

    #[test]
    fn the_environment_fills_what_is_not_given() {
        let filled = ConnectionOptions::default().filled_from(&environment);
        assert_eq!(filled.url.as_deref(), Some("nats://env:4222"));
        assert_eq!(filled.token, Some(Secret::new("from-env")));
        assert_eq!(filled.user, None);
        assert_eq!(filled.tls.key_file, Some("/env/key.pem".into()));
    }

    #[test]
    fn options_win_over_the_environment() {
        let given = ConnectionOptions {
            url: Some("nats://given:1".into()),
            user: Some("u".into()),
            password: Some("p".into()),
            tls: TlsOptions { cert: Some("c".into()), key: Some("k".into()), ..Default::default() },
            ..Default::default()
        };
        let filled = given.clone().filled_from(&environment);
        assert_eq!(filled.tls.ca_file, Some("/env/ca.pem".into()));
        assert_eq!(
            ConnectionOptions { tls: TlsOptions { ca_file: None, ..filled.tls.clone() }, ..filled },
            given
        );
    }

    #[test]
    fn a_server_host_alone_gives_the_address() {
        let host = |name: &str| (name == "CONVEYOR_SERVER_HOST").then(|| "ci".to_owned());
        let filled = ConnectionOptions::default().filled_from(&host);
        assert_eq!(filled.url.as_deref(), Some("nats://ci:4222"));
    }
}
