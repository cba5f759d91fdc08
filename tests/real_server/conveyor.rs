//! The Conveyor CI server itself: `conveyor init`, then `conveyor up`, in a folder of its own.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::Duration;

use conveyor_driver_tests::certificates::{Authority, write};
use conveyor_driver_tests::eventually;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use crate::server::{Access, Part, Server, text_of};

/// The pinned version, as `scripts/conveyor-server.sh` installs it.
const INSTALLED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../.tools/conveyor-v0.4.0/conveyor");
/// Where `init` puts the configuration in its test mode, so that `/etc` stays as it is.
const CONFIGURATION: &str = "conveyor_test_config/conveyor.yml";
/// It starts two databases and a NATS server.
const STARTS_WITHIN: Duration = Duration::from_secs(90);

pub(crate) struct Conveyor;

impl Conveyor {
    /// The program, if it is here.
    pub(crate) fn program() -> Option<PathBuf> {
        let named = std::env::var_os("CONVEYOR_SERVER").filter(|name| !name.is_empty());
        let path = named.map_or_else(|| PathBuf::from(INSTALLED), PathBuf::from);
        path.is_file().then_some(path)
    }

    /// Starts it on free ports.
    pub(crate) async fn start(access: Access) -> Result<Server, String> {
        let program = Self::program().ok_or("no conveyor server")?;
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let authority = Authority::new();
        room().await;
        let (api, nats) = (free_port(), free_port());
        initialise(&program, folder.path(), &authority, access, api, nats).await?;
        let (log, process) = up(&program, folder.path(), api)?;
        let mut server = Server {
            access,
            api: format!("http://127.0.0.1:{api}"),
            nats: format!("nats://localhost:{nats}"),
            nats_tls: false,
            authority,
            folder,
            identity_environment: OnceLock::new(),
            part: Part::Process(process),
        };
        let deadline = Instant::now() + STARTS_WITHIN;
        while let Err(error) = server.client().definitions().get("none").await {
            // Whatever it says, it is there.
            if error.code() == conveyor_driver::ErrorCode::NotFound {
                break;
            }
            let Part::Process(process) = &mut server.part else { break };
            let ended = process.try_wait().ok().flatten();
            if Instant::now() > deadline || ended.is_some() {
                let said = std::fs::read_to_string(&log).unwrap_or_default();
                return Err(format!("conveyor up: {error}; it ended: {ended:?}; it said:\n{said}"));
            }
            sleep(Duration::from_millis(100)).await;
        }
        server.nats_tls = wants_tls(nats).await.map_err(|error| format!("NATS: {error}"))?;
        Ok(server)
    }
}

/// What NATS says of itself, first of all.
async fn wants_tls(port: u16) -> std::io::Result<bool> {
    let mut greeting = String::new();
    BufReader::new(TcpStream::connect(("127.0.0.1", port)).await?).read_line(&mut greeting).await?;
    Ok(greeting.contains("\"tls_required\":true"))
}

/// Its database has ports that cannot be chosen: another server on this machine has to end first.
async fn room() {
    eventually("no other server has the ports of etcd", async || {
        [2379, 2380]
            .iter()
            .all(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
            .then_some(())
    })
    .await;
}

async fn initialise(
    program: &Path,
    folder: &Path,
    authority: &Authority,
    access: Access,
    api: u16,
    nats: u16,
) -> Result<(), String> {
    let mut command = Command::new(program);
    command.args(["init", "--force"]).arg(format!("--api-port={api}"));
    command.arg(format!("--nats-port={nats}"));
    command.arg(format!("--auth-enabled={}", access == Access::Certificates));
    let own = authority.server("localhost");
    for (option, name, text) in [
        ("--ca", "ca.pem", &authority.pem),
        ("--private-key", "server.key", &own.key),
        ("--crt", "server.crt", &own.cert),
    ] {
        command.arg(option).arg(write(folder, name, text));
    }
    let output = command.current_dir(folder).env("APP_ENV", "test").output().await;
    let output = output.map_err(|error| format!("conveyor init: {error}"))?;
    if output.status.success() && folder.join(CONFIGURATION).is_file() {
        return Ok(());
    }
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Err(format!(
        "conveyor init: {}\n{}{}",
        output.status,
        said(&output.stdout),
        said(&output.stderr)
    ))
}

fn up(program: &Path, folder: &Path, api: u16) -> Result<(PathBuf, Child), String> {
    let path = folder.join("conveyor.log");
    let log = File::create(&path).map_err(|error| error.to_string())?;
    let process = Command::new(program)
        // The port in the configuration is not looked at.
        .args(["up", &format!("--port={api}")])
        .current_dir(folder)
        .env("CONVEYOR_CONFIG_FILE", text_of(&folder.join(CONFIGURATION)))
        .env_remove("APP_ENV")
        .stdin(Stdio::null())
        .stdout(log.try_clone().map_err(|error| error.to_string())?)
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("conveyor up: {error}"))?;
    Ok((path, process))
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
