//! The benchmark: `bench [--reps N] [--scale X] [--million] [--candidates A,B] [--only TEXT]`.
//!
//! Every scenario is measured of every candidate, then all of it again, so that what changes on the
//! machine meanwhile meets all alike. The tables go to standard output and `target/bench.md`, each
//! measurement to `target/bench.jsonl`.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use conveyor_driver_bench::{
    Candidate, Machine, Outcome, PEER, Report, Row, START, Scenario, Sizes,
};

struct Wishes {
    repetitions: usize,
    sizes: Sizes,
    candidates: Vec<String>,
    only: Option<String>,
}

impl Wishes {
    /// The start is always measured, since the CPU of the others is told without it.
    fn wants(&self, scenario: &str) -> bool {
        self.only.as_ref().is_none_or(|text| scenario == START || scenario.contains(text.as_str()))
    }
}

fn wishes() -> Result<Wishes> {
    let mut wishes = Wishes {
        repetitions: 5,
        sizes: Sizes { scale: 1.0, million: false },
        candidates: ["conveyor", PEER].map(str::to_owned).to_vec(),
        only: None,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().with_context(|| format!("{word} takes a value"));
        match word.as_str() {
            "--reps" => wishes.repetitions = value()?.parse()?,
            "--scale" => wishes.sizes.scale = value()?.parse()?,
            "--only" => wishes.only = Some(value()?),
            "--million" => wishes.sizes.million = true,
            "--candidates" => {
                wishes.candidates = value()?.split(',').map(str::to_owned).collect();
            }
            _ => bail!("bench [--reps N] [--scale X] [--million] [--candidates A,B] [--only TEXT]"),
        }
    }
    Ok(wishes)
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let wishes = wishes()?;
    let program = std::env::current_exe()?;
    let mut candidates = Candidate::all(program.parent().context("no folder")?);
    for name in &wishes.candidates {
        ensure!(candidates.iter().any(|known| known.name == name), "there is no candidate {name}");
    }
    candidates.retain(|candidate| wishes.candidates.iter().any(|name| name == candidate.name));

    let names = candidates.iter().map(|candidate| candidate.name).collect();
    let mut report =
        Report { machine: Machine::here().await?, candidates: names, rows: Vec::new() };
    fs::create_dir_all("target")?;
    let mut file = File::create("target/bench.jsonl")?;
    for repetition in 0..wishes.repetitions {
        let mut started_cpu_us = HashMap::new();
        let scenarios = Scenario::all(wishes.sizes).into_iter();
        for scenario in scenarios.filter(|scenario| wishes.wants(&scenario.name)) {
            for candidate in candidates.iter().filter(|candidate| scenario.concerns(candidate)) {
                eprintln!("{repetition}: {}, {}", scenario.name, candidate.name);
                let started = started_cpu_us.get(candidate.name).copied().unwrap_or(0.0);
                let outcome = match scenario.measure(candidate, started).await {
                    Ok(figures) => Outcome::Figures(figures),
                    Err(error) => Outcome::Error(format!("{error:#}")),
                };
                if let Outcome::Figures(figures) = &outcome
                    && scenario.name == START
                {
                    let cpu_ms = figures.get("cpu_ms").unwrap_or(0.0);
                    started_cpu_us.insert(candidate.name, cpu_ms * 1e3);
                }
                let row = Row {
                    scenario: scenario.name.clone(),
                    candidate: candidate.name,
                    repetition,
                    table: scenario.table,
                    outcome,
                };
                writeln!(file, "{}", serde_json::to_string(&row)?)?;
                report.rows.push(row);
            }
        }
        candidates.rotate_left(1);
    }
    println!("{report}");
    fs::write("target/bench.md", report.to_string())?;
    let failures: Vec<_> = report.failures().collect();
    failures.iter().for_each(|failure| eprintln!("{failure}"));
    Ok(ExitCode::from(u8::from(!failures.is_empty())))
}
