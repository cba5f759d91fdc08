//! The matrix: each cell is a fault at a phase, with or without a drain in its midst.

use futures_util::future::LocalBoxFuture;

use super::scene::Scene;
use super::setup::Setup;

mod cluster;
mod consumers;
mod kills;
mod messages;
mod network;
mod servers;

/// What happens in a cell, from the first event to the healing of its fault.
pub type Body = for<'a> fn(&'a mut Scene) -> LocalBoxFuture<'a, ()>;

/// One cell of the matrix.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Names it, such as `server/kill/logs+drain`. The part before the first `/` is its group.
    pub name: String,
    /// Its stage.
    pub setup: Setup,
    /// What happens on it.
    pub body: Body,
    /// Whether the victim is told to drain in the midst.
    pub drain: bool,
}

impl Cell {
    /// Which part of the matrix it belongs to.
    #[must_use]
    pub fn group(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }
}

/// The whole matrix.
#[must_use]
pub fn all() -> Vec<Cell> {
    let mut cells = Vec::new();
    for plain in [
        kills::cells(),
        servers::cells(),
        consumers::cells(),
        network::cells(),
        messages::cells(),
        cluster::cells(),
    ]
    .into_iter()
    .flatten()
    {
        // Draining twice would show nothing more.
        let drained = (!plain.name.starts_with("kill/drain")).then(|| {
            let mut drained =
                Cell { name: format!("{}+drain", plain.name), drain: true, ..plain.clone() };
            // Another instance does not remember what this one has finished.
            drained.setup.bounds.once = false;
            drained
        });
        cells.push(plain);
        cells.extend(drained);
    }
    cells
}

fn cell(name: &str, setup: Setup, body: Body) -> Cell {
    Cell { name: name.to_owned(), setup, body, drain: false }
}

/// Makes a body of an async function.
macro_rules! body {
    ($function:expr) => {
        |scene| futures_util::FutureExt::boxed_local($function(scene))
    };
}
use body;
