//! What the schema of the options says, the runtime says, too.

use conveyor_driver::Result;
use conveyor_driver::contract::options_schema;
use conveyor_driver::options::{DriverOptions, Faults, ManagerOptions, from_document};
use serde_json::{Value, json};

use super::schema::Schema;

/// Whether the runtime takes the documents of one kind of options.
type Takes = fn(Value) -> Result<()>;

fn takes_driver(document: Value) -> Result<()> {
    let mut faults = Faults::default();
    from_document::<DriverOptions>(document)?.check("", &mut faults);
    faults.into_result()
}

fn takes_manager(document: Value) -> Result<()> {
    let mut faults = Faults::default();
    from_document::<ManagerOptions>(document)?.check(&mut faults);
    faults.into_result()
}

struct Kind {
    schema: Schema,
    takes: Takes,
}

impl Kind {
    fn driver() -> Self {
        Self { schema: Schema::of(options_schema(), "DriverOptions"), takes: takes_driver }
    }

    fn manager() -> Self {
        Self { schema: Schema::of(options_schema(), "ManagerOptions"), takes: takes_manager }
    }

    /// The one verdict of both.
    fn verdict(&self, document: &Value) -> bool {
        let schema = self.schema.accepts(document);
        let runtime = (self.takes)(document.clone());
        assert_eq!(schema, runtime.is_ok(), "{document}: {runtime:?}");
        schema
    }
}

fn driver(changes: Value) -> Value {
    let mut document = json!({"name": "git", "resources": ["repo"]});
    let Value::Object(changes) = changes else { panic!("not an object: {changes}") };
    document.as_object_mut().unwrap().extend(changes);
    document
}

/// Tries each number of one kind of options on both sides of both its limits.
fn numbers(kind: &Kind, options: &str, document: impl Fn(Value) -> Value) -> usize {
    let file = options_schema();
    let properties = file["$defs"][options]["properties"].as_object().unwrap();
    let is_number = |property: &Value| {
        property["type"] == "integer"
            || property["type"].as_array().is_some_and(|types| types.contains(&json!("integer")))
    };
    let mut tried = 0;
    for (name, property) in properties.iter().filter(|(_, property)| is_number(property)) {
        let (least, most) = (property["minimum"].as_i64(), property["maximum"].as_i64());
        let (least, most) = (least.unwrap(), most.unwrap_or_else(|| panic!("{name}: no limit")));
        let mut others = json!({});
        // What may not be less than another option must not be stopped by its default.
        if let Some(other) = property.get("x-not-below").and_then(Value::as_str) {
            others[other] = properties[other]["minimum"].clone();
        }
        // What others may not be less than must not be above their defaults.
        for (other, above) in properties {
            if above.get("x-not-below").is_some_and(|below| below == name) {
                others[other] = above["maximum"].clone();
            }
        }
        for (number, good) in [(least - 1, false), (least, true), (most, true), (most + 1, false)] {
            let mut changes = others.clone();
            changes[name] = json!(number);
            assert_eq!(kind.verdict(&document(changes)), good, "{name}: {number}");
        }
        tried += 1;
    }
    tried
}

#[test]
fn numbers_have_the_same_limits() {
    assert!(numbers(&Kind::driver(), "DriverOptions", driver) > 10);
    let kind = Kind::manager();
    assert!(numbers(&kind, "ManagerOptions", |changes| changes) > 0);
    assert!(numbers(&kind, "ConnectionOptions", |changes| json!({"connection": changes})) > 1);
}

#[test]
fn names_have_the_same_form() {
    let kind = Kind::driver();
    let single = (0..0x180).filter_map(char::from_u32).map(String::from);
    let long = [0, 1, 2, 127, 128, 129, 1_000].map(|length| "n".repeat(length));
    let odd = ["a\n", "\na", "git build", "git.build", "Git_build-2"].map(str::to_owned);
    let (mut good, mut bad) = (0, 0);
    for name in single.chain(long).chain(odd) {
        let verdicts = [json!({"name": &name}), json!({"resources": ["repo-2", &name]})]
            .map(|changes| kind.verdict(&driver(changes)));
        assert_eq!(verdicts[0], verdicts[1], "{name:?}");
        *(if verdicts[0] { &mut good } else { &mut bad }) += 1;
    }
    assert!(good > 64 && bad > 200, "{good} good, {bad} bad");
}

#[test]
fn everything_else_has_the_same_form() {
    let kind = Kind::driver();
    for good in [
        json!({}),
        json!({"events": ["create", "*"], "adopt": true, "serialize": "none"}),
        json!({"run_timeout_ms": null, "max_deliveries": null}),
    ] {
        assert!(kind.verdict(&driver(good.clone())), "{good}");
    }
    for bad in [
        json!({"resources": []}),
        json!({"resources": ["repo", "repo"]}),
        json!({"resources": "repo"}),
        json!({"events": []}),
        json!({"events": [""]}),
        json!({"serialize": "Resource"}),
        json!({"concurrency": null}),
        json!({"concurrency": 1.5}),
        json!({"concurrency": "1"}),
        json!({"adopt": 1}),
        json!({"concurency": 1}),
    ] {
        assert!(!kind.verdict(&driver(bad.clone())), "{bad}");
    }
    assert!(!kind.verdict(&json!({"name": "git"})));
    assert!(!kind.verdict(&json!({"resources": ["repo"]})));
}

#[test]
fn managers_options_have_the_same_form() {
    let kind = Kind::manager();
    for good in [
        json!({}),
        json!({"connection": {"url": null, "token": "t", "tls": {"ca_file": "/ca.pem"}}}),
    ] {
        assert!(kind.verdict(&good), "{good}");
    }
    for bad in [
        json!({"signals": "yes"}),
        json!({"connection": {"url": 1}}),
        json!({"connection": {"tls": {"cert_fil": "x"}}}),
        json!({"connection": {"tls": {"first": null}}}),
        json!({"connection": null}),
    ] {
        assert!(!kind.verdict(&bad), "{bad}");
    }
}
