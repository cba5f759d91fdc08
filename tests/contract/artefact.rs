//! A file that is generated from the Rust definitions and kept in the repository.

use std::io;
use std::path::Path;

pub(crate) struct Artefact {
    /// From the root of the repository.
    pub(crate) path: &'static str,
    pub(crate) generate: fn() -> String,
    /// Why the text that is kept may not give way to the generated one, if it may not.
    pub(crate) objection: fn(kept: &str, generated: &str) -> Option<String>,
}

#[derive(Debug)]
pub(crate) enum State {
    Current,
    Rewritten,
    Refused(String),
    Unwritable(io::Error),
}

impl Artefact {
    pub(crate) const fn new(path: &'static str, generate: fn() -> String) -> Self {
        Self { path, generate, objection: |_, _| None }
    }

    /// Compares the file below `root` with what is generated, and rewrites it when it is stale.
    pub(crate) fn bring_up_to_date(&self, root: &Path) -> State {
        let file = root.join(self.path);
        let generated = (self.generate)();
        match std::fs::read_to_string(&file) {
            Ok(kept) if kept == generated => return State::Current,
            Ok(kept) => {
                if let Some(objection) = (self.objection)(&kept, &generated) {
                    return State::Refused(objection);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return State::Unwritable(error),
        }
        let folder = file.parent().map_or(Ok(()), std::fs::create_dir_all);
        match folder.and_then(|()| std::fs::write(&file, generated)) {
            Ok(()) => State::Rewritten,
            Err(error) => State::Unwritable(error),
        }
    }

    /// What the developer should do, unless the file was up to date.
    pub(crate) fn complaint(&self, root: &Path) -> Option<String> {
        let path = self.path;
        match self.bring_up_to_date(root) {
            State::Current => None,
            State::Rewritten => Some(format!(
                "{path} was stale. It is rewritten: read the difference, and commit it"
            )),
            State::Refused(objection) => Some(format!("{path} was left as it is: {objection}")),
            State::Unwritable(error) => Some(format!(
                "{path} is stale and cannot be rewritten here ({error}): run this test in a \
                 checkout that can be written to, and commit the difference"
            )),
        }
    }
}

const SAMPLE: Artefact = Artefact::new("folder/sample.json", || "new\n".to_owned());

fn kept(root: &Path) -> String {
    std::fs::read_to_string(root.join(SAMPLE.path)).unwrap()
}

fn root_with(text: &str) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("folder")).unwrap();
    std::fs::write(root.path().join(SAMPLE.path), text).unwrap();
    root
}

#[test]
fn a_stale_file_is_rewritten_and_then_current() {
    let root = root_with("old\n");
    assert!(SAMPLE.complaint(root.path()).is_some());
    assert_eq!(kept(root.path()), "new\n");
    assert_eq!(SAMPLE.complaint(root.path()), None);
}

#[test]
fn a_missing_file_is_written_with_its_folder() {
    let root = tempfile::tempdir().unwrap();
    assert!(matches!(SAMPLE.bring_up_to_date(root.path()), State::Rewritten));
    assert_eq!(kept(root.path()), "new\n");
}

#[test]
fn an_objection_leaves_the_file_as_it_is() {
    let root = root_with("old\n");
    let guarded = Artefact { objection: |kept, _| Some(kept.to_owned()), ..SAMPLE };
    assert!(
        matches!(guarded.bring_up_to_date(root.path()), State::Refused(said) if said == "old\n")
    );
    assert_eq!(kept(root.path()), "old\n");
}

#[test]
fn a_file_that_cannot_be_written_is_a_complaint() {
    let root = tempfile::tempdir().unwrap();
    // Whoever runs the test, there is no file in a file.
    std::fs::write(root.path().join("folder"), "").unwrap();
    assert!(matches!(SAMPLE.bring_up_to_date(root.path()), State::Unwritable(_)));
    assert!(SAMPLE.complaint(root.path()).is_some());
}
