//! `dead-letters list`.

use std::io::Write;

use clap::Args;
use serde_json::json;

use super::letter::Letter;
use super::shelf::Shelf;
use crate::commands::test::Output;
use crate::connection::ConnectionArguments;
use crate::exit_code;
use crate::fault::Fault;
use crate::screen::{clean, table};

/// List dead letters, the oldest first.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only those of this driver.
    #[arg(long, value_name = "NAME")]
    driver: Option<String>,

    /// Not more than this many.
    #[arg(long, default_value_t = 100)]
    limit: usize,

    /// How they are shown.
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,

    #[command(flatten)]
    connection: ConnectionArguments,
}

impl Arguments {
    pub(super) async fn run(self) -> Result<u8, Fault> {
        let shelf = Shelf(self.connection.connect().await?);
        let (mut letters, mut next) = (Vec::new(), 0);
        let mut more = false;
        while let Some(letter) = shelf.from(next, self.driver.as_deref()).await? {
            if letters.len() == self.limit {
                more = true;
                break;
            }
            next = letter.number + 1;
            letters.push(letter);
        }
        shelf.0.close().await;
        let mut out = anstream::stdout().lock();
        match self.output {
            Output::Json => {
                letters.iter().try_for_each(|letter| writeln!(out, "{}", json(letter)))?;
            }
            Output::Text if letters.is_empty() => writeln!(out, "no dead letters")?,
            Output::Text => writeln!(out, "{}", text(&letters))?,
        }
        if more {
            writeln!(anstream::stderr(), "there are more; --limit shows them")?;
        }
        Ok(exit_code::SUCCESS)
    }
}

fn json(letter: &Letter) -> String {
    json!({
        "number": letter.number, "time": letter.time, "driver": letter.driver,
        "reason": letter.reason(), "attempts": letter.attempts(), "subject": letter.subject(),
        "part": letter.part(), "bytes": letter.payload.len(),
    })
    .to_string()
}

fn text(letters: &[Letter]) -> String {
    let mut table = table(&["number", "time", "driver", "attempts", "subject", "reason"]);
    for letter in letters {
        let part = if letter.part().is_empty() { "" } else { " part " };
        table.add_row([
            letter.number.to_string(),
            letter.time.get(..19).unwrap_or(&letter.time).to_owned(),
            clean(&letter.driver),
            clean(letter.attempts()),
            clean(&format!("{}{part}{}", letter.subject(), letter.part())),
            clean(letter.reason()),
        ]);
    }
    table.to_string()
}
