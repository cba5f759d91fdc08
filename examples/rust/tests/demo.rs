//! The demo as its user meets it: what it shows, how it exits, what it leaves behind.
#![allow(clippy::unwrap_used)]

#[path = "../../../tests/src/household.rs"]
pub mod household;

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use self::household::Household;

const DEADLINE: Duration = Duration::from_secs(60);
const FOREVER: [&str; 3] = ["sh", "-c", "echo started; sleep 600"];

/// One performance. All its processes and files carry the path of its folder.
struct Demo {
    command: Command,
    folder: Household,
}

struct Performance {
    status: ExitStatus,
    output: String,
    folder: Household,
}

impl Demo {
    fn new(arguments: &[&str]) -> Self {
        let folder = Household::in_new_folder();
        let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        folder.takes_in(&mut command);
        Self { command, folder }
    }

    fn without_server(mut self) -> Self {
        self.command.env("NATS_SERVER", self.folder.path().join("no-such-program"));
        self
    }

    async fn undisturbed(self) -> Performance {
        self.play(None).await
    }

    /// Sends the signal as soon as a line with this text was shown.
    async fn interrupted_at(self, text: &str, signal: Signal) -> Performance {
        self.play(Some((text, signal))).await
    }

    async fn play(mut self, mut interruption: Option<(&str, Signal)>) -> Performance {
        let mut demo = self.command.spawn().unwrap();
        let pid = Pid::from_raw(demo.id().unwrap().try_into().unwrap()).unwrap();
        let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
        let mut output = String::new();
        let played = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if let Some((_, signal)) = interruption.take_if(|(text, _)| line.contains(*text)) {
                    assert!(!self.folder.members().is_empty());
                    kill_process(pid, signal).unwrap();
                }
                output.push_str(&line);
                output.push('\n');
            }
            demo.wait().await.unwrap()
        };
        let status = timeout(DEADLINE, played).await.unwrap();
        assert!(interruption.is_none(), "{output}");
        Performance { status, output, folder: self.folder }
    }
}

impl Performance {
    async fn left_nothing(&self) {
        assert!(self.folder.path().read_dir().unwrap().next().is_none(), "{}", self.output);
        self.folder.empties().await;
    }
}

#[tokio::test]
async fn a_pipeline_that_succeeds_is_shown_and_publishes() {
    let demo = Demo::new(&[]).undisturbed().await;
    assert_eq!(demo.status.code(), Some(0), "{}", demo.output);
    for text in
        ["nats://127.0.0.1:", ", process ", "fetch │ at ", "build │ # Version ", "succeeded"]
    {
        assert!(demo.output.contains(text), "{text}:\n{}", demo.output);
    }
    // The steps whose languages are set up.
    for (step, said) in [
        ("test", "test │ ok   1994 is MCMXCIV"),
        ("package", "package │ success  packed roman-"),
        ("seal", "seal │ success  wrote CHECKSUMS"),
    ] {
        let there = !demo.output.contains(&format!("step {step}: "));
        assert_eq!(there, demo.output.contains(said), "{step}:\n{}", demo.output);
    }
    demo.left_nothing().await;
}

#[tokio::test]
async fn a_step_that_fails_fails_the_demo() {
    let demo = Demo::new(&["sh", "-c", "exit 3"]).undisturbed().await;
    assert_eq!(demo.status.code(), Some(1), "{}", demo.output);
    assert!(demo.output.contains("failure  sh: exited with 3"), "{}", demo.output);
    demo.left_nothing().await;
}

#[tokio::test]
async fn without_a_server_there_is_no_demo() {
    let demo = Demo::new(&[]).without_server().undisturbed().await;
    assert_eq!(demo.status.code(), Some(1), "{}", demo.output);
    assert!(demo.output.contains("nothing was running"), "{}", demo.output);
    demo.left_nothing().await;
}

#[tokio::test]
async fn an_interruption_at_any_moment_leaves_nothing() {
    for moment in ["api ", "driver ", "repository", "run ", "│ started"] {
        let demo = Demo::new(&FOREVER).interrupted_at(moment, Signal::INT).await;
        assert_eq!(demo.status.code(), Some(130), "{moment}:\n{}", demo.output);
        demo.left_nothing().await;
    }
}

#[tokio::test]
async fn other_signals_are_no_different() {
    for signal in [Signal::TERM, Signal::HUP] {
        let demo = Demo::new(&FOREVER).interrupted_at("│ started", signal).await;
        assert_eq!(demo.status.code(), Some(130), "{}", demo.output);
        demo.left_nothing().await;
    }
}
