//! A small program with a test, in a Git repository.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use crate::Fallible;

const ROMAN: &str = r#"#!/bin/sh
# Writes a number in Roman numerals.
set -eu
left=$1
text=
while read -r value letters; do
    while [ "$left" -ge "$value" ]; do
        text=$text$letters
        left=$((left - value))
    done
done <<END
1000 M
900 CM
500 D
400 CD
100 C
90 XC
50 L
40 XL
10 X
9 IX
5 V
4 IV
1 I
END
echo "$text"
"#;

const BUILD: &str = r#"#!/bin/sh
# Writes the version into the program.
set -eu
cd "$(dirname "$0")"
mkdir -p dist
sed "s/^# Writes/# Version $(git rev-parse --short HEAD). Writes/" roman.sh >dist/roman
chmod +x dist/roman
sed -n 2p dist/roman
"#;

const TEST: &str = r#"#!/bin/sh
set -u
cd "$(dirname "$0")"
failed=0
while read -r number expected; do
    got=$(dist/roman "$number")
    if [ "$got" = "$expected" ]; then
        echo "ok   $number is $got"
    else
        echo "FAIL $number is $expected, not $got" >&2
        failed=$((failed + 1))
    fi
done <<END
1 I
4 IV
9 IX
42 XLII
1994 MCMXCIV
2026 MMXXVI
END
echo "$failed failed"
[ "$failed" -eq 0 ]
"#;

/// A repository with one commit.
#[derive(Debug)]
pub(crate) struct Repository {
    pub(crate) path: PathBuf,
    pub(crate) commit: String,
}

impl Repository {
    /// Makes the folder and all that is in it.
    pub(crate) async fn make(path: &Path) -> Fallible<Self> {
        fs::create_dir(path)?;
        for (name, text) in [("roman.sh", ROMAN), ("build.sh", BUILD), ("test.sh", TEST)] {
            let file = path.join(name);
            fs::write(&file, text)?;
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
        }
        git(path, &["init", "--quiet"]).await?;
        git(path, &["add", "."]).await?;
        git(path, &["commit", "--quiet", "--message", "Write numbers as the Romans did"]).await?;
        let commit = git(path, &["rev-parse", "HEAD"]).await?;
        Ok(Self { path: path.to_owned(), commit })
    }
}

/// Runs `git` as a machine without any settings would, and says what it wrote.
async fn git(folder: &Path, args: &[&str]) -> Fallible<String> {
    let output = Command::new("git")
        .args(["-c", "user.name=demo", "-c", "user.email=demo@localhost"])
        .args(["-c", "init.defaultBranch=main"])
        .args(args)
        .current_dir(folder)
        // A Git hook that runs this has these set, to a repository that is not to be touched.
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_INDEX_FILE")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .stdin(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| format!("cannot run git: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        let reason = String::from_utf8_lossy(&output.stderr);
        Err(format!("git {}: {}: {}", args.join(" "), output.status, reason.trim()).into())
    }
}
