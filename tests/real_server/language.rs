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
const RUST: &str = env!("CARGO_BIN_EXE_pipeline_step");

/// Those whose build is here. A language adds its program to the list.
pub(crate) fn languages() -> &'static [Language] {
    static LANGUAGES: OnceLock<Vec<Language>> = OnceLock::new();
    LANGUAGES.get_or_init(|| {
        let at = |path: &str| format!("{ROOT}/{path}");
        // What scripts have put into the folder of what is built.
        let built = |file: &str| {
            let target = Path::new(RUST).ancestors().nth(2).unwrap();
            target.join("c").join(file).into_os_string().into_string().unwrap()
        };
        // Its name, its command, and what must be there for it, by the script that builds it.
        let known: [(&'static str, Vec<String>, String, &str); 5] = [
            ("rust", vec![RUST.to_owned()], RUST.to_owned(), "cargo build"),
            (
                "python",
                vec![at(".venv/bin/python"), at("bindings-python/tests/pipeline_step.py")],
                at(".venv/bin/maturin"),
                "scripts/python.sh",
            ),
            (
                "node",
                vec!["node".to_owned(), at("bindings-node/tests/pipeline_step.mjs")],
                at("bindings-node/dist"),
                "scripts/node.sh",
            ),
            ("c", vec![built("tests/pipeline_step")], built("tests/pipeline_step"), "scripts/c.sh"),
            ("go", vec![built("go/pipelinestep")], built("go/pipelinestep"), "scripts/go.sh"),
        ];
        let is_here = |name: &str, needs: &str, by: &str| {
            let here = Path::new(needs).exists();
            if !here {
                println!("skipped: {name}: its step is not built; {by} builds it");
            }
            here
        };
        known
            .into_iter()
            .filter(|(name, _, needs, by)| is_here(name, needs, by))
            .map(|(name, command, ..)| Language { name, command })
            .collect()
    })
}
