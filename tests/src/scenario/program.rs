//! Drivers of any language as a process of their own.
//!
//! The program finds the options in `SCENARIO_DRIVERS` and `SCENARIO_MANAGER`, how to connect in
//! `CONVEYOR_NATS_URL`, `CONVEYOR_NATS_USER` and `CONVEYOR_NATS_PASSWORD`, requests on its standard
//! input, and writes its answers to its standard output; each is JSON on a line.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::document::Need;
use super::ground::Ground;
use super::host::{Host, Instance, Refusal};

/// How long a program may take to say something, or to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// Starts managers by starting a program.
#[derive(Clone, Debug)]
pub struct Program {
    /// The program and its arguments.
    pub command: Vec<PathBuf>,
}

#[async_trait]
impl Host for Program {
    async fn start(
        &self,
        ground: &Ground,
        drivers: &[Value],
        manager: &Value,
    ) -> Result<Box<dyn Instance>, Refusal> {
        Process::start(&self.command, ground, drivers, manager)
            .map(|process| Box::new(process) as Box<dyn Instance>)
            .map_err(|error| Refusal { code: error.to_string(), paths: Vec::new() })
    }

    fn has(&self, need: Need) -> bool {
        need != Need::Faults
    }
}

struct Process {
    child: Child,
    asked: Option<ChildStdin>,
    said: Lines<BufReader<ChildStdout>>,
    complaints: File,
}

/// What a program says.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said {
    /// How many events a cancellation told.
    Cancelled(u64),
    /// The drain report.
    Report(Value),
    /// The manager did not start.
    Refused(Refusal),
}

impl Process {
    fn start(
        command: &[PathBuf],
        ground: &Ground,
        drivers: &[Value],
        manager: &Value,
    ) -> std::io::Result<Self> {
        let (program, args) = command.split_first().ok_or(std::io::ErrorKind::InvalidInput)?;
        let complaints = tempfile::tempfile()?;
        let connection = &ground.connection;
        let password = connection.password.as_ref().map(|password| password.reveal());
        let mut child = Command::new(program)
            .args(args)
            .env("SCENARIO_DRIVERS", Value::from(drivers).to_string())
            .env("SCENARIO_MANAGER", manager.to_string())
            .env("CONVEYOR_NATS_URL", connection.url.as_deref().unwrap_or_default())
            .env("CONVEYOR_NATS_USER", connection.user.as_deref().unwrap_or_default())
            .env("CONVEYOR_NATS_PASSWORD", password.unwrap_or_default())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(complaints.try_clone()?)
            .kill_on_drop(true)
            .spawn()?;
        let asked = child.stdin.take();
        let said = child.stdout.take().ok_or(std::io::ErrorKind::BrokenPipe)?;
        Ok(Self { child, asked, said: BufReader::new(said).lines(), complaints })
    }

    async fn ask(&mut self, request: &Value) -> Result<(), String> {
        let pipe = self.asked.as_mut().ok_or("the program was stopped")?;
        let written = pipe.write_all(format!("{request}\n").as_bytes()).await;
        written.map_err(|error| format!("the program does not listen: {error}"))
    }

    async fn says(&mut self) -> Result<Said, String> {
        let line = match timeout(PATIENCE, self.said.next_line()).await {
            Ok(Ok(Some(line))) => line,
            Ok(Ok(None)) => return Err(format!("the program ended: {}", self.last_complaints())),
            Ok(Err(error)) => return Err(error.to_string()),
            Err(_) => return Err(format!("the program is silent: {}", self.last_complaints())),
        };
        serde_json::from_str(&line).map_err(|error| format!("the program says {line:?}: {error}"))
    }

    fn last_complaints(&mut self) -> String {
        let mut text = String::new();
        let read =
            self.complaints.rewind().and_then(|()| self.complaints.read_to_string(&mut text));
        read.map_or_else(|error| error.to_string(), |_| text)
    }

    fn signal(&self, signal: Signal) {
        let pid = self.child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // One that has ended needs no signal.
            let _gone = kill_process(pid, signal);
        }
    }
}

#[async_trait]
impl Instance for Process {
    async fn cancel(&mut self, run: &str, reason: &str) -> Result<u64, String> {
        self.ask(&json!({"cancel": {"run_id": run, "reason": reason}})).await?;
        match self.says().await? {
            Said::Cancelled(events) => Ok(events),
            other => Err(format!("the program says {other:?}")),
        }
    }

    async fn release(&mut self, name: &str) -> Result<(), String> {
        self.ask(&json!({"release": name})).await
    }

    fn drain(&mut self) {
        self.signal(Signal::TERM);
    }

    fn end_now(&mut self) {
        self.signal(Signal::TERM);
        self.signal(Signal::INT);
    }

    async fn stopped(&mut self) -> Result<Value, String> {
        let report = match self.says().await? {
            Said::Report(report) => report,
            other => return Err(format!("the program says {other:?}")),
        };
        match timeout(PATIENCE, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(report),
            Ok(status) => {
                Err(format!("the program ended with {status:?}: {}", self.last_complaints()))
            }
            Err(_) => Err("the program does not end after its report".to_owned()),
        }
    }

    async fn kill(&mut self) -> Result<(), String> {
        self.child.kill().await.map_err(|error| error.to_string())
    }

    async fn refused(&mut self) -> Option<Refusal> {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            return None;
        }
        Some(match self.says().await {
            Ok(Said::Refused(refusal)) => refusal,
            Ok(other) => Refusal { code: format!("{other:?}"), paths: Vec::new() },
            Err(fault) => Refusal { code: fault, paths: Vec::new() },
        })
    }
}
