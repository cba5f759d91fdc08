//! A control plane that runs, whoever made it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use conveyor_driver::client::LogFilter;
use conveyor_driver::message::LogEntry;
use conveyor_driver::options::{ClientOptions, ConnectionOptions, TlsOptions};
use conveyor_driver::stream::{NatsStream, SharedStream};
use conveyor_driver::{Client, ErrorCode};
use conveyor_driver_cli::nats_server::NatsServer;
use conveyor_driver_cli::rest::RestServer;
use conveyor_driver_tests::certificates::{Authority, Identity, Usage, write};
use conveyor_driver_tests::unique_name;
use futures_util::StreamExt;
use tempfile::TempDir;
use tokio::process::Child;

use crate::gate::Gate;

/// Who is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Open,
    Certificates,
}

/// What a test needs that a version of the Conveyor CI server may lack.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Need {
    Nothing,
    LogStreams,
    /// Where anybody is asked for a certificate.
    NatsTls,
}

pub(crate) struct Server {
    pub(crate) access: Access,
    pub(crate) api: String,
    pub(crate) nats: String,
    /// Whether NATS wants certificates, too.
    pub(crate) nats_tls: bool,
    /// What the certificates of this server are signed by.
    pub(crate) authority: Authority,
    /// Where the driver's certificate is; with those of the server when it has any.
    pub(crate) folder: TempDir,
    /// What tells a process who it is, once one was started.
    pub(crate) identity_environment: OnceLock<Vec<(&'static str, String)>>,
    pub(crate) part: Part,
}

/// What runs for it, until it is stopped or dropped.
pub(crate) enum Part {
    Process(Child),
    Starting,
    Dev { _gate: Option<Gate>, _rest: RestServer, _nats: Box<NatsServer> },
}

impl Server {
    /// The options of TLS for who has this identity.
    pub(crate) fn tls_of(&self, identity: &Identity) -> TlsOptions {
        TlsOptions {
            ca: Some(self.authority.pem.clone()),
            cert: Some(identity.cert.clone()),
            key: Some(identity.key.as_str().into()),
            ..TlsOptions::default()
        }
    }

    /// An identity that is good for the API and for NATS.
    pub(crate) fn identity(&self) -> Identity {
        self.authority.client_for(&[Usage::ClientAuth, Usage::ServerAuth])
    }

    fn tls(&self) -> TlsOptions {
        match self.access {
            Access::Open => TlsOptions::default(),
            Access::Certificates => self.tls_of(&self.identity()),
        }
    }

    pub(crate) fn client(&self) -> Client {
        self.client_with(self.tls())
    }

    pub(crate) fn client_with(&self, tls: TlsOptions) -> Client {
        Client::new(ClientOptions { url: Some(self.api.clone()), tls, ..ClientOptions::default() })
            .unwrap()
    }

    pub(crate) async fn stream(&self) -> SharedStream {
        let tls = if self.nats_tls { self.tls() } else { TlsOptions::default() };
        let connected = self.stream_with(tls).await;
        connected.expect("the server's NATS can be reached")
    }

    pub(crate) async fn stream_with(
        &self,
        tls: TlsOptions,
    ) -> conveyor_driver::Result<SharedStream> {
        let options = ConnectionOptions {
            url: Some(self.nats.clone()),
            tls,
            connect_timeout_ms: Some(20_000),
            ..ConnectionOptions::default()
        };
        Ok(Arc::new(NatsStream::connect(&options, "real-server").await?))
    }

    /// Not where its certificate, which the environment gives for both, is one that NATS does not want.
    pub(crate) fn steps_ask_the_api(&self) -> bool {
        self.nats_tls || self.access == Access::Open
    }

    /// What it lacks of this. The control plane of `dev` lacks nothing.
    pub(crate) async fn lacks(&self, need: Need) -> Option<&'static str> {
        let Part::Process(_) = self.part else { return None };
        match need {
            Need::LogStreams if !self.streams_logs().await => {
                Some("this server streams no logs of runs")
            }
            Need::NatsTls if !self.steps_ask_the_api() => {
                Some("NATS of this server takes everybody, and has no TLS")
            }
            Need::Nothing | Need::LogStreams | Need::NatsTls => None,
        }
    }

    async fn streams_logs(&self) -> bool {
        let run = unique_name("run");
        // Of a run without any line there would be no answer until its first.
        let entry = LogEntry {
            runid: run.as_str().into(),
            driver: "probe".into(),
            timestamp: "2026-01-01T00:00:00.000000001Z".into(),
            ..LogEntry::default()
        };
        let client = self.client();
        client.logs().post(&entry).await.unwrap();
        let mut live = client.logs().stream(&LogFilter::run(run)).unwrap();
        match live.next().await.unwrap() {
            Ok(_) => true,
            Err(error) if error.code() == ErrorCode::Unsupported => false,
            Err(error) => panic!("{error}"),
        }
    }

    /// What tells a driver in a process of its own where this server is, and who the driver is.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let mut all =
            vec![("CONVEYOR_NATS_URL", self.nats.clone()), ("CONVEYOR_API_URL", self.api.clone())];
        if self.steps_ask_the_api() {
            all.extend(self.identity_environment());
        } else {
            all.push(("ASKS_API", "no".to_owned()));
        }
        all
    }

    /// What tells who a process is, where that is asked.
    pub(crate) fn identity_environment(&self) -> Vec<(&'static str, String)> {
        if self.access == Access::Open {
            return Vec::new();
        }
        // Written once: a process that starts meanwhile would read one's certificate and another's key.
        let written = self.identity_environment.get_or_init(|| {
            let identity = self.identity();
            let file = |name, text: &str| text_of(&write(self.folder.path(), name, text));
            vec![
                ("CONVEYOR_TLS_CA", file("driver-ca.pem", &self.authority.pem)),
                ("CONVEYOR_TLS_CERT", file("driver-cert.pem", &identity.cert)),
                ("CONVEYOR_TLS_KEY", file("driver-key.pem", &identity.key)),
            ]
        });
        written.clone()
    }

    pub(crate) async fn stop(self) {
        if let Part::Process(mut process) = self.part {
            process.kill().await.unwrap();
        }
    }
}

pub(crate) fn text_of(path: &Path) -> String {
    PathBuf::from(path).into_os_string().into_string().unwrap()
}
