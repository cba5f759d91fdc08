//! The options, with what their types alone do not say: limits, what must be given, and the
//! variables of the environment.

use schemars::JsonSchema;
use serde_json::{Map, Value, json};

use super::schema::{Definitions, definitions, file, read};
use crate::exec::Command;
use crate::options::{
    ClientOptions, ConnectionOptions, DriverOptions, Environment, Faults, Limit, ManagerOptions,
    TlsOptions, Variable,
};

/// The schema of every kind of options, and of a command.
///
/// Beside JSON Schema's own words, a property may have `x-not-below`, the name of an option that it
/// may not be less than, and `x-environment`, the variables that fill it when it is not given: of
/// those that are set the first counts, and `{}` in its `template` stands for its value.
#[must_use]
pub fn options_schema() -> Value {
    let mut definitions = definitions(read(), |generator| {
        generator.subschema_for::<DriverOptions>();
        generator.subschema_for::<ManagerOptions>();
        generator.subschema_for::<Command>();
    });
    limit(&mut definitions, DriverOptions::LIMITS);
    limit(&mut definitions, ManagerOptions::LIMITS);
    limit(&mut definitions, ConnectionOptions::LIMITS);
    limit(&mut definitions, ClientOptions::LIMITS);
    require(&mut definitions, &DriverOptions::schema_name(), |faults| {
        DriverOptions::default().check("", faults);
    });
    fill::<ConnectionOptions>(&mut definitions);
    fill::<ClientOptions>(&mut definitions);
    fill::<TlsOptions>(&mut definitions);
    file(
        "Options",
        "What is not given has the default shown here, or is filled from the environment \
         (`x-environment`; the host and the port of the server go together). `x-not-below` names an option that a number may not be less than. The \
         runtime checks all of this itself, and more than a schema can say, such as addresses and \
         options that exclude each other: it reports every fault at once, each with its path, as \
         `OptionsInvalid`.",
        &definitions,
    )
}

fn properties<'a>(
    definitions: &'a mut Definitions,
    options: &str,
) -> Option<&'a mut Map<String, Value>> {
    definitions.get_mut(options)?.get_mut("properties")?.as_object_mut()
}

fn limit<T: JsonSchema>(definitions: &mut Definitions, limits: &[Limit<T>]) {
    let Some(properties) = properties(definitions, &T::schema_name()) else { return };
    for limit in limits {
        let Some(property) = properties.get_mut(limit.number.name) else { continue };
        property["minimum"] = json!(limit.range.start());
        property["maximum"] = json!(limit.range.end());
        if let Some(other) = &limit.not_below {
            property["x-not-below"] = json!(other.name);
        }
    }
}

/// What has a fault by default has no default: it must be given.
fn require(definitions: &mut Definitions, options: &str, check: impl FnOnce(&mut Faults)) {
    let mut faults = Faults::default();
    check(&mut faults);
    let Err(error) = faults.into_result() else { return };
    let required: Vec<_> = error.context().iter().map(|(path, _)| path.as_str()).collect();
    for name in &required {
        let property = properties(definitions, options).and_then(|all| all.get_mut(*name));
        property.and_then(Value::as_object_mut).and_then(|property| property.remove("default"));
    }
    if let Some(Value::Object(schema)) = definitions.get_mut(options) {
        schema.insert("required".to_owned(), json!(required));
    }
}

fn fill<T: Environment + JsonSchema>(definitions: &mut Definitions) {
    let Some(properties) = properties(definitions, &T::schema_name()) else { return };
    for Variable { name, option, template, .. } in
        T::ENVIRONMENT.iter().flat_map(|group| group.variables)
    {
        let Some(property) = properties.get_mut(*option) else { continue };
        let filled = json!({"variable": name, "template": template});
        match &mut property["x-environment"] {
            Value::Array(variables) => variables.push(filled),
            none => *none = json!([filled]),
        }
    }
}
