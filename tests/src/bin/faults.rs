//! The fault matrix from the command line, and the driver process it is run on.
//!
//! `faults [--times N] [--at-once N] [PART OF A CELL'S NAME]…` runs the cells and writes their table
//! to standard output and `target/faults.md`; `faults list` names them; `faults soak [--minutes N]`
//! mixes them at random. `FAULT_SEED` repeats a seed.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;

use conveyor_driver::{Error, ErrorCode, Result};
use conveyor_driver_tests::faults::{actor, all, run_cells, soak};

/// What the command line asks for.
struct Wishes {
    times: usize,
    at_once: usize,
    minutes: usize,
    parts: Vec<String>,
}

fn wishes() -> Result<Wishes> {
    let mut wishes = Wishes { times: 1, at_once: 5, minutes: 30, parts: Vec::new() };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || {
            let number = words.next().and_then(|number| number.parse().ok());
            number.ok_or_else(|| {
                Error::new(ErrorCode::OptionsInvalid, format!("{word} takes a number"))
            })
        };
        match word.as_str() {
            "--times" => wishes.times = number()?,
            "--at-once" => wishes.at_once = number()?,
            "--minutes" => wishes.minutes = number()?,
            _ => wishes.parts.push(word),
        }
    }
    Ok(wishes)
}

fn main() -> Result<ExitCode> {
    if std::env::args().nth(1).as_deref() == Some("driver") {
        return actor::main().map(|()| ExitCode::SUCCESS);
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let internal = |error| Error::new(ErrorCode::Internal, "cannot start").with_source(error);
    runtime.map_err(internal)?.block_on(matrix(wishes()?))
}

async fn matrix(wishes: Wishes) -> Result<ExitCode> {
    let internal = |error| Error::new(ErrorCode::Internal, "cannot run").with_source(error);
    let mut cells = all();
    cells.retain(|cell| {
        let wanted = |part: &String| {
            ["list", "soak"].contains(&part.as_str()) || cell.name.contains(part.as_str())
        };
        wishes.parts.is_empty() || wishes.parts.iter().any(wanted)
    });
    if wishes.parts.iter().any(|part| part == "list") {
        cells.iter().for_each(|cell| println!("{}", cell.name));
        return Ok(ExitCode::SUCCESS);
    }
    let program = std::env::current_exe().map_err(internal)?;
    if wishes.parts.iter().any(|part| part == "soak") {
        let seed = std::env::var("FAULT_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| u64::from(fastrand::u32(..)));
        let soak = soak(wishes.minutes as f64, seed, &program, |line| eprintln!("{line}")).await;
        println!("{soak}");
        return end("target/soak.md", &soak.to_string(), &soak.verdict.faults);
    }
    let report =
        run_cells(&cells, wishes.times, wishes.at_once, &program, |line| eprintln!("{line}")).await;
    println!("{report}");
    end("target/faults.md", &report.to_string(), &report.failures)
}

/// Keeps the table and tells what went wrong.
fn end(path: &str, table: &str, failures: &[String]) -> Result<ExitCode> {
    let internal = |error| Error::new(ErrorCode::Internal, "cannot write").with_source(error);
    failures.iter().for_each(|failure| eprintln!("{failure}\n"));
    std::fs::create_dir_all("target").map_err(internal)?;
    std::fs::write(path, table).map_err(internal)?;
    Ok(ExitCode::from(u8::from(!failures.is_empty())))
}
