//! The README tells the truth: each test it names exists.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every function in the sources of tests, and every test that is named by a text.
fn functions(folder: &Path, found: &mut HashSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            functions(&path, found);
        } else if let Some(word) =
            path.extension().and_then(|extension| match extension.to_str()? {
                "rs" => Some("fn "),
                "py" => Some("def "),
                "mjs" => Some("test(\""),
                "c" => Some("static void "),
                "cpp" => Some("void "),
                "go" => Some("func "),
                "sh" => Some("passed "),
                _ => None,
            })
        {
            let source = fs::read_to_string(&path).unwrap();
            let names = source.lines().filter_map(|line| {
                let (_, after) = line.split_once(word)?;
                Some(after.split(['(', '<', '"']).next()?.to_owned())
            });
            found.extend(names);
        }
    }
}

#[test]
fn every_guarantee_names_tests_that_exist() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let mut known = HashSet::new();
    functions(&root().join("tests"), &mut known);
    for language in ["c", "node", "python"] {
        functions(&root().join(format!("bindings-{language}/tests")), &mut known);
    }
    functions(&root().join("bindings-go"), &mut known);
    functions(&root().join("examples/rust/tests"), &mut known);
    let (_, table) = readme.split_once("| guarantee | test |").unwrap();
    let rows: Vec<_> = table.lines().skip(2).take_while(|line| line.starts_with('|')).collect();
    assert!(rows.len() > 10);
    for row in rows {
        let tests: Vec<_> = row.rsplit('|').nth(1).unwrap().split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "no test is named: {row}");
        for test in tests {
            assert!(known.contains(test), "there is no test {test}");
        }
    }
}
