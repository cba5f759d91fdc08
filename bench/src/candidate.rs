//! The programs that are measured side by side.

use std::path::{Path, PathBuf};

/// A program that keeps the [`Contract`](crate::Contract).
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Its name in the tables.
    pub name: &'static str,
    /// Where it is.
    pub program: PathBuf,
    /// What it is told besides.
    pub argument: Option<&'static str>,
}

/// The one that the others are compared with.
pub const PEER: &str = "peer";

/// The runtime itself.
pub const RUNTIME: &str = "conveyor";

impl Candidate {
    /// All of them; the programs are in this folder.
    #[must_use]
    pub fn all(folder: &Path) -> Vec<Self> {
        let candidate =
            |name, program, argument| Self { name, program: folder.join(program), argument };
        vec![
            candidate(RUNTIME, "bench_driver", None),
            candidate("conveyor-mt", "bench_driver", Some("multi-thread")),
            candidate(PEER, "bench_peer", None),
        ]
    }
}
