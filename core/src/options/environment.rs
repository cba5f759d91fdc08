//! Environment variables fill what is not given; what is given wins.

use super::connection::ConnectionOptions;
use super::secret::Secret;

type Options = ConnectionOptions;

/// A variable and the option that it fills.
pub(crate) struct Variable {
    pub(crate) name: &'static str,
    /// The option's path among those of the connection.
    #[cfg_attr(not(feature = "contract"), allow(dead_code, reason = "other languages ask for it"))]
    pub(crate) option: &'static str,
    /// What the option becomes; `{}` stands for the variable's value.
    pub(crate) template: &'static str,
    fill: fn(&mut Options, String),
}

/// Options that are filled together, and only when none of them is given: one way to be let in is
/// not mixed with another from outside. Of two variables for one option the first that is set counts.
pub(crate) struct Group {
    given: fn(&Options) -> bool,
    pub(crate) variables: &'static [Variable],
}

/// Every variable that the runtime reads.
pub(crate) const ENVIRONMENT: &[Group] = &[
    Group {
        given: |o| o.url.is_some(),
        variables: &[
            fills("CONVEYOR_NATS_URL", "url", |o, url| o.url = Some(url)),
            fills("CONVEYOR_SERVER_HOST", "url", |o, url| o.url = Some(url)).with("nats://{}:4222"),
        ],
    },
    Group {
        given: |o| {
            [&o.token, &o.password, &o.nkey, &o.creds].iter().any(|secret| secret.is_some())
                || o.user.is_some()
                || o.creds_file.is_some()
        },
        variables: &[
            fills("CONVEYOR_NATS_TOKEN", "token", |o, text| o.token = Some(Secret::new(text))),
            fills("CONVEYOR_NATS_USER", "user", |o, text| o.user = Some(text)),
            fills("CONVEYOR_NATS_PASSWORD", "password", |o, text| {
                o.password = Some(Secret::new(text));
            }),
            fills("CONVEYOR_NATS_NKEY", "nkey", |o, text| o.nkey = Some(Secret::new(text))),
            fills("CONVEYOR_NATS_CREDS", "creds_file", |o, path| o.creds_file = Some(path.into())),
        ],
    },
    Group {
        given: |o| o.tls.ca.is_some() || o.tls.ca_file.is_some(),
        variables: &[fills("CONVEYOR_TLS_CA", "tls.ca_file", |o, path| {
            o.tls.ca_file = Some(path.into());
        })],
    },
    Group {
        given: |o| {
            let (cert, key) = (o.tls.cert.is_some(), o.tls.key.is_some());
            cert || key || o.tls.cert_file.is_some() || o.tls.key_file.is_some()
        },
        variables: &[
            fills("CONVEYOR_TLS_CERT", "tls.cert_file", |o, path| {
                o.tls.cert_file = Some(path.into());
            }),
            fills("CONVEYOR_TLS_KEY", "tls.key_file", |o, path| {
                o.tls.key_file = Some(path.into());
            }),
        ],
    },
];

/// Those whose values are secrets by themselves.
pub(crate) const SECRET_VARIABLES: &[&str] =
    &["CONVEYOR_NATS_TOKEN", "CONVEYOR_NATS_PASSWORD", "CONVEYOR_NATS_NKEY"];

const fn fills(
    name: &'static str,
    option: &'static str,
    fill: fn(&mut Options, String),
) -> Variable {
    Variable { name, option, template: "{}", fill }
}

impl Variable {
    const fn with(self, template: &'static str) -> Self {
        Self { template, ..self }
    }
}

impl ConnectionOptions {
    /// Fills what is not given from the environment. An empty variable counts as not set.
    #[must_use]
    pub fn with_environment(self) -> Self {
        self.filled_from(&|name| std::env::var(name).ok())
    }

    pub(super) fn filled_from(mut self, variable: &dyn Fn(&str) -> Option<String>) -> Self {
        for group in ENVIRONMENT {
            if (group.given)(&self) {
                continue;
            }
            // Backwards, so that the first of two for one option has the last word.
            for Variable { name, template, fill, .. } in group.variables.iter().rev() {
                if let Some(value) = variable(name).filter(|value| !value.is_empty()) {
                    fill(&mut self, template.replace("{}", &value));
                }
            }
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
    fn the_address_counts_more_than_the_server_host() {
        let both = |name: &str| match name {
            "CONVEYOR_SERVER_HOST" => Some("ci".to_owned()),
            name => environment(name),
        };
        let filled = ConnectionOptions::default().filled_from(&both);
        assert_eq!(filled.url.as_deref(), Some("nats://env:4222"));
    }

    #[test]
    fn a_server_host_alone_gives_the_address() {
        let host = |name: &str| (name == "CONVEYOR_SERVER_HOST").then(|| "ci".to_owned());
        let filled = ConnectionOptions::default().filled_from(&host);
        assert_eq!(filled.url.as_deref(), Some("nats://ci:4222"));
    }

    #[test]
    fn the_secret_variables_are_those_of_secret_options() {
        let secret = |variable: &&Variable| {
            let set = |name: &str| (name == variable.name).then(|| "x".to_owned());
            let filled = serde_json::to_value(ConnectionOptions::default().filled_from(&set));
            filled.unwrap().pointer(&format!("/{}", variable.option.replace('.', "/")))
                == Some(&"***".into())
        };
        let all = ENVIRONMENT.iter().flat_map(|group| group.variables);
        let secrets: Vec<_> = all.filter(secret).map(|variable| variable.name).collect();
        assert_eq!(secrets, SECRET_VARIABLES);
    }

    #[test]
    fn each_variable_fills_the_option_that_the_table_names_and_no_other() {
        let unset = serde_json::to_value(ConnectionOptions::default()).unwrap();
        for variable in ENVIRONMENT.iter().flat_map(|group| group.variables) {
            let set = |name: &str| (name == variable.name).then(|| "x".to_owned());
            let mut filled =
                serde_json::to_value(ConnectionOptions::default().filled_from(&set)).unwrap();
            let option = format!("/{}", variable.option.replace('.', "/"));
            let value = filled.pointer_mut(&option).unwrap().take();
            assert!(value == variable.template.replace("{}", "x") || value == "***");
            assert_eq!(filled, unset, "{}", variable.name);
        }
    }
}
