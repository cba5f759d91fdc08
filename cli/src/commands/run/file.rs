//! The TOML file with drivers.

use std::path::{Path, PathBuf};

use conveyor_driver::exec::Command;
use conveyor_driver::options::{DriverOptions, Faults, ManagerOptions, from_document};
use conveyor_driver::{Error, Result};
use serde_json::{Map, Value};

use super::drivers::{ScriptDriver, ScriptDrivers};
use crate::documents;
use crate::fault::Fault;

/// What a driver's table has of its command; the rest are options of the driver.
const OF_COMMAND: [&str; 5] = ["command", "env", "clear_env", "working_directory", "grace_ms"];

/// Reads the file and reports all its faults.
pub(super) fn read(path: &Path) -> Result<ScriptDrivers, Fault> {
    let document = documents::toml(path)?;
    let folder = path.parent().map_or_else(PathBuf::new, Path::to_owned);
    from_file(document, &folder).map_err(|error| documents::located(&error, path, ""))
}

fn from_file(document: Value, folder: &Path) -> Result<ScriptDrivers> {
    let mut faults = Faults::default();
    let mut members = match document {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    let tables = match members.remove("drivers") {
        Some(Value::Array(tables)) if !tables.is_empty() => tables,
        _ => {
            faults.add("drivers", "is missing: write a table [[drivers]] for each driver");
            Vec::new()
        }
    };
    let manager: Option<ManagerOptions> = noted(from_document(members.into()), "", &mut faults);
    if let Some(manager) = &manager {
        manager.check(&mut faults);
    }
    let drivers: Vec<_> = tables
        .into_iter()
        .enumerate()
        .filter_map(|(i, table)| driver(table, folder, &format!("drivers[{i}]"), &mut faults))
        .collect();
    for (i, driver) in drivers.iter().enumerate() {
        let name = &driver.options.name;
        if drivers[..i].iter().any(|other| other.options.name == *name) {
            faults.add(format!("drivers[{i}].name"), "is the name of a driver before it");
        }
    }
    faults.into_result()?;
    Ok(ScriptDrivers { manager: manager.unwrap_or_default(), drivers })
}

fn driver(table: Value, folder: &Path, at: &str, faults: &mut Faults) -> Option<ScriptDriver> {
    let Value::Object(mut options) = table else {
        faults.add(at, "must be a table");
        return None;
    };
    let mut of_command = Map::new();
    for name in OF_COMMAND {
        if let Some((name, value)) = options.remove_entry(name) {
            of_command.insert(name, value);
        }
    }
    let command = command(of_command, folder, at, faults);
    let options = driver_options(options, at, faults)?;
    Some(ScriptDriver { options, command: command? })
}

/// Reads and checks the options; what cannot be read does not keep the rest from being checked.
fn driver_options(
    mut members: Map<String, Value>,
    at: &str,
    faults: &mut Faults,
) -> Option<DriverOptions> {
    let read: Result<DriverOptions> = from_document(members.clone().into());
    if let Err(error) = &read {
        for (path, _) in error.context() {
            members.remove(path.split(['.', '[']).next().unwrap_or_default());
        }
        if let Ok(rest) = from_document::<DriverOptions>(members.into()) {
            rest.check(at, faults);
        }
    }
    let options = noted(read, at, faults)?;
    options.check(at, faults);
    Some(options)
}

fn command(
    mut members: Map<String, Value>,
    folder: &Path,
    at: &str,
    faults: &mut Faults,
) -> Option<Command> {
    let argv = members.remove("command");
    let argv: Option<Vec<String>> = match argv {
        Some(argv) => noted(from_document(argv), &format!("{at}.command"), faults),
        None => None,
    };
    let rest: Option<Command> = noted(from_document(members.into()), at, faults);
    let Some((program, args)) = argv.as_deref().and_then(<[_]>::split_first) else {
        faults.add(format!("{at}.command"), "must name a program and its arguments, in brackets");
        return None;
    };
    let rest = rest?;
    let here = rest.working_directory.as_deref().unwrap_or(Path::new(""));
    let here = folder.join(here);
    let working_directory = (!here.as_os_str().is_empty()).then_some(here);
    Some(Command { program: program.clone(), args: args.to_vec(), working_directory, ..rest })
}

/// What was read, or nothing and its faults noted.
fn noted<T>(read: Result<T, Error>, at: &str, faults: &mut Faults) -> Option<T> {
    let error = match read {
        Ok(read) => return Some(read),
        Err(error) => error,
    };
    for (path, reason) in error.context() {
        let path = match (at, path.as_str()) {
            ("", path) => path.to_owned(),
            (at, "" | ".") => at.to_owned(),
            (at, path) if path.starts_with('[') => format!("{at}{path}"),
            (at, path) => format!("{at}.{path}"),
        };
        faults.add(path, reason);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn faults_of(text: &str) -> Vec<String> {
        let document: Value = toml::from_str(text).unwrap();
        let error = from_file(document, Path::new("")).map(|_| ()).unwrap_err();
        error.context().iter().map(|(path, _)| path.clone()).collect()
    }

    #[test]
    fn a_file_has_drivers_with_all_their_options() {
        let document: Value = toml::from_str(
            r#"
            shutdown_grace_ms = 5
            connection = { url = "nats://h:1" }
            [[drivers]]
            name = "a"
            resources = ["x"]
            command = ["./a.sh", "-v"]
            env = { CI = "true" }
            working_directory = "sub"
            concurrency = 4
            "#,
        )
        .unwrap();
        let read = from_file(document, Path::new("/etc/d")).unwrap();
        assert_eq!(read.manager.shutdown_grace_ms, 5);
        let ScriptDriver { options, command } = &read.drivers[0];
        assert_eq!((options.name.as_str(), options.concurrency), ("a", 4));
        assert_eq!(
            (command.program.as_str(), &command.args[..]),
            ("./a.sh", &["-v".to_owned()][..])
        );
        assert_eq!(command.working_directory.as_deref(), Some(Path::new("/etc/d/sub")));
        assert_eq!(json!(command.env), json!({"CI": "true"}));
    }

    #[test]
    fn every_fault_is_reported_with_its_path() {
        let mut paths = faults_of(
            r#"
            shutdown_grace = 5
            [[drivers]]
            name = "a b"
            resources = ["x"]
            command = ["x", 7]
            concurrency = 0
            [[drivers]]
            name = "b"
            resourcs = ["x"]
            env = { A = 3 }
            [drivers.connection]
            "#,
        );
        paths.sort();
        paths.dedup();
        assert_eq!(
            paths,
            [
                "drivers[0].command",
                "drivers[0].command[1]",
                "drivers[0].concurrency",
                "drivers[0].name",
                "drivers[1].command",
                "drivers[1].connection",
                "drivers[1].env.A",
                "drivers[1].resources",
                "drivers[1].resourcs",
                "shutdown_grace",
            ]
        );
        assert_eq!(faults_of(""), ["drivers"]);
        let twice = "[[drivers]]\nname='a'\nresources=['x']\ncommand=['x']\n".repeat(2);
        assert_eq!(faults_of(&twice), ["drivers[1].name"]);
    }
}
