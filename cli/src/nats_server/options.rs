//! How a server is started, and the files it is started with.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How to start a [`NatsServer`](super::NatsServer).
#[derive(Clone, Debug)]
pub struct NatsServerOptions {
    /// The program. Default: the one [found](super::NatsProgram::find).
    pub program: Option<PathBuf>,
    /// The folder for streams and log, made when missing and kept. Default: a temporary one.
    pub store: Option<PathBuf>,
    /// The port. Default: any free one.
    pub port: Option<u16>,
    /// Whether the server has JetStream. Default: it has.
    pub jetstream: bool,
    /// Further text for the server's configuration file: TLS, users, permissions, limits.
    pub config: String,
    /// How long the server may take to become ready. Default: 20 s.
    pub start_timeout: Duration,
}

impl Default for NatsServerOptions {
    fn default() -> Self {
        Self {
            program: None,
            store: None,
            port: None,
            jetstream: true,
            config: String::new(),
            start_timeout: Duration::from_secs(20),
        }
    }
}

/// The files of one start.
#[derive(Debug)]
pub(super) struct Launch {
    pub(super) config: PathBuf,
    pub(super) ports: PathBuf,
    pub(super) log: PathBuf,
    pub(super) log_file: File,
}

impl NatsServerOptions {
    pub(super) fn log_in(&self, store: &Path) -> PathBuf {
        store.join("nats-server.log")
    }

    pub(super) fn write_files(&self, store: &Path, port: Option<u16>) -> io::Result<Launch> {
        // The server reads paths relative to its own working directory.
        let store = store.canonicalize()?;
        let ports = store.join("ports");
        // A killed server leaves its port file behind.
        match fs::remove_dir_all(&ports) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::create_dir(&ports)?,
        }
        let config = store.join("nats-server.conf");
        fs::write(&config, self.config_text(&store, port))?;
        let log = self.log_in(&store);
        let log_file = File::options().create(true).append(true).open(&log)?;
        Ok(Launch { config, ports, log, log_file })
    }

    fn config_text(&self, store: &Path, port: Option<u16>) -> String {
        let any_free_port = "-1".to_owned();
        let port = port.map_or(any_free_port, |port| port.to_string());
        let jetstream = if self.jetstream {
            format!("jetstream {{ store_dir: {} }}\n", quoted(&store.to_string_lossy()))
        } else {
            String::new()
        };
        format!("listen: \"127.0.0.1:{port}\"\n{jetstream}{}\n", self.config)
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_names_port_store_and_what_was_added() {
        let options = NatsServerOptions { config: "max_payload: 1MB".into(), ..Default::default() };
        assert_eq!(
            options.config_text(Path::new("/a \"b\""), None),
            "listen: \"127.0.0.1:-1\"\njetstream { store_dir: \"/a \\\"b\\\"\" }\nmax_payload: 1MB\n"
        );
        let bare = NatsServerOptions { jetstream: false, ..Default::default() };
        assert_eq!(bare.config_text(Path::new("/a"), Some(4222)), "listen: \"127.0.0.1:4222\"\n\n");
    }
}
