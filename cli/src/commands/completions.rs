//! `completions`: what a shell needs to complete this command.

use std::io::Write;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::exit_code;
use crate::fault::Fault;

/// Write the completions of a shell to standard output.
///
/// Bash:  conveyor-driver completions bash > ~/.local/share/bash-completion/completions/conveyor-driver
/// Zsh:   conveyor-driver completions zsh > "${fpath[1]}/_conveyor-driver"
/// Fish:  conveyor-driver completions fish > ~/.config/fish/completions/conveyor-driver.fish
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// The shell.
    shell: Shell,
}

impl Arguments {
    pub(crate) fn run(&self) -> Result<u8, Fault> {
        let mut command = crate::arguments::Arguments::command();
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "conveyor-driver", &mut script);
        std::io::stdout().write_all(&script)?;
        Ok(exit_code::SUCCESS)
    }
}
