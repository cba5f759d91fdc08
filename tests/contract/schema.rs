//! One definition of a schema file, to hold documents against.

use jsonschema::Validator;
use serde::Serialize;
use serde_json::{Value, json};

pub(crate) struct Schema {
    definition: &'static str,
    validator: Validator,
}

impl Schema {
    pub(crate) fn of(mut file: Value, definition: &'static str) -> Self {
        assert!(file["$defs"].get(definition).is_some(), "nothing defines {definition}");
        file["$ref"] = json!(format!("#/$defs/{definition}"));
        let options = jsonschema::draft202012::options().should_validate_formats(true);
        Self { definition, validator: options.build(&file).unwrap() }
    }

    pub(crate) fn accepts(&self, document: &Value) -> bool {
        self.validator.is_valid(document)
    }

    pub(crate) fn must_accept(&self, document: &impl Serialize) {
        let document = serde_json::to_value(document).unwrap();
        let faults: Vec<_> = self
            .validator
            .iter_errors(&document)
            .map(|fault| format!("{}: {fault}", fault.instance_path()))
            .collect();
        assert!(faults.is_empty(), "{}: {faults:?}\n{document:#}", self.definition);
    }

    pub(crate) fn must_accept_bytes(&self, bytes: &[u8]) {
        self.must_accept(&serde_json::from_slice::<Value>(bytes).unwrap());
    }
}
