//! What must come of a scenario. All that is not mentioned must not be there.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use super::host::Refusal;
use super::pattern;

/// What must come of a scenario.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// The manager does not start.
    pub refused: Option<Refusal>,
    /// The stored results.
    #[serde(default)]
    pub results: Told<ExpectedResult>,
    /// The stored log lines, and their live copies.
    #[serde(default)]
    pub log: Told<ExpectedLine>,
    /// The dead letters.
    #[serde(default)]
    pub dead_letters: Vec<ExpectedLetter>,
    /// The events that were not settled, by run id: they will be delivered again.
    #[serde(default)]
    pub unsettled: Vec<String>,
    /// The drain report of each manager: its drivers, each with all numbers that are not zero.
    #[serde(default)]
    pub reports: Vec<Map<String, Value>>,
    /// How many runs were between their first and their last line at once, at most.
    pub at_once: Option<usize>,
}

/// What was stored, in its order; or by run, and then of the order between runs nothing is said.
#[derive(Debug)]
pub enum Told<T> {
    /// All of it.
    InOrder(Vec<T>),
    /// That of each run.
    ByRun(BTreeMap<String, Vec<T>>),
}

/// A result.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedResult {
    run: Option<String>,
    driver: Option<String>,
    success: bool,
    message: Value,
    #[serde(default)]
    data: Value,
    /// Only when the resource is not echoed as it was posted.
    resource: Option<Value>,
}

/// A log line, or several.
#[derive(Debug)]
pub struct ExpectedLine {
    fields: LineFields,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LineFields {
    run: Option<String>,
    driver: Option<String>,
    #[serde(default = "info")]
    level: String,
    #[serde(default)]
    labels: Map<String, Value>,
    message: Value,
    times: Option<usize>,
    #[serde(default)]
    in_pieces: bool,
}

/// A dead letter.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedLetter {
    driver: Option<String>,
    /// The bytes as text, or as `{"base64": …}`.
    body: Value,
    #[serde(default = "one")]
    attempts: u64,
    #[serde(default = "broadcast")]
    subject: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

fn info() -> String {
    "info".to_owned()
}

const fn one() -> u64 {
    1
}

fn broadcast() -> String {
    "resources.greeting".to_owned()
}

impl Expectation {
    pub(super) fn check(&self) -> Result<(), String> {
        for result in self.results.all() {
            [&result.message, &result.data].into_iter().try_for_each(pattern::check)?;
        }
        for line in self.log.all() {
            pattern::check(&line.fields.message)?;
            let whole = pattern::text(&line.fields.message).is_some();
            if (line.fields.times.is_some() || line.fields.in_pieces) && !whole {
                return Err("a line of many has no text".to_owned());
            }
        }
        self.reports.iter().flat_map(Map::values).try_for_each(pattern::check)
    }
}

impl<T> Told<T> {
    fn all(&self) -> Box<dyn Iterator<Item = &T> + '_> {
        match self {
            Self::InOrder(all) => Box::new(all.iter()),
            Self::ByRun(runs) => Box::new(runs.values().flatten()),
        }
    }
}

impl ExpectedResult {
    /// As a pattern. What is not given is the first run's, and the first driver's.
    pub(super) fn pattern(&self, run: &str, driver: &str) -> Value {
        let mut pattern = json!({
            "run": self.run.as_deref().unwrap_or(run),
            "driver": self.driver.as_deref().unwrap_or(driver),
            "success": self.success, "message": self.message, "data": self.data,
        });
        if let Some(resource) = &self.resource {
            pattern["resource"] = resource.clone();
        }
        pattern
    }
}

impl ExpectedLine {
    /// As patterns, one for each line; and whether the one line may have come in pieces.
    pub(super) fn patterns(&self, run: &str, driver: &str) -> (Vec<Value>, bool) {
        let fields = &self.fields;
        let line = |message: Value| {
            json!({
                "run": fields.run.as_deref().unwrap_or(run),
                "driver": fields.driver.as_deref().unwrap_or(driver),
                "level": fields.level, "labels": fields.labels, "message": message,
            })
        };
        let text = pattern::text(&fields.message).unwrap_or_default();
        let lines = match fields.times {
            Some(times) => (1..=times).map(|n| line(format!("{text} {n}").into())).collect(),
            None => vec![line(fields.message.clone())],
        };
        (lines, fields.in_pieces)
    }
}

impl ExpectedLetter {
    pub(super) fn pattern(&self, driver: &str) -> Value {
        json!({
            "driver": self.driver.as_deref().unwrap_or(driver),
            "body": self.body, "attempts": self.attempts.to_string(),
            "subject": self.subject, "headers": self.headers,
        })
    }
}

impl<T> Default for Told<T> {
    fn default() -> Self {
        Self::InOrder(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Told<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
            type Value = Told<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array, or an object by run id")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
                Deserialize::deserialize(SeqAccessDeserializer::new(items)).map(Told::InOrder)
            }

            fn visit_map<A: MapAccess<'de>>(self, runs: A) -> Result<Self::Value, A::Error> {
                Deserialize::deserialize(MapAccessDeserializer::new(runs)).map(Told::ByRun)
            }
        }
        deserializer.deserialize_any(Either(PhantomData))
    }
}

impl<'de> Deserialize<'de> for ExpectedLine {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = match Value::deserialize(deserializer)? {
            text @ Value::String(_) => json!({"message": text}),
            fields => fields,
        };
        let fields = serde_json::from_value(fields).map_err(serde::de::Error::custom)?;
        Ok(Self { fields })
    }
}
