//! Events that come one by one to a driver that waits for them.

use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use async_nats::jetstream::consumer::pull::Stream;
use conveyor_driver::subject::PIPELINES_STREAM;
use futures_util::StreamExt;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::answers::Answers;
use crate::candidate::Candidate;
use crate::clock::monotonic_us;
use crate::contract::Work;
use crate::event::event;
use crate::figures::Figures;
use crate::process::{Process, cpu_us, resident_mb};
use crate::stage::{Stage, event_subject};

const EVERY: Duration = Duration::from_millis(5);
const CONCURRENCY: u32 = 64;
/// Events before those that are measured.
const WARM_UP: usize = 100;
const AT_MOST: Duration = Duration::from_secs(30);

/// Measures how long an event takes from its publish to its reconcile, and to its result's arrival
/// at an engine that listens.
///
/// # Errors
/// When an event is not answered exactly once.
pub(crate) async fn measure(candidate: &Candidate, events: usize) -> Result<Figures> {
    let stage = Stage::open(CONCURRENCY).await?;
    let mut results = stage.reader(PIPELINES_STREAM).await?.messages().await?;
    let mut process = stage.start(candidate, CONCURRENCY, Work::Drain)?;
    let server = stage.server.pid().context("no server")?;
    let total = WARM_UP + events;
    let mut answers = Answers::to(total);

    // The first result says that the driver is there.
    stage.jetstream.publish(event_subject(), event(0).into()).await?.await?;
    next(&mut results, &mut process, &mut answers).await?;
    let before_us = (cpu_us(process.id())?, cpu_us(server)?);

    let mut sent_us = vec![monotonic_us()];
    let mut receipts = Vec::new();
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while sent_us.len() < total {
        tokio::select! {
            biased;
            answered = next(&mut results, &mut process, &mut answers) => answered?,
            _tick = ticks.tick() => {
                let event = event(sent_us.len());
                sent_us.push(monotonic_us());
                receipts.push(stage.jetstream.publish(event_subject(), event.into()).await?);
            }
        }
    }
    while answers.missing() > 0 {
        next(&mut results, &mut process, &mut answers).await?;
    }
    for receipt in receipts {
        receipt.await?;
    }
    stage.until(|backlog| backlog.waiting == 0 && backlog.in_flight == 0).await?;

    let mut figures = Figures::default();
    let each = (total - 1) as f64;
    figures.note("cpu_us_each", (cpu_us(process.id())? - before_us.0) / each);
    figures.note("server_cpu_us_each", (cpu_us(server)? - before_us.1) / each);
    figures.note("peak_rss_mb", resident_mb(process.id())?.1);
    let measured = || answers.times().skip(WARM_UP);
    figures.note_percentiles("start", measured().map(|(i, at)| at.start_us - sent_us[i]).collect());
    figures.note_percentiles("result", measured().map(|(i, at)| at.end_us - sent_us[i]).collect());
    Ok(figures)
}

async fn next(results: &mut Stream, process: &mut Process, answers: &mut Answers) -> Result<()> {
    let Ok(result) = timeout(AT_MOST, results.next()).await else {
        process.still_runs()?;
        return Err(anyhow!("{} results never came", answers.missing()));
    };
    let arrived_us = monotonic_us();
    let result = result.context("the results ended")??;
    answers.take(arrived_us, &result.payload)?;
    result.ack().await.map_err(|error| anyhow!(error))
}
