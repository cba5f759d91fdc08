//! Environment variables fill what is not given; what is given wins.

use super::client::ClientOptions;
use super::connection::ConnectionOptions;
use super::secret::Secret;
use super::tls::TlsOptions;

/// A variable and the option of `T` that it fills.
pub(crate) struct Variable<T> {
    pub(crate) name: &'static str,
    /// The option's name.
    #[cfg_attr(not(feature = "contract"), allow(dead_code, reason = "other languages ask for it"))]
    pub(crate) option: &'static str,
    /// What the option becomes; `{}` stands for the variable's value.
    pub(crate) template: &'static str,
    fill: fn(&mut T, String),
}

/// Options that are filled together, and only when none of them is given: one way to be let in is
/// not mixed with another from outside. Of two variables for one option the first that is set counts.
pub(crate) struct Group<T: 'static> {
    given: fn(&T) -> bool,
    pub(crate) variables: &'static [Variable<T>],
}

/// Options that the environment fills.
pub(crate) trait Environment: Sized + 'static {
    /// Every variable that the runtime reads for them.
    const ENVIRONMENT: &'static [Group<Self>];

    fn filled_from(mut self, variable: &dyn Fn(&str) -> Option<String>) -> Self {
        for group in Self::ENVIRONMENT {
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

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl Environment for ConnectionOptions {
    const ENVIRONMENT: &'static [Group<Self>] = &[
        Group {
            given: |o| o.url.is_some(),
            variables: &[
                fills("CONVEYOR_NATS_URL", "url", |o, url| o.url = Some(url)),
                fills_with("CONVEYOR_SERVER_HOST", "url", "nats://{}:4222", |o, url| {
                    o.url = Some(url)
                }),
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
                fills("CONVEYOR_NATS_CREDS", "creds_file", |o, path| {
                    o.creds_file = Some(path.into())
                }),
            ],
        },
    ];
}

impl Environment for ClientOptions {
    const ENVIRONMENT: &'static [Group<Self>] = &[Group {
        given: |o| o.url.is_some(),
        variables: &[
            fills("CONVEYOR_API_URL", "url", |o, url| o.url = Some(url)),
            fills_with("CONVEYOR_SERVER_PORT", "url", "http://127.0.0.1:{}", |o, url| {
                o.url = Some(match o.url.take() {
                    Some(host) => with_port_of(&host, &url),
                    None => url,
                });
            }),
            fills_with("CONVEYOR_SERVER_HOST", "url", "http://{}:8080", |o, url| o.url = Some(url)),
        ],
    }];
}

impl Environment for TlsOptions {
    const ENVIRONMENT: &'static [Group<Self>] = &[
        Group {
            given: |o| o.ca.is_some() || o.ca_file.is_some(),
            variables: &[fills("CONVEYOR_TLS_CA", "ca_file", |o, path| {
                o.ca_file = Some(path.into())
            })],
        },
        Group {
            given: |o| {
                let (cert, key) = (o.cert.is_some(), o.key.is_some());
                cert || key || o.cert_file.is_some() || o.key_file.is_some()
            },
            variables: &[
                fills("CONVEYOR_TLS_CERT", "cert_file", |o, path| o.cert_file = Some(path.into())),
                fills("CONVEYOR_TLS_KEY", "key_file", |o, path| o.key_file = Some(path.into())),
            ],
        },
    ];
}

/// Those whose values are secrets by themselves.
pub(crate) const SECRET_VARIABLES: &[&str] =
    &["CONVEYOR_NATS_TOKEN", "CONVEYOR_NATS_PASSWORD", "CONVEYOR_NATS_NKEY"];

/// The host of one address with the port of the other.
fn with_port_of(host: &str, port: &str) -> String {
    let end = |url: &str| url.rfind(':').unwrap_or(url.len());
    format!("{}{}", &host[..end(host)], &port[end(port)..])
}

const fn fills<T>(
    name: &'static str,
    option: &'static str,
    fill: fn(&mut T, String),
) -> Variable<T> {
    fills_with(name, option, "{}", fill)
}

const fn fills_with<T>(
    name: &'static str,
    option: &'static str,
    template: &'static str,
    fill: fn(&mut T, String),
) -> Variable<T> {
    Variable { name, option, template, fill }
}

impl ConnectionOptions {
    /// Fills what is not given from the environment. An empty variable counts as not set.
    #[must_use]
    pub fn with_environment(mut self) -> Self {
        self.tls = self.tls.filled_from(&variable);
        self.filled_from(&variable)
    }
}

impl ClientOptions {
    /// Fills what is not given from the environment. An empty variable counts as not set.
    #[must_use]
    pub fn with_environment(mut self) -> Self {
        self.tls = self.tls.filled_from(&variable);
        self.filled_from(&variable)
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
        let tls = TlsOptions::default().filled_from(&environment);
        assert_eq!(tls.key_file, Some("/env/key.pem".into()));
    }

    #[test]
    fn options_win_over_the_environment() {
        let given = ConnectionOptions {
            url: Some("nats://given:1".into()),
            user: Some("u".into()),
            password: Some("p".into()),
            ..Default::default()
        };
        assert_eq!(given.clone().filled_from(&environment), given);
        let given =
            TlsOptions { cert: Some("c".into()), key: Some("k".into()), ..Default::default() };
        let filled = given.clone().filled_from(&environment);
        assert_eq!(filled.ca_file, Some("/env/ca.pem".into()));
        assert_eq!(TlsOptions { ca_file: None, ..filled }, given);
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
    fn host_and_port_of_the_server_give_the_address_of_the_api() {
        let url = |host: &'static str, port: &'static str| {
            let set = |name: &str| match name {
                "CONVEYOR_SERVER_HOST" => Some(host.to_owned()),
                "CONVEYOR_SERVER_PORT" => Some(port.to_owned()),
                _ => None,
            };
            ClientOptions::default().filled_from(&set).url
        };
        assert_eq!(url("ci", "").as_deref(), Some("http://ci:8080"));
        assert_eq!(url("ci", "9").as_deref(), Some("http://ci:9"));
        assert_eq!(url("", "9").as_deref(), Some("http://127.0.0.1:9"));
        assert_eq!(url("", ""), None);
    }

    #[test]
    fn the_secret_variables_are_those_of_secret_options() {
        fn secrets<T: Environment + Default + serde::Serialize>() -> Vec<&'static str> {
            let secret = |variable: &&Variable<T>| {
                let set = |name: &str| (name == variable.name).then(|| "x".to_owned());
                let filled = serde_json::to_value(T::default().filled_from(&set)).unwrap();
                filled[variable.option] == "***"
            };
            let all = T::ENVIRONMENT.iter().flat_map(|group| group.variables);
            all.filter(secret).map(|variable| variable.name).collect()
        }
        assert_eq!(secrets::<ConnectionOptions>(), SECRET_VARIABLES);
        assert!(secrets::<ClientOptions>().is_empty() && secrets::<TlsOptions>().is_empty());
    }

    #[test]
    fn each_variable_fills_the_option_that_the_table_names_and_no_other() {
        fills_as_told::<ConnectionOptions>();
        fills_as_told::<ClientOptions>();
        fills_as_told::<TlsOptions>();
    }

    fn fills_as_told<T: Environment + Default + serde::Serialize>() {
        let unset = serde_json::to_value(T::default()).unwrap();
        for variable in T::ENVIRONMENT.iter().flat_map(|group| group.variables) {
            let set = |name: &str| (name == variable.name).then(|| "x".to_owned());
            let mut filled = serde_json::to_value(T::default().filled_from(&set)).unwrap();
            let value = filled[variable.option].take();
            assert!(value == variable.template.replace("{}", "x") || value == "***");
            assert_eq!(filled, unset, "{}", variable.name);
        }
    }
}
