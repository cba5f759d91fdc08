//! The real server, started once for all tests of this binary.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tokio::sync::OnceCell;

use crate::scene::eventually;

struct Server {
    url: String,
    /// Its standard input ends with this process, and the server with it.
    _guard: Child,
}

/// Where the server is to be reached; nothing when none is installed or it did not start.
pub(crate) async fn url() -> Option<&'static str> {
    static SERVER: OnceCell<Option<Server>> = OnceCell::const_new();
    SERVER.get_or_init(start).await.as_ref().map(|server| server.url.as_str())
}

async fn start() -> Option<Server> {
    let program = find()?;
    let dir = tempfile::tempdir().ok()?.keep();
    let guard = spawn(&program, &dir).ok()?;
    let url = eventually(async || Ok(read_url(&dir))).await.ok()?;
    Some(Server { url, _guard: guard })
}

/// On the path, else in the project's virtual environment.
fn find() -> Option<PathBuf> {
    let venv = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.venv/bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([venv])
        .map(|dir| dir.join("nats-server"))
        .find(|file| file.is_file())
}

fn spawn(program: &Path, dir: &Path) -> io::Result<Child> {
    // A test binary runs no code at its end, so a shell waits for that end in its stead.
    const GUARD: &str = r#""$1" -a 127.0.0.1 -p -1 -js -sd "$2" --ports_file_dir "$2" &
        read -r _; kill $!; wait; rm -rf "$2""#;
    Command::new("sh")
        .args(["-c", GUARD, "sh"])
        .arg(program)
        .arg(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

fn read_url(dir: &Path) -> Option<String> {
    let mut files = std::fs::read_dir(dir).ok()?.flatten().map(|entry| entry.path());
    let ports = files.find(|file| file.extension().is_some_and(|ext| ext == "ports"))?;
    let ports: serde_json::Value = serde_json::from_slice(&std::fs::read(ports).ok()?).ok()?;
    ports["nats"][0].as_str().map(str::to_owned)
}
