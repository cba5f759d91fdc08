//! `dead-letters drop`.

use std::io::Write;

use clap::Args;

use super::Chosen;
use super::shelf::Shelf;
use crate::exit_code;
use crate::fault::Fault;

/// Remove dead letters for good.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    chosen: Chosen,

    /// Needed with --all.
    #[arg(long, required_if_eq("all", "true"))]
    yes: bool,
}

impl Arguments {
    pub(super) async fn run(self) -> Result<u8, Fault> {
        let shelf = Shelf(self.chosen.connection.clone().connect().await?);
        let numbers = self.chosen.numbers(&shelf).await?;
        for number in &numbers {
            // Who names one that is not there has mistaken its number.
            shelf.letter(*number).await?;
            shelf.remove(*number).await?;
            writeln!(anstream::stdout(), "dropped {number}")?;
        }
        shelf.0.close().await;
        Ok(exit_code::SUCCESS)
    }
}
