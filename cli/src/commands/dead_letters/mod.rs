//! `dead-letters`: messages that no driver could answer.

mod drop;
mod letter;
mod list;
mod replay;
mod shelf;
mod show;

use clap::{Args, Subcommand};

use crate::connection::ConnectionArguments;
use crate::fault::Fault;
use shelf::Shelf;

/// Look at messages that no driver could answer, run them again, or drop them.
///
/// A message that cannot be read, or that killed its process again and again, is kept whole in the stream
/// dead-letters, with the reason.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::Arguments),
    Show(show::Arguments),
    Replay(replay::Arguments),
    Drop(drop::Arguments),
}

impl Arguments {
    pub(crate) async fn run(self) -> Result<u8, Fault> {
        match self.command {
            Command::List(arguments) => arguments.run().await,
            Command::Show(arguments) => arguments.run().await,
            Command::Replay(arguments) => arguments.run().await,
            Command::Drop(arguments) => arguments.run().await,
        }
    }
}

/// Which letters are meant.
#[derive(Debug, Args)]
struct Chosen {
    /// The numbers of the letters, as `list` shows them.
    #[arg(value_name = "NUMBER", required_unless_present = "all")]
    numbers: Vec<u64>,

    /// All letters, or with --driver all of that driver.
    #[arg(long, conflicts_with = "numbers")]
    all: bool,

    /// The driver that could not answer.
    #[arg(long, value_name = "NAME", requires = "all")]
    driver: Option<String>,

    #[command(flatten)]
    connection: ConnectionArguments,
}

impl Chosen {
    /// The numbers, in rising order.
    async fn numbers(&self, shelf: &Shelf) -> Result<Vec<u64>, Fault> {
        if !self.all {
            return Ok(self.numbers.clone());
        }
        let mut numbers = Vec::new();
        let mut next = 0;
        while let Some(letter) = shelf.from(next, self.driver.as_deref()).await? {
            numbers.push(letter.number);
            next = letter.number + 1;
        }
        Ok(numbers)
    }
}
