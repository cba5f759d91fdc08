//! The protocol's vectors: files that know which of their vectors were looked at.

use std::cell::Cell;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// One file of vectors.
#[derive(Debug)]
pub struct VectorFile {
    file: &'static str,
    vectors: Vec<Vector>,
}

/// One document on the wire, and what is to be thought of it.
#[derive(Debug)]
pub struct Vector {
    members: Value,
    checks: Cell<usize>,
}

impl VectorFile {
    /// The file of this name in `tests/vectors`.
    #[must_use]
    pub fn load(file: &'static str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(file);
        let text = std::fs::read_to_string(path).unwrap();
        let all: Vec<Value> = serde_json::from_str(&text).unwrap();
        let vectors = all.into_iter().map(|members| Vector { members, checks: Cell::new(0) });
        Self { file, vectors: vectors.collect() }
    }

    /// Runs a check on the vectors it is meant for; there must be some.
    pub fn check(&self, meant: impl Fn(&Vector) -> bool, check: impl Fn(&Vector)) {
        let mut some = false;
        for vector in self.vectors.iter().filter(|vector| meant(vector)) {
            // Seen only when a check fails, and then the last line names the vector.
            print_name(self.file, vector);
            check(vector);
            vector.checks.set(vector.checks.get() + 1);
            some = true;
        }
        assert!(some, "{}: a check is meant for no vector", self.file);
    }

    /// The vector of this name.
    #[must_use]
    pub fn named(&self, name: &str) -> &Vector {
        self.vectors.iter().find(|vector| vector.name() == name).unwrap()
    }

    /// Fails when a vector was looked at by no check.
    pub fn done(&self) {
        let missed: Vec<_> =
            self.vectors.iter().filter(|v| v.checks.get() == 0).map(Vector::name).collect();
        assert!(missed.is_empty(), "{}: no check looked at {missed:?}", self.file);
        assert!(!self.vectors.is_empty());
    }
}

#[allow(clippy::print_stdout)]
fn print_name(file: &str, vector: &Vector) {
    println!("{file}: {}", vector.name());
}

impl Vector {
    /// Unique in its file.
    pub fn name(&self) -> &str {
        self.text("name")
    }

    /// The NATS subject, or the request.
    pub fn subject(&self) -> &str {
        self.text("subject")
    }

    /// Who wrote the bytes.
    pub fn emitter(&self) -> &str {
        self.text("emitter")
    }

    /// Whether a driver takes it, or may send it.
    pub fn valid(&self) -> bool {
        self.members["valid"].as_bool().unwrap()
    }

    /// Whether a runtime may differ here.
    pub fn optional(&self) -> bool {
        self.get("optional").is_some_and(|value| *value == Value::Bool(true))
    }

    /// What a tolerant reader gets.
    pub fn decoded(&self) -> &Value {
        &self.members["decoded"]
    }

    /// Any other member.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.members.get(key)
    }

    /// The bytes on the wire.
    pub fn bytes(&self) -> Vec<u8> {
        match self.get("bytes_b64") {
            Some(base64) => STANDARD.decode(base64.as_str().unwrap()).unwrap(),
            None => self.text("bytes_utf8").as_bytes().to_vec(),
        }
    }

    fn text(&self, key: &str) -> &str {
        self.members[key].as_str().unwrap()
    }
}

/// A text member of a decoded document; absent and `null` read as empty.
#[must_use]
pub fn text<'a>(document: &'a Value, key: &str) -> &'a str {
    match &document[key] {
        Value::Null => "",
        value => value.as_str().unwrap(),
    }
}
