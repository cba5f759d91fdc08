//! The scripted driver of the Rust runners: it does what the resource's `spec.script` says.

use std::collections::VecDeque;
use std::time::Duration;

use conveyor_driver::exec::ExecOutput;
use conveyor_driver::options::DriverOptions;
use conveyor_driver::{CancelReason, Driver, DriverResult, Failure, Level, LogLine, Run};
use serde_json::Value;

use super::host::Release;
use super::step::{Answer, Fact, Line, Step};

/// A driver with these options that waits for these releases.
#[must_use]
pub fn interpreter(options: DriverOptions, release: Release) -> Driver {
    Driver::with_options(options).reconcile(move |run| {
        let release = release.clone();
        async move { interpret(&run, &release).await }
    })
}

async fn interpret(run: &Run, release: &Release) -> Result<DriverResult, Failure> {
    let script = run.resource()?.spec["script"].as_array().cloned().unwrap_or_default();
    let mut steps = VecDeque::new();
    for step in script {
        let step: Step = serde_json::from_value(step)
            .map_err(|error| Failure::of_type("UnknownStep", error.to_string(), None))?;
        steps.push_back(step);
    }
    let mut exit = None;
    while let Some(step) = steps.pop_front() {
        match step {
            Step::Log(message) => run.log(message).await,
            Step::Line(line) => write(run, line).await?,
            Step::Tell(fact) => run.log(told(run, fact, exit.as_ref())?).await,
            Step::Progress(_) => run.progress(),
            Step::SleepMs(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
            // Not to be interrupted is what the step is for.
            #[allow(clippy::disallowed_methods)]
            Step::BlockMs(ms) => std::thread::sleep(Duration::from_millis(ms)),
            Step::Hold(name) => release.wait(&name).await,
            Step::WaitForCancel(_) => run.cancellation().cancelled().await,
            Step::Exec(command) => exit = Some(run.exec(&command).await?),
            Step::ByAttempt(mut lists) => {
                let last = lists.len().saturating_sub(1);
                let chosen = (run.attempt() as usize - 1).min(last);
                lists.swap_remove(chosen).into_iter().rev().for_each(|s| steps.push_front(s));
            }
            Step::Succeed(answer) => {
                return Ok(DriverResult::success(&answer.message).data(data(answer)));
            }
            Step::Fail(answer) => {
                return Ok(DriverResult::failure(&answer.message).data(data(answer)));
            }
            Step::Retry(retry) => {
                let failure = Failure::retry(retry.message);
                let delay = retry.after_ms.map(Duration::from_millis);
                return Err(delay.into_iter().fold(failure, Failure::after));
            }
            Step::Raise(raised) => return Err(raised.message.into()),
            Step::Panic(raised) => panic!("{}", raised.message),
        }
    }
    // What a language that can return nothing makes of it.
    Ok(DriverResult::success(""))
}

fn data(answer: Answer) -> Value {
    match answer.data {
        Value::String(text) => text.repeat(answer.repeat).into(),
        data => data,
    }
}

async fn write(run: &Run, line: Line) -> Result<(), Failure> {
    let level = [Level::Debug, Level::Info, Level::Warning, Level::Error]
        .into_iter()
        .find(|level| level.name() == line.level)
        .ok_or_else(|| Failure::of_type("UnknownStep", line.level, None))?;
    let text = line.message.repeat(line.repeat);
    for n in 1..=line.times.unwrap_or(1) {
        let text = if line.times.is_some() { format!("{text} {n}") } else { text.clone() };
        run.log(LogLine { message: text, level, labels: line.labels.clone() }).await;
    }
    Ok(())
}

fn told(run: &Run, fact: Fact, exit: Option<&ExecOutput>) -> Result<String, Failure> {
    Ok(match fact {
        Fact::RunId => run.id().to_string(),
        Fact::Event => run.event().to_owned(),
        Fact::Payload => run.payload().to_owned(),
        Fact::Driver => run.driver().to_owned(),
        Fact::Attempt => run.attempt().to_string(),
        Fact::ResourceName => run.resource()?.name.clone(),
        Fact::CancelReason => match run.cancel_reason() {
            None => String::new(),
            Some(CancelReason::Requested(_)) => "Requested".to_owned(),
            Some(other) => format!("{other:?}"),
        },
        Fact::Exit => serde_json::to_string(&exit)?,
    })
}
