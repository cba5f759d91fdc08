//! A scenario as it stands in its file.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::expectation::Expectation;
use super::post::Post;
use super::step::{Empty, Step};

/// One behaviour: a driver, what happens to it, and what must come of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The file's name without `.json`: the behaviour as a sentence.
    #[serde(skip)]
    pub name: String,
    /// What a host has to have for it, each with the reason.
    #[serde(default)]
    pub needs: BTreeMap<Need, String>,
    /// The options of each driver in the process. Name and resource types need not be given.
    #[serde(default)]
    drivers: Vec<Map<String, Value>>,
    /// The manager's options.
    #[serde(default)]
    pub manager: Map<String, Value>,
    /// What happens, in its order, after the start and before the last drain.
    pub deeds: Vec<Deed>,
    /// What must come of it.
    pub expect: Expectation,
}

/// What not every host has, or what changes how a scenario is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// Time that passes as it does outside. Every host has it: the embedded stream's clock is then
    /// not paused.
    RealTime,
    /// An event stream that fails when it is told to.
    Faults,
    /// A process of its own, that can be killed.
    Process,
}

/// One thing that happens.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Deed {
    /// An event is published.
    Post(Box<Post>),
    /// The harness waits until all of this is so.
    Await(Awaited),
    /// Runs that hold at this name go on.
    Release(String),
    /// A run is cancelled.
    Cancel(Cancel),
    /// So many deliveries go to processes that die of them.
    LoseDeliveries(u32),
    /// The event stream is to fail.
    Fault(Fault),
    /// The manager is asked to drain.
    Drain(Empty),
    /// It is asked to end now.
    EndNow(Empty),
    /// The harness waits for its end.
    Stopped(Empty),
    /// Its process is killed.
    Kill(Empty),
    /// Another one is started.
    Start(Empty),
}

/// What the harness waits for; each is optional.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Awaited {
    /// So many results have been published.
    pub results: Option<usize>,
    /// A line with this text has been published.
    pub line: Option<String>,
    /// So often.
    #[serde(default = "one")]
    pub times: usize,
    /// So many events are with the first driver.
    pub taken: Option<u64>,
    /// So many it has not settled, as it says itself.
    pub held: Option<usize>,
}

/// Who cancels what.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cancel {
    /// The run id.
    pub run: String,
    /// Why, for people.
    pub reason: String,
    /// Through the manager in the process, or by a request on the control subject.
    pub by: By,
    /// How many events are told.
    #[serde(default = "one")]
    pub cancelled: usize,
}

/// The way of a cancellation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// A call of the manager.
    Code,
    /// A request to the first driver's control subject.
    Request,
}

/// A failure of the event stream that was ordered.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// So many settlements get lost.
    LoseSettlements(usize),
    /// Publishes to matching subjects fail so often.
    FailPublishes(Publishes),
    /// Publishes to matching subjects are stored, and nobody is told, so often.
    LoseReceipts(Publishes),
}

/// Some publishes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publishes {
    /// The pattern their subjects match.
    pub to: String,
    /// How many.
    pub times: usize,
}

const fn one() -> usize {
    1
}

impl Scenario {
    /// Reads a scenario and checks that every word in it is known.
    ///
    /// # Errors
    /// What is wrong with it, where.
    pub fn read(name: &str, text: &str) -> Result<Self, String> {
        let mut scenario: Self =
            serde_json::from_str(text).map_err(|error| format!("{name}: {error}"))?;
        name.clone_into(&mut scenario.name);
        scenario.check().map_err(|fault| format!("{name}: {fault}"))?;
        Ok(scenario)
    }

    /// The options documents of the drivers. The first is `greeter`, for `greeting`, unless told.
    #[must_use]
    pub fn drivers(&self) -> Vec<Value> {
        let mut drivers = self.drivers.clone();
        if drivers.is_empty() {
            drivers.push(Map::new());
        }
        for driver in &mut drivers {
            driver.entry("name").or_insert_with(|| json!("greeter"));
            driver.entry("resources").or_insert_with(|| json!(["greeting"]));
        }
        drivers.into_iter().map(Value::Object).collect()
    }

    /// The name of each driver.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let name = |driver: &Value| driver["name"].as_str().unwrap_or_default().to_owned();
        self.drivers().iter().map(name).collect()
    }

    /// The posted events, in their order.
    pub(super) fn posts(&self) -> impl Iterator<Item = &Post> {
        self.deeds.iter().filter_map(|deed| match deed {
            Deed::Post(post) => Some(&**post),
            _ => None,
        })
    }

    fn check(&self) -> Result<(), String> {
        let mut steps = Vec::new();
        for post in self.posts() {
            post.check()?;
            steps.extend(post.steps()?);
        }
        let deed = |is: fn(&Deed) -> bool| self.deeds.iter().any(is);
        let real = |step: &Step| matches!(step, Step::Exec(_) | Step::BlockMs(_));
        self.declared(Need::RealTime, steps.iter().any(|step| step.any(&real)))?;
        self.declared(Need::Faults, deed(|deed| matches!(deed, Deed::Fault(_))))?;
        self.declared(Need::Process, deed(|deed| matches!(deed, Deed::Kill(_))))?;
        self.expect.check()
    }

    /// What is needed has to be declared. Real time may also be wanted for another reason.
    fn declared(&self, need: Need, used: bool) -> Result<(), String> {
        let declared = self.needs.contains_key(&need);
        if declared == used || (declared && need == Need::RealTime) {
            return Ok(());
        }
        Err(format!("needs: {need:?} is {}", if used { "missing" } else { "of no use" }))
    }
}

/// Reads all scenarios of a folder, in the order of their names.
///
/// # Errors
/// Every fault of every file.
pub fn scenarios(folder: &Path) -> Result<Vec<Scenario>, Vec<String>> {
    let unreadable = |error: std::io::Error| vec![format!("{}: {error}", folder.display())];
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .map_err(unreadable)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    paths.sort();
    let (mut read, mut faults) = (Vec::new(), Vec::new());
    for path in paths {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let text = std::fs::read_to_string(&path).map_err(unreadable)?;
        match Scenario::read(&name, &text) {
            Ok(scenario) => read.push(scenario),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { Ok(read) } else { Err(faults) }
}
