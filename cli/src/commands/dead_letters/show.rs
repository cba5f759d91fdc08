//! `dead-letters show`.

use std::io::Write;

use clap::Args;

use super::shelf::Shelf;
use crate::connection::ConnectionArguments;
use crate::exit_code;
use crate::fault::Fault;
use crate::screen::{BOLD, DIM, clean};

/// Show a dead letter: its headers and its bytes.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The number of the letter, as `list` shows it.
    number: u64,

    /// Write its bytes to standard output, unchanged, and nothing else.
    #[arg(long)]
    raw: bool,

    #[command(flatten)]
    connection: ConnectionArguments,
}

impl Arguments {
    pub(super) async fn run(self) -> Result<u8, Fault> {
        let shelf = Shelf(self.connection.connect().await?);
        let letter = shelf.letter(self.number).await?;
        shelf.0.close().await;
        if self.raw {
            std::io::stdout().write_all(&letter.payload)?;
            return Ok(exit_code::SUCCESS);
        }
        let mut out = anstream::stdout().lock();
        writeln!(out, "{BOLD}number{BOLD:#}  {}", letter.number)?;
        writeln!(out, "{BOLD}driver{BOLD:#}  {}", clean(&letter.driver))?;
        writeln!(out, "{BOLD}kept at{BOLD:#} {}", clean(&letter.time))?;
        for (name, value) in &letter.headers {
            writeln!(out, "{DIM}{}:{DIM:#} {}", clean(name), clean(value))?;
        }
        writeln!(out)?;
        for line in String::from_utf8_lossy(&letter.payload).lines() {
            writeln!(out, "{}", clean(line))?;
        }
        Ok(exit_code::SUCCESS)
    }
}
