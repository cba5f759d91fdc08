//! The commands, one folder or file each.

mod apply;
mod cancel;
mod completions;
mod dead_letters;
mod dev;
mod doctor;
mod exec;
mod logs;
mod man;
mod run;
mod runs;
mod test;

use clap::Subcommand;

use crate::fault::Fault;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Exec(exec::Arguments),
    Run(run::Arguments),
    Test(test::Arguments),
    Dev(dev::Arguments),
    Apply(apply::Arguments),
    Logs(logs::Arguments),
    Runs(runs::Arguments),
    Cancel(cancel::Arguments),
    DeadLetters(dead_letters::Arguments),
    Doctor(doctor::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
}

impl Command {
    /// Runs it to its end and gives the exit code.
    pub(crate) async fn run(self) -> Result<u8, Fault> {
        match self {
            Self::Exec(arguments) => arguments.run().await,
            Self::Run(arguments) => arguments.run().await,
            Self::Test(arguments) => arguments.run().await,
            Self::Dev(arguments) => arguments.run().await,
            Self::Apply(arguments) => arguments.run().await,
            Self::Logs(arguments) => arguments.run().await,
            Self::Runs(arguments) => arguments.run().await,
            Self::Cancel(arguments) => arguments.run().await,
            Self::DeadLetters(arguments) => arguments.run().await,
            Self::Doctor(arguments) => arguments.run().await,
            Self::Completions(arguments) => arguments.run(),
            Self::Man(arguments) => arguments.run(),
        }
    }

    /// Whether it goes on until it is told to stop, so that its user wants to hear of it.
    pub(crate) const fn lasts(&self) -> bool {
        matches!(self, Self::Exec(_) | Self::Run(_))
    }
}
