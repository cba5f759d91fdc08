//! Plays every scenario of `tests/scenarios` with every runner; each is a test of its own.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::Duration;

use conveyor_driver_tests::scenario::{
    Ground, Grounds, Here, Host, Need, Program, Scenario, differences, play, scenarios,
};
use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::OnceCell;
use tokio::time::timeout;

/// Who plays the scenarios, and where.
struct Runner {
    name: &'static str,
    embedded: bool,
    host: Box<dyn Host>,
}

/// Every runner. A language adds its program here.
fn runners() -> Vec<Runner> {
    let program = |name, command: &[&str]| Runner {
        name,
        embedded: false,
        host: Box::new(Program { command: command.iter().map(Into::into).collect() }),
    };
    let mut runners = vec![
        Runner { name: "embedded", embedded: true, host: Box::new(Here { embedded: true }) },
        Runner { name: "nats", embedded: false, host: Box::new(Here { embedded: false }) },
        program("rust", &[env!("CARGO_BIN_EXE_scenario_driver")]),
    ];
    if has_python() {
        runners.push(program("python", &[PYTHON, PYTHON_DRIVER]));
        runners.push(program("python-async", &[PYTHON, PYTHON_DRIVER, "async"]));
    } else {
        println!(
            "skipped: python: conveyor_driver is not in .venv; scripts/python.sh puts it there"
        );
    }
    if has_node() {
        runners.push(program("node", &["node", NODE_DRIVER]));
    } else {
        println!(
            "skipped: node: conveyor-driver is not in bindings-node/dist; scripts/node.sh puts it there"
        );
    }
    let (c, go) = (built("c/tests/scenario_driver"), built("c/go/scenariodriver"));
    if c.exists() {
        let c = c.to_str().expect("a path of text");
        runners.push(program("c", &[c]));
        runners.push(program("c-async", &[c, "async"]));
    } else {
        println!("skipped: c: there is no {}; scripts/c.sh makes it", c.display());
    }
    if go.exists() {
        runners.push(program("go", &[go.to_str().expect("a path of text")]));
    } else {
        println!("skipped: go: there is no {}; scripts/go.sh makes it", go.display());
    }
    runners
}

fn has_node() -> bool {
    let probe =
        Command::new("node").args(["--eval", "require(process.argv[1])", NODE_PACKAGE]).output();
    probe.is_ok_and(|probe| probe.status.success())
}

fn has_python() -> bool {
    let probe = Command::new(PYTHON).args(["-c", "import conveyor_driver"]).output();
    probe.is_ok_and(|probe| probe.status.success())
}

/// Where `scripts/python.sh` has put the package.
const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../.venv/bin/python");
const PYTHON_DRIVER: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../bindings-python/tests/scenario_driver.py");

/// Where `scripts/node.sh` has put the package.
const NODE_PACKAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../bindings-node");
const NODE_DRIVER: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../bindings-node/tests/scenario_driver.mjs");

/// What scripts have put into the folder of what is built.
fn built(file: &str) -> PathBuf {
    let rust = Path::new(env!("CARGO_BIN_EXE_scenario_driver"));
    rust.ancestors().nth(2).expect("it is in a folder of a profile").join(file)
}

/// Most scenarios wait for most of their time.
const AT_ONCE: usize = 12;
/// No scenario takes so long.
const LIMIT: Duration = Duration::from_secs(120);

fn main() -> ExitCode {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let scenarios = match scenarios(&folder) {
        Ok(scenarios) => scenarios.into_iter().map(Arc::new).collect::<Vec<_>>(),
        Err(faults) => panic!("scenarios that cannot be read:\n{}", faults.join("\n")),
    };
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_ONCE);
    let runners = runners();
    let stage = Arc::new(Stage::new(scenarios.len() * runners.len()));
    let mut trials = Vec::new();
    for runner in runners.into_iter().map(Arc::new) {
        for scenario in &scenarios {
            let name = format!("{}/{}", runner.name, scenario.name);
            let lacking = scenario.lacking(&*runner.host);
            if let Some((need, reason)) = lacking.filter(|_| !arguments.list) {
                println!("skipped: {name} has no {need:?}: {reason}");
            }
            let lacks = lacking.is_some();
            let (stage, runner, scenario) = (stage.clone(), runner.clone(), scenario.clone());
            let trial = Trial::test(name, move || stage.test(&runner, &scenario));
            trials.push(trial.with_ignored_flag(lacks));
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// What the runners share: the real server, started when the first needs it.
struct Stage {
    runtime: Runtime,
    plays: usize,
    grounds: OnceCell<Grounds>,
}

impl Stage {
    fn new(plays: usize) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
        Self { runtime, plays, grounds: OnceCell::new() }
    }

    async fn ground(&self) -> conveyor_driver::Result<Ground> {
        self.grounds.get_or_try_init(|| Grounds::start(self.plays)).await?.next().await
    }

    fn test(&self, runner: &Runner, scenario: &Scenario) -> Result<(), Failed> {
        if let Some((need, reason)) = scenario.lacking(&*runner.host) {
            return Err(format!("{} has no {need:?}: {reason}", runner.name).into());
        }
        let paused = runner.embedded && !scenario.needs.contains_key(&Need::RealTime);
        let played = async {
            let ground =
                if runner.embedded { Ground::embedded(paused).await } else { self.ground().await };
            let ground = ground.map_err(|error| vec![error.to_string()])?;
            let seen = play(scenario, &ground, &*runner.host).await;
            ground.stream.close().await;
            let differences = differences(scenario, &seen);
            if differences.is_empty() { Ok(()) } else { Err(differences) }
        };
        let ended = if paused {
            let runtime = Builder::new_current_thread().enable_all().start_paused(true).build()?;
            runtime.block_on(played)
        } else {
            let limited = async { timeout(LIMIT, played).await };
            self.runtime.block_on(limited).unwrap_or_else(|_| Err(vec!["does not end".to_owned()]))
        };
        ended.map_err(|differences: Vec<String>| differences.join("\n").into())
    }
}
