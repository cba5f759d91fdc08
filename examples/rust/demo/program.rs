//! The programs of the drivers, one a language, where that language is set up.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use crate::{Fallible, RESOURCE};

/// The program of a driver.
#[derive(Clone, Debug)]
pub(crate) struct DriverProgram {
    /// The driver's name.
    pub(crate) name: &'static str,
    pub(crate) language: &'static str,
    pub(crate) file: PathBuf,
    /// What runs the file, with these arguments before it.
    runner: Vec<PathBuf>,
    /// What makes it.
    pub(crate) cure: &'static str,
}

const BUILD: &str = "cargo build --package conveyor-driver-examples --package conveyor-driver-cli";

impl DriverProgram {
    /// One for each step, in their order; for one that is not there, why.
    pub(crate) async fn all() -> Fallible<Vec<Result<Self, String>>> {
        let here = std::env::current_exe()?;
        let beside = |name: &str| here.with_file_name(name);
        let examples = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = examples.parent().unwrap_or(examples);
        let script = |name: &'static str| Self {
            name,
            language: "shell",
            file: examples.join(format!("shell/{name}_step.sh")),
            runner: exec(&beside("conveyor-driver"), name),
            cure: BUILD,
        };
        let build = Self {
            name: "build",
            language: "Rust",
            file: beside("build_step"),
            runner: Vec::new(),
            cure: BUILD,
        };
        let test = Self {
            name: "test",
            language: "Python",
            file: examples.join("python/test_step.py"),
            runner: vec![root.join(".venv/bin/python")],
            cure: "scripts/python.sh",
        };
        let package = Self {
            name: "package",
            language: "TypeScript",
            file: examples.join("node/build/package_step.mjs"),
            runner: vec![PathBuf::from("node")],
            cure: "scripts/node.sh",
        };
        // Imported, and not run: that is what it does as the first argument.
        let imports = "await import(process.argv[2])";
        let package =
            package.if_it_loads(&["--input-type=module", "--eval", imports, "probe"]).await;
        let seal = match &package {
            Ok(_) => built("seal", "C", &here, "c/examples/seal_step", "scripts/c.sh"),
            Err(_) => Err("step seal: nothing is packed".to_owned()),
        };
        let publish = built("publish", "Go", &here, "c/go/publishstep", "scripts/go.sh");
        Ok(vec![
            Ok(script("fetch")),
            Ok(build),
            test.if_it_loads(&["-c", "import conveyor_driver"]).await,
            package,
            seal,
            publish.or_else(|_without_go| Ok(script("publish"))),
        ])
    }

    pub(crate) fn command(&self) -> Command {
        let mut words = self.runner.iter().chain([&self.file]);
        let mut command = Command::new(words.next().unwrap_or(&self.file));
        command.args(words);
        command
    }

    /// The program, when its runner has what it needs.
    async fn if_it_loads(self, probe: &[&str]) -> Result<Self, String> {
        let mut command = Command::new(self.runner.first().unwrap_or(&self.file));
        command.args(probe).arg(&self.file);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if command.status().await.is_ok_and(|status| status.success()) {
            return Ok(self);
        }
        Err(format!("step {}: {} is not set up ({})", self.name, self.language, self.cure))
    }
}

/// A program that a script has put into the folder of what is built.
fn built(
    name: &'static str,
    language: &'static str,
    here: &Path,
    file: &str,
    cure: &'static str,
) -> Result<DriverProgram, String> {
    let file = here.ancestors().nth(2).unwrap_or(Path::new("")).join(file);
    if !file.exists() {
        return Err(format!("step {name}: {language} is not set up ({cure})"));
    }
    Ok(DriverProgram { name, language, file, runner: Vec::new(), cure })
}

/// What has the command line run a script as a driver.
fn exec(program: &Path, name: &str) -> Vec<PathBuf> {
    let words = ["exec", "--name", name, "--resource", RESOURCE, "--"];
    [program.to_owned()].into_iter().chain(words.map(PathBuf::from)).collect()
}
