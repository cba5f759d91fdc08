//! What was found, and its cure.

use std::io::{self, Write};

use conveyor_driver::Error;
use serde::Serialize;
use serde_json::json;

use crate::commands::test::Output;
use crate::exit_code;
use crate::fault::hint;
use crate::screen::{BOLD, ERROR, GOOD, HINT, WARNING, clean};

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    about: &'static str,
    verdict: Verdict,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cure: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Good,
    Warning,
    Broken,
}

impl Finding {
    pub(super) fn good(about: &'static str, text: impl Into<String>) -> Self {
        Self { about, verdict: Verdict::Good, text: text.into(), cure: None }
    }

    pub(super) fn warning(
        about: &'static str,
        text: impl Into<String>,
        cure: impl Into<String>,
    ) -> Self {
        Self { about, verdict: Verdict::Warning, text: text.into(), cure: Some(cure.into()) }
    }

    pub(super) fn broken(
        about: &'static str,
        text: impl Into<String>,
        cure: impl Into<String>,
    ) -> Self {
        Self { about, verdict: Verdict::Broken, text: text.into(), cure: Some(cure.into()) }
    }

    pub(super) fn of_error(about: &'static str, error: &Error) -> Self {
        let cure = error.context().iter().find(|(name, _)| name == "cure");
        let cure = cure.map(|(_, cure)| cure.clone());
        let cure = cure.or_else(|| hint(error.code()).map(str::to_owned));
        Self { about, verdict: Verdict::Broken, text: error.to_string(), cure }
    }
}

/// Everything that was found, shown as it is found.
#[derive(Debug)]
pub(super) struct Report {
    output: Output,
    broken: bool,
}

impl Report {
    pub(super) const fn new(output: Output) -> Self {
        Self { output, broken: false }
    }

    pub(super) fn add(&mut self, finding: Finding) -> io::Result<()> {
        self.broken |= finding.verdict == Verdict::Broken;
        let mut out = anstream::stdout().lock();
        if self.output == Output::Json {
            return writeln!(out, "{}", json!(finding));
        }
        let (style, sign) = match finding.verdict {
            Verdict::Good => (GOOD, "ok  "),
            Verdict::Warning => (WARNING, "warn"),
            Verdict::Broken => (ERROR, "FAIL"),
        };
        let (about, text) = (finding.about, clean(&finding.text));
        writeln!(out, "{style}{sign}{style:#}  {BOLD}{about:<11}{BOLD:#} {text}")?;
        match finding.cure {
            Some(cure) => writeln!(out, "      {HINT}cure:{HINT:#}       {}", clean(&cure)),
            None => Ok(()),
        }
    }

    pub(super) const fn exit_code(&self) -> u8 {
        if self.broken { exit_code::FAILED } else { exit_code::SUCCESS }
    }
}
