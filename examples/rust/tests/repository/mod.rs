//! A Git repository to build.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// A repository of two commits, the first with the tag `old`; `version` holds 1, then 2.
pub(crate) struct Repository(TempDir);

impl Repository {
    pub(crate) fn new() -> Self {
        let repository = Self(tempfile::tempdir().unwrap());
        repository.git(&["init", "--quiet"]);
        repository.commit("1");
        repository.git(&["tag", "old"]);
        repository.commit("2");
        repository
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    fn commit(&self, version: &str) {
        std::fs::write(self.path().join("version"), version).unwrap();
        self.git(&["add", "version"]);
        self.git(&["commit", "--quiet", "--message", version]);
    }

    pub(crate) fn git(&self, args: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=test", "-c", "user.email=test@localhost"])
            .args(args)
            .current_dir(self.path())
            .env_remove("GIT_DIR")
            .env_remove("GIT_WORK_TREE")
            .env_remove("GIT_INDEX_FILE")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .unwrap();
        assert!(output.status.success(), "git {args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}
