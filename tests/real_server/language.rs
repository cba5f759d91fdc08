//! The languages that a step can be written in, as far as they are here.

use std::path::Path;
use std::sync::OnceLock;

/// A program that is one step; its environment says which.
#[derive(Clone, Debug)]
pub(crate) struct Language {
    pub(crate) name: &'static str,
    pub(crate) command: Vec<String>,
}

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Those whose build is here. A language adds its program to the list.
pub(crate) fn languages() -> &'static [Language] {
    static LANGUAGES: OnceLock<Vec<Language>> = OnceLock::new();
    LANGUAGES.get_or_init(|| {
        let at = |path: &str| format!("{ROOT}/{path}");
        let known: [(&'static str, Vec<String>, &str, String); 3] = [
            (
                "rust",
                vec![env!("CARGO_BIN_EXE_pipeline_step").to_owned()],
                "cargo",
                env!("CARGO_BIN_EXE_pipeline_step").to_owned(),
            ),
            (
                "python",
                vec![at(".venv/bin/python"), at("bindings-python/tests/pipeline_step.py")],
                "scripts/python.sh",
                at(".venv/bin/maturin"),
            ),
            (
                "node",
                vec!["node".to_owned(), at("bindings-node/tests/pipeline_step.mjs")],
                "scripts/node.sh",
                at("bindings-node/dist"),
            ),
        ];
        let is_here = |name: &str, needs: &str, by: &str| {
            let here = Path::new(needs).exists();
            if !here {
                println!("skipped: {name}: its package is not built; {by} builds it");
            }
            here
        };
        known
            .into_iter()
            .filter(|(name, _, by, needs)| is_here(name, needs, by))
            .map(|(name, command, ..)| Language { name, command })
            .collect()
    })
}
