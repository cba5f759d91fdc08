//! The tables: the median of all repetitions, the least and the most.

use std::fmt;

use serde::Serialize;

use crate::candidate::PEER;
use crate::figures::{Figures, Spread};
use crate::machine::Machine;
use crate::table::{Column, Table};

/// One measurement.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What was measured.
    pub scenario: String,
    /// Of whom.
    pub candidate: &'static str,
    /// In which repetition, from 0.
    pub repetition: usize,
    /// The table it belongs to.
    #[serde(skip)]
    pub table: Table,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// Figures, or why there are none.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// All went well.
    Figures(Figures),
    /// It did not.
    Error(String),
}

/// All measurements on one machine.
#[derive(Clone, Debug)]
pub struct Report {
    /// Where.
    pub machine: Machine,
    /// Of whom, in the order of the tables.
    pub candidates: Vec<&'static str>,
    /// What.
    pub rows: Vec<Row>,
}

impl Report {
    /// What went wrong, each with its name.
    pub fn failures(&self) -> impl Iterator<Item = String> {
        self.rows.iter().filter_map(|row| match &row.outcome {
            Outcome::Figures(_) => None,
            Outcome::Error(why) => Some(format!("{}, {}: {why}", row.scenario, row.candidate)),
        })
    }

    fn figures(&self, scenario: &str, candidate: &str) -> Vec<(usize, &Figures)> {
        let of = |row: &&Row| row.scenario == scenario && row.candidate == candidate;
        self.rows
            .iter()
            .filter(of)
            .filter_map(|row| match &row.outcome {
                Outcome::Figures(figures) => Some((row.repetition, figures)),
                Outcome::Error(_) => None,
            })
            .collect()
    }

    /// A figure of one candidate over the peer's in the same repetition.
    fn against_peer(&self, name: &str, scenario: &str, candidate: &str) -> Option<Spread> {
        let peers = self.figures(scenario, PEER);
        let ratios = self.figures(scenario, candidate).into_iter().filter_map(|(at, ours)| {
            let (_, peer) = peers.iter().find(|(repetition, _)| *repetition == at)?;
            Some(ours.get(name)? / peer.get(name)?)
        });
        Spread::of(ratios.collect())
    }

    fn write_table(&self, table: Table, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.rows.iter().filter(|row| row.table == table && row.repetition == 0);
        let mut scenarios: Vec<_> = first.map(|row| &row.scenario).collect();
        scenarios.dedup();
        if scenarios.is_empty() {
            return Ok(());
        }
        let columns = table.columns();
        write!(f, "\n### {}\n\n| | |", table.title())?;
        for (i, (_, heading, _)) in columns.iter().enumerate() {
            write!(f, " {heading} |{}", if i == 0 { " times the peer |" } else { "" })?;
        }
        writeln!(f, "\n| --- | --- |{}", " ---: |".repeat(columns.len() + 1))?;
        for scenario in scenarios {
            let measured = |name: &&&str| {
                self.rows.iter().any(|row| row.scenario == *scenario && row.candidate == **name)
            };
            for candidate in self.candidates.iter().filter(measured) {
                write!(f, "| {scenario} | {candidate} |")?;
                self.write_cells(scenario, candidate, columns, f)?;
            }
        }
        Ok(())
    }

    fn write_cells(
        &self,
        scenario: &str,
        candidate: &str,
        columns: &[Column],
        f: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        let figures = self.figures(scenario, candidate);
        for (i, (name, _, decimals)) in columns.iter().enumerate() {
            let values = figures.iter().filter_map(|(_, figures)| figures.get(name)).collect();
            write!(f, " {} |", cell(Spread::of(values), *decimals))?;
            if i == 0 {
                let ratio = self.against_peer(name, scenario, candidate);
                write!(f, " {} |", cell(ratio.filter(|_| candidate != PEER), 2))?;
            }
        }
        writeln!(f)
    }
}

fn cell(spread: Option<Spread>, decimals: usize) -> String {
    match spread {
        None => String::new(),
        Some(Spread { median, least, most }) if least == most => format!("{median:.decimals$}"),
        Some(Spread { median, least, most }) => {
            format!("{median:.decimals$} ({least:.decimals$}..{most:.decimals$})")
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let repetitions = self.rows.iter().map(|row| row.repetition + 1).max().unwrap_or(0);
        writeln!(f, "{}. Repetitions: {repetitions}; median (least..most).", self.machine)?;
        Table::ALL.into_iter().try_for_each(|table| self.write_table(table, f))
    }
}
