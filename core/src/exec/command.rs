//! What to run and how.

use std::collections::BTreeMap;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::options::Faults;

/// A command to run as part of a driver run. No shell is involved.
///
/// As a document it has these fields under these names, all but `program` optional.
///
/// `Debug` shows neither the values of environment variables nor the input, which may be secret.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
pub struct Command {
    /// The program: a path, or a name looked for in the command's `PATH`. A relative path starts
    /// at the working directory of the command.
    pub program: String,
    /// The arguments, without the program's name.
    pub args: Vec<String>,
    /// Environment variables to set, and with `None` (null in a document) to remove. A name is not
    /// empty and holds no `=`.
    pub env: BTreeMap<String, Option<String>>,
    /// Start from an empty environment instead of that of this process.
    pub clear_env: bool,
    /// Where the command runs; by default the working directory of this process.
    pub working_directory: Option<PathBuf>,
    /// What the command reads from its standard input; by default nothing (`/dev/null`). In a
    /// document a string, or an array of bytes for what is not text.
    #[serde(with = "stdin")]
    #[cfg_attr(feature = "contract", schemars(with = "Option<stdin::Input>"))]
    pub stdin: Option<Bytes>,
    /// Milliseconds from SIGTERM to SIGKILL when the command is cancelled; by default the driver's
    /// `cancel_grace_ms`.
    pub grace_ms: Option<u64>,
}

impl Command {
    /// Names the program: a path, or a name looked for in `PATH`.
    #[must_use]
    pub fn new(program: impl Into<String>) -> Self {
        Self { program: program.into(), ..Self::default() }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<String>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.insert(name.into(), Some(value.into()));
        self
    }

    /// Removes an environment variable that would be inherited or was set before.
    #[must_use]
    pub fn env_remove(mut self, name: impl Into<String>) -> Self {
        self.env.insert(name.into(), None);
        self
    }

    /// Starts from an empty environment and forgets the variables set before.
    #[must_use]
    pub fn env_clear(mut self) -> Self {
        self.env.clear();
        self.clear_env = true;
        self
    }

    /// Runs the command in this directory.
    #[must_use]
    pub fn current_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.working_directory = Some(directory.into());
        self
    }

    /// Gives the command these bytes to read.
    #[must_use]
    pub fn stdin(mut self, input: impl Into<Bytes>) -> Self {
        self.stdin = Some(input.into());
        self
    }

    /// The time from SIGTERM to SIGKILL when the command is cancelled, in whole milliseconds.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace_ms = Some(u64::try_from(grace.as_millis()).unwrap_or(u64::MAX));
        self
    }

    /// Whether a process can be given all of it.
    ///
    /// # Errors
    /// `OptionsInvalid` with one context entry for each fault: the path of its field and the reason.
    pub(super) fn check(&self) -> Result<()> {
        let mut faults = Faults::default();
        let mut text = |path: &str, text: &[u8]| {
            if text.contains(&0) {
                faults.add(path, "holds a NUL, where it would end");
            }
        };
        text("program", self.program.as_bytes());
        for (i, arg) in self.args.iter().enumerate() {
            text(&format!("args[{i}]"), arg.as_bytes());
        }
        if let Some(directory) = &self.working_directory {
            text("working_directory", directory.as_os_str().as_bytes());
        }
        for (name, value) in &self.env {
            // The value may be secret.
            text(&format!("env.{name}"), value.as_deref().unwrap_or_default().as_bytes());
        }
        for name in self.env.keys() {
            if name.is_empty() || name.contains(['=', '\0']) {
                faults.add("env", format_args!("{name:?} is no name of a variable"));
            }
        }
        faults.into_result()
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let env: BTreeMap<_, _> = self
            .env
            .iter()
            .map(|(name, value)| (name, if value.is_some() { "***" } else { "(removed)" }))
            .collect();
        f.debug_struct("Command")
            .field("program", &self.program)
            .field("args", &self.args)
            .field("env", &env)
            .field("clear_env", &self.clear_env)
            .field("working_directory", &self.working_directory)
            .field("stdin", &self.stdin.as_ref().map(|_| "***"))
            .field("grace_ms", &self.grace_ms)
            .finish()
    }
}

mod stdin {
    use bytes::Bytes;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Deserialize)]
    #[cfg_attr(feature = "contract", derive(schemars::JsonSchema), schemars(inline))]
    #[serde(untagged, expecting = "expected a string or an array of bytes")]
    pub(super) enum Input {
        Text(String),
        Bytes(Vec<u8>),
    }

    pub(super) fn serialize<S: Serializer>(
        input: &Option<Bytes>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match input.as_deref().map(|bytes| (bytes, std::str::from_utf8(bytes))) {
            None => serializer.serialize_none(),
            Some((_, Ok(text))) => serializer.serialize_str(text),
            Some((bytes, Err(_))) => bytes.serialize(serializer),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Bytes>, D::Error> {
        Ok(Option::<Input>::deserialize(deserializer)?.map(|input| match input {
            Input::Text(text) => text.into(),
            Input::Bytes(bytes) => bytes.into(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;
    use crate::options::from_document;
    use serde_json::json;

    #[test]
    fn a_command_is_a_document() {
        let command = Command::new("git")
            .args(["clone", "--quiet"])
            .env("A", "1")
            .env_remove("B")
            .current_dir("/work")
            .stdin("text")
            .grace(Duration::from_secs(2));
        let document = json!({
            "program": "git", "args": ["clone", "--quiet"], "env": {"A": "1", "B": null},
            "clear_env": false, "working_directory": "/work", "stdin": "text", "grace_ms": 2000
        });
        assert_eq!(serde_json::to_value(&command).unwrap(), document);
        assert_eq!(from_document::<Command>(document).unwrap(), command);
        assert_eq!(from_document::<Command>(json!({"program": "ls"})).unwrap(), Command::new("ls"));
    }

    #[test]
    fn input_that_is_not_text_is_an_array() {
        let command = Command::new("cat").stdin(vec![0xff, 0]);
        let document = serde_json::to_value(&command).unwrap();
        assert_eq!(document["stdin"], json!([255, 0]));
        assert_eq!(from_document::<Command>(document).unwrap(), command);
    }

    #[test]
    fn a_wrong_document_names_its_faults() {
        let error = from_document::<Command>(json!({"program": "ls", "arguments": [], "stdin": 5}))
            .unwrap_err();
        assert_eq!(error.code(), ErrorCode::OptionsInvalid);
        let mut paths: Vec<_> = error.context().iter().map(|(path, _)| path.as_str()).collect();
        paths.sort_unstable();
        assert_eq!(paths, ["arguments", "stdin"]);
    }

    #[test]
    fn what_no_process_can_be_given_is_named() {
        let command = Command::new("l\0s")
            .args(["-l", "a\0b"])
            .env("", "1")
            .env("A=B", "2")
            .env_remove("A=C")
            .env("A\0", "3")
            .env("TOKEN", "hunter\0a")
            .current_dir("/\0");
        let error = command.check().unwrap_err();
        assert_eq!(error.code(), ErrorCode::OptionsInvalid);
        let mut paths: Vec<_> = error.context().iter().map(|(path, _)| path.as_str()).collect();
        paths.sort_unstable();
        let named =
            ["args[1]", "env", "env", "env", "env", "env.TOKEN", "program", "working_directory"];
        assert_eq!(paths, named);
        assert!(!error.to_string().contains("hunter"), "{error}");
        assert!(Command::new("").arg("a=b").env("A", "=").env_remove("B").check().is_ok());
    }

    #[test]
    fn debug_hides_what_may_be_secret() {
        let command = Command::new("git").env("TOKEN", "hunter2").stdin("hunter3").env_remove("X");
        let shown = format!("{command:?}");
        assert!(shown.contains("TOKEN") && !shown.contains("hunter"), "{shown}");
    }

    #[test]
    fn clearing_forgets_what_was_set() {
        let command = Command::new("env").env("A", "1").env_clear().env("B", "2");
        assert!(command.clear_env && command.env.keys().eq(["B"]));
    }
}
