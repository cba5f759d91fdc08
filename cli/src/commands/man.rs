//! `man`: the manual pages.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, CommandFactory};

use crate::exit_code;
use crate::fault::Fault;

/// Write the manual page to standard output, or all pages into a folder.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Write a page for this command and one for each of its commands into this folder.
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
}

impl Arguments {
    pub(crate) fn run(&self) -> Result<u8, Fault> {
        let command = crate::arguments::Arguments::command();
        match &self.dir {
            Some(folder) => {
                std::fs::create_dir_all(folder)?;
                clap_mangen::generate_to(command, folder)?;
            }
            None => {
                let mut page = Vec::new();
                clap_mangen::Man::new(command).render(&mut page)?;
                std::io::stdout().write_all(&page)?;
            }
        }
        Ok(exit_code::SUCCESS)
    }
}
