//! Builds what is in a Git repository: clone it, run one command in it, answer how that ended.
//!
//! It takes resources of type `build`:
//!
//! ```json
//! {
//!   "name": "app",
//!   "resource": "build",
//!   "spec": {
//!     "repository": "https://git.example/app.git",
//!     "revision": "v1.2",
//!     "command": ["make", "test"],
//!     "env": { "CI": "true" }
//!   }
//! }
//! ```
//!
//! `repository` is a path or whatever else `git clone` takes. `revision` (a branch, a tag or a
//! commit; by default what the repository has checked out) and `env` need not be given. No shell is
//! involved. Who may post a resource may run any command as the user of this process: run it where
//! that is all right, such as in a container.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use conveyor_driver::exec::Command;
use conveyor_driver::options::from_document;
use conveyor_driver::{Driver, DriverResult, Failure, Run};
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The driver's name.
pub const NAME: &str = "git-build";
/// The type of resource it takes.
pub const RESOURCE: &str = "build";

/// The driver, with default options.
#[must_use]
pub fn driver() -> Driver {
    Driver::new(NAME).resources([RESOURCE]).reconcile(build)
}

/// Its reconcile, for a driver with other options.
///
/// The result's data is `{"exit_status", "signal", "duration_ms", "commit"}`: how the command ended
/// and what it was run on.
///
/// # Errors
/// A retry when the repository cannot be cloned from elsewhere; a failure, naming the field, for a
/// spec that can never be built.
pub async fn build(run: Run) -> Result<DriverResult, Failure> {
    let spec = Spec::read(&run.resource()?.spec)?;
    // Removed at the end, however the run ends.
    let folder = TempDir::with_prefix("git-build-")?;
    let source = folder.path().join("source").display().to_string();
    let commit = clone(&run, &spec, &source).await?;

    let command = spec.command(&source);
    let shown = spec.command.join(" ");
    run.log(format!("running {shown}")).await;
    let output = run.exec(&command).await?;
    run.check_cancelled()?;
    Ok(DriverResult {
        success: output.success(),
        message: format!("{shown}: {output}"),
        data: json!({
            "exit_status": output.code,
            "signal": output.signal,
            "duration_ms": u64::try_from(output.duration.as_millis()).unwrap_or(u64::MAX),
            "commit": commit,
        }),
    })
}

/// Clones the repository, checks the revision out and says which commit that is.
async fn clone(run: &Run, spec: &Spec, source: &str) -> Result<String, Failure> {
    let local = spec.local_path();
    if let Some(path) = local
        && !path.exists()
    {
        return Err(refused("repository", format_args!("there is no {}", path.display())));
    }
    run.log(format!("cloning {}", spec.shown_repository())).await;
    let output = run.exec(&git(&["clone", "--quiet", "--", &spec.repository, source])).await?;
    run.check_cancelled()?;
    if !output.success() {
        let message = format!("git clone {output}");
        // A host that is down and one that does not exist look the same from here.
        return Err(match local {
            Some(_) => Failure::failed(message),
            None => Failure::retry(message),
        });
    }
    if let Some(revision) = &spec.revision {
        let checkout = git(&["-C", source, "checkout", "--quiet", revision, "--"]);
        let output = run.exec(&checkout).await?;
        run.check_cancelled()?;
        if !output.success() {
            return Err(refused("revision", format_args!("git checkout {output}")));
        }
    }
    let commit = head(source).await?;
    run.log(format!("at commit {commit}")).await;
    Ok(commit)
}

/// What is checked out. Not run as part of the log: its output is the answer.
async fn head(source: &str) -> Result<String, Failure> {
    let mut command = tokio::process::Command::new("git");
    for name in LOCAL_TO_A_REPOSITORY {
        command.env_remove(name);
    }
    let output = command
        .args(["-C", source, "rev-parse", "--verify", "HEAD"])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await?;
    if !output.status.success() {
        return Err(refused("repository", "has no commit checked out"));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Inherited from a Git hook, these would lead `git` to the repository of the hook.
const LOCAL_TO_A_REPOSITORY: [&str; 3] = ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"];

fn git(args: &[&str]) -> Command {
    let command = Command::new("git").args(args.iter().copied()).env("GIT_TERMINAL_PROMPT", "0");
    LOCAL_TO_A_REPOSITORY.into_iter().fold(command, Command::env_remove)
}

/// What is to be built.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Spec {
    repository: String,
    revision: Option<String>,
    command: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
}

impl Spec {
    fn read(document: &Value) -> Result<Self, Failure> {
        let spec: Self = from_document(document.clone()).map_err(|error| {
            let faults = error.context().iter().map(|(path, reason)| match path.as_str() {
                "" | "." => format!("spec: {reason}"),
                path => format!("spec.{path}: {reason}"),
            });
            Failure::failed(faults.collect::<Vec<_>>().join("; "))
        })?;
        let revision = spec.revision.as_deref();
        for (field, text) in
            [("repository", Some(spec.repository.as_str())), ("revision", revision)]
        {
            if text.is_some_and(str::is_empty) {
                return Err(refused(field, "is empty"));
            }
            // Git would take it for an option.
            if text.is_some_and(|text| text.starts_with('-')) {
                return Err(refused(field, "starts with '-'"));
            }
        }
        if spec.command.first().is_none_or(String::is_empty) {
            return Err(refused("command", "names no program"));
        }
        Ok(spec)
    }

    fn command(&self, source: &str) -> Command {
        let mut argv = self.command.iter().cloned();
        let command = Command::new(argv.next().unwrap_or_default()).args(argv).current_dir(source);
        self.env.iter().fold(command, |command, (name, value)| command.env(name, value))
    }

    /// The path, when the repository is on this machine.
    fn local_path(&self) -> Option<&Path> {
        if let Some(path) = self.repository.strip_prefix("file://") {
            return Some(Path::new(path));
        }
        // As Git tells them apart: a colon before the first slash ends a host or a protocol.
        let start = self.repository.split('/').next().unwrap_or_default();
        (!start.contains(':')).then(|| Path::new(&self.repository))
    }

    /// The repository without what may be a password.
    fn shown_repository(&self) -> String {
        let Some((protocol, rest)) = self.repository.split_once("://") else {
            return self.repository.clone();
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let host = authority.rsplit('@').next().unwrap_or(authority);
        format!("{protocol}://{host}{path}")
    }
}

fn refused(field: &str, reason: impl std::fmt::Display) -> Failure {
    Failure::failed(format!("spec.{field}: {reason}"))
}
