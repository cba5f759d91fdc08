//! The files that a command and the runtime pass each other, in a folder of their own.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

use crate::error::{Error, ErrorCode, Result};
use crate::options::from_document;

/// A result travels in one message: a larger one could not be sent.
const MOST_BYTES: u64 = 1 << 20;

/// A folder that only this user can enter, removed at the end however the run ends.
#[derive(Debug)]
pub(super) struct RunFiles(Arc<TempDir>);

/// What a command leaves in its result file.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Answer {
    pub(super) message: Option<String>,
    #[serde(deserialize_with = "given")]
    pub(super) data: Option<Value>,
    pub(super) retry_after_ms: Option<u64>,
}

/// `null` is data, too.
fn given<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(value).map(Some)
}

impl RunFiles {
    /// Makes the folder, and in it the file with the resource.
    pub(super) async fn make(resource: String) -> Result<Self> {
        blocking(move || {
            let folder = TempDir::with_prefix("conveyor-run-")?;
            std::fs::write(folder.path().join(RESOURCE), resource)?;
            Ok(Self(Arc::new(folder)))
        })
        .await
        .map_err(|error| {
            Error::new(ErrorCode::ExecFailed, "cannot write the files for the command")
                .with_context("folder", std::env::temp_dir().display())
                .with_source(error)
        })
    }

    pub(super) fn resource(&self) -> String {
        self.path_of(RESOURCE)
    }

    pub(super) fn result(&self) -> String {
        self.path_of(RESULT)
    }

    fn path_of(&self, name: &str) -> String {
        self.0.path().join(name).to_string_lossy().into_owned()
    }

    /// What the command left; all empty when it left nothing. Else what is wrong with it, naming the
    /// member.
    pub(super) async fn answer(&self) -> Result<Answer, String> {
        let folder = self.0.clone();
        let text = blocking(move || read(&folder.path().join(RESULT))).await;
        match text {
            Ok(None) => Ok(Answer::default()),
            Ok(Some(text)) if text.trim_ascii().is_empty() => Ok(Answer::default()),
            Ok(Some(text)) => parse(&text),
            Err(error) => Err(format!("the result file cannot be read: {error}")),
        }
    }
}

const RESOURCE: &str = "resource.json";
const RESULT: &str = "result.json";

fn parse(text: &[u8]) -> Result<Answer, String> {
    let document: Value = serde_json::from_slice(text)
        .map_err(|error| format!("the result file is not JSON: {error}"))?;
    if !document.is_object() {
        return Err("the result file is wrong: it must hold a JSON object".to_owned());
    }
    from_document(document).map_err(|error| {
        let faults = error.context().iter().map(|(path, reason)| match path.as_str() {
            "." => reason.clone(),
            path => format!("{path}: {reason}"),
        });
        format!("the result file is wrong: {}", faults.collect::<Vec<_>>().join("; "))
    })
}

/// Whatever the command put there: a pipe must not make it wait, nor a large file fill the memory.
fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let nonblock = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = match File::options().read(true).custom_flags(nonblock).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(io::Error::other(format!("it has more than {MOST_BYTES} bytes")));
    }
    Ok(Some(bytes))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|ended| Err(io::Error::other(ended)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    async fn answer_to(left: &[u8]) -> Result<Answer, String> {
        let files = RunFiles::make("{}".to_owned()).await.unwrap();
        std::fs::write(files.result(), left).unwrap();
        files.answer().await
    }

    #[tokio::test]
    async fn what_was_left_is_read() {
        let answer =
            answer_to(br#"{"message":"m","data":{"n":1},"retry_after_ms":5}"#).await.unwrap();
        assert_eq!(answer.message.as_deref(), Some("m"));
        assert_eq!((answer.data, answer.retry_after_ms), (Some(json!({"n": 1})), Some(5)));
        assert_eq!(answer_to(br#"{"data":null}"#).await.unwrap().data, Some(Value::Null));
        assert_eq!(answer_to(b" \n").await.unwrap().data, None);
    }

    #[tokio::test]
    async fn nothing_left_is_no_fault() {
        let files = RunFiles::make("{}".to_owned()).await.unwrap();
        assert_eq!(std::fs::read_to_string(files.resource()).unwrap(), "{}");
        assert!(files.answer().await.unwrap().message.is_none());
    }

    #[tokio::test]
    async fn what_is_wrong_is_named() {
        for (left, named) in [
            (&b"{"[..], "not JSON"),
            (br#"{"retry_after_ms":-1}"#, "retry_after_ms"),
            (br#"{"mesage":"m"}"#, "did you mean `message`"),
            (b"[]", "wrong"),
        ] {
            let fault = answer_to(left).await.unwrap_err();
            assert!(fault.contains(named), "{fault}");
        }
        let large = vec![b' '; usize::try_from(MOST_BYTES).unwrap() + 1];
        assert!(answer_to(&large).await.unwrap_err().contains("bytes"));
    }

    #[tokio::test]
    async fn a_pipe_or_a_folder_is_no_result_file() {
        let files = RunFiles::make("{}".to_owned()).await.unwrap();
        std::fs::create_dir(files.result()).unwrap();
        assert!(files.answer().await.is_err());
    }
}
