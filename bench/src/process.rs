//! A candidate's process, and what the kernel counts of it.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, anyhow, ensure};

use crate::candidate::Candidate;
use crate::contract::Contract;

/// A running candidate. Killed when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts a candidate; what it prints goes to a file of its own.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(candidate: &Candidate, contract: &Contract, output: &Path) -> Result<Self> {
        let output = File::create(output)?;
        let child = Command::new(&candidate.program)
            .args(candidate.argument)
            .envs(contract.environment())
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| candidate.program.display().to_string())?;
        Ok(Self { child })
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// # Errors
    /// When it has ended, which no candidate does by itself.
    pub fn still_runs(&mut self) -> Result<()> {
        let ended = self.child.try_wait()?;
        ensure!(ended.is_none(), "the candidate ended early");
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when the process is gone already.
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

/// The CPU time that the threads of a process have used so far, in microseconds.
///
/// # Errors
/// When there is no such process.
pub(crate) fn cpu_us(process: u32) -> Result<f64> {
    let mut nanos = 0.0;
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        // A thread may end between the list and the look.
        let Ok(text) = fs::read_to_string(thread?.path().join("schedstat")) else { continue };
        let on_cpu = text.split_whitespace().next().and_then(|nanos| nanos.parse::<f64>().ok());
        nanos += on_cpu.ok_or_else(|| anyhow!("the kernel keeps no schedstat"))?;
    }
    Ok(nanos / 1_000.0)
}

/// Whether a thread of the process runs, or would if it had a core.
///
/// # Errors
/// When there is no such process.
pub(crate) fn is_runnable(process: u32) -> Result<bool> {
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        let Ok(text) = fs::read_to_string(thread?.path().join("stat")) else { continue };
        // The name before the state may hold anything, parentheses too.
        if text.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('R')) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The memory that a process has resident, and the most that it ever had, in MB.
///
/// # Errors
/// When there is no such process.
pub(crate) fn resident_mb(process: u32) -> Result<(f64, f64)> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let megabytes = |name: &str| -> Result<f64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kilobytes = line.and_then(|line| line.split_whitespace().next());
        Ok(kilobytes.with_context(|| format!("no {name}"))?.parse::<f64>()? / 1024.0)
    };
    Ok((megabytes("VmRSS:")?, megabytes("VmHWM:")?))
}
