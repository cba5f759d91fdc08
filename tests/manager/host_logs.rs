//! Log lines of hosts that cannot wait: each has its place at once, and what waits is bounded.

use conveyor_driver::host::{HandedRun, LogTicket, Outcome, RunQueue};
use conveyor_driver::message::LogEntry;
use conveyor_driver::subject::LOGS_STREAM;
use conveyor_driver::{DriverResult, ErrorCode, LogLine, RunningManager};
use conveyor_driver_tests::{Stage, eventually, on_both_streams};

on_both_streams!(lines_that_do_not_wait_keep_their_order_and_none_is_lost);

const BUFFER: usize = 65_536;

async fn start(stage: &Stage, queue: &RunQueue, concurrency: u32) -> RunningManager {
    let driver = stage.driver_with(|options| {
        options.log_buffer_bytes = BUFFER as u32;
        options.concurrency = concurrency;
    });
    stage.start(driver.queue(queue)).await
}

async fn next(queue: &RunQueue) -> HandedRun {
    eventually("a run is handed over", async || queue.take_one()).await
}

fn done() -> Outcome {
    Outcome::Ended(Ok(DriverResult::success("done")))
}

fn line(number: usize) -> LogLine {
    LogLine::from(format!("{number:05} {}", "x".repeat(1_000)))
}

/// Writes lines until no more are taken; says how many were, and their tickets.
fn fill(queue: &RunQueue, handed: &HandedRun) -> (usize, Vec<LogTicket>) {
    let mut tickets = Vec::new();
    for number in 0.. {
        match queue.log(handed.run(), [line(number)]) {
            Ok(ticket) => tickets.extend(ticket),
            Err(error) => {
                assert_eq!(error.code(), ErrorCode::LogFull);
                return (number, tickets);
            }
        }
    }
    unreachable!()
}

fn stored(stage: &Stage) -> Vec<String> {
    let messages = stage.memory.as_ref().unwrap().messages(LOGS_STREAM);
    messages.iter().map(|line| LogEntry::decode(&line.payload).unwrap().message).collect()
}

fn numbers<'a>(lines: impl IntoIterator<Item = &'a str>) -> Vec<usize> {
    lines.into_iter().map(|line| line[..5].parse().unwrap()).collect()
}

async fn lines_that_do_not_wait_keep_their_order_and_none_is_lost(stage: Stage) {
    const LINES: usize = 1_000;
    let queue = RunQueue::new();
    let running = start(&stage, &queue, 1).await;
    let run = stage.post("app").await;
    let handed = next(&queue).await;
    let (mut open, mut accepted): (Vec<LogTicket>, Vec<LogTicket>) = (Vec::new(), Vec::new());
    for batch in (0..LINES).step_by(10) {
        loop {
            match queue.log(handed.run(), (batch..batch + 10).map(line)) {
                Ok(ticket) => break open.extend(ticket),
                Err(error) => assert_eq!(error.code(), ErrorCode::LogFull),
            }
            queue.ready().await;
            accepted.extend(queue.take_accepted());
        }
    }
    assert!(!open.is_empty(), "the buffer never was full: this shows nothing");
    // The last lines still wait for room.
    handed.complete(done()).unwrap();
    stage.result().await;
    accepted.extend(queue.take_accepted());
    assert_eq!(accepted, open);
    let log = stage.log(&run).await;
    let lines = log.iter().map(|entry| entry.message.as_str());
    assert_eq!(numbers(lines), (0..LINES).collect::<Vec<_>>());
    running.drain().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_server_that_stores_nothing_is_bounded_and_then_stored() {
    let stage = Stage::on_memory().await;
    let memory = stage.memory.clone().unwrap();
    let queue = RunQueue::new();
    let running = start(&stage, &queue, 2).await;
    stage.post("a").await;
    stage.post("b").await;
    let (first, second) = (next(&queue).await, next(&queue).await);
    memory.cut();
    let (lines, tickets) = fill(&queue, &first);
    assert!(lines * 1_000 > BUFFER && lines * 1_000 < 2 * BUFFER + 2_000, "{lines} lines wait");
    // The bound is the driver's, not the run's.
    let refused = queue.log(second.run(), [line(0)]).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::LogFull);
    assert!(queue.take_accepted().is_empty());

    memory.restore();
    let mut accepted = Vec::new();
    while accepted.len() < tickets.len() {
        queue.ready().await;
        accepted.extend(queue.take_accepted());
    }
    assert_eq!(accepted, tickets);
    assert_eq!(queue.log(second.run(), [line(0)]).unwrap(), None);
    first.complete(done()).unwrap();
    stage.result().await;
    second.complete(done()).unwrap();
    stage.result().await;
    let stored = stored(&stage);
    let expected: Vec<_> = (0..lines).chain([0]).collect();
    assert_eq!(numbers(stored.iter().map(String::as_str)), expected);
    running.drain().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_run_has_no_more_open_tickets_than_it_may() {
    let stage = Stage::on_memory().await;
    let queue = RunQueue::new();
    let driver = stage.driver_with(|options| options.log_buffer_bytes = 4 * 1_048_576);
    let running = stage.start(driver.queue(&queue)).await;
    stage.post("app").await;
    let handed = next(&queue).await;
    stage.memory.as_ref().unwrap().fail_publishes("logs.>", usize::MAX);
    while queue.log(handed.run(), [LogLine::from("x".repeat(500_000))]).unwrap().is_none() {}
    let mut open = 1;
    let refused = loop {
        match queue.log(handed.run(), [LogLine::from("x")]) {
            Ok(ticket) => open += u32::from(ticket.is_some()),
            Err(error) => break error,
        }
    };
    assert_eq!((open, refused.code()), (LogTicket::MOST_OF_A_RUN, ErrorCode::LogFull));
    running.stop_handle().end_now();
}

#[tokio::test(start_paused = true)]
async fn no_ticket_outlives_its_driver() {
    let stage = Stage::on_memory().await;
    let queue = RunQueue::new();
    let running = start(&stage, &queue, 1).await;
    stage.post("app").await;
    let handed = next(&queue).await;
    stage.memory.as_ref().unwrap().fail_publishes("logs.>", usize::MAX);
    let (lines, tickets) = fill(&queue, &handed);
    running.stop_handle().end_now();
    let report = running.wait().await.unwrap();
    // And one of the runtime's own, that the run was cancelled.
    assert_eq!(report.drivers[0].log_lines_unsent, lines as u64 + 1);
    assert_eq!(queue.take_accepted(), tickets);
    // What is written later is lost, as the log says, and holds nobody up.
    assert_eq!(queue.log(handed.run(), [line(0)]).unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn lines_of_those_who_wait_and_of_those_who_do_not_keep_the_order_of_their_calls() {
    let stage = Stage::on_memory().await;
    let queue = RunQueue::new();
    let running = start(&stage, &queue, 1).await;
    stage.post("app").await;
    let handed = next(&queue).await;
    for number in (0..400).step_by(2) {
        handed.run().log(line(number)).await;
        while queue.log(handed.run(), [line(number + 1)]).is_err() {
            queue.ready().await;
            let _accepted = queue.take_accepted();
        }
    }
    handed.complete(done()).unwrap();
    stage.result().await;
    let stored = stored(&stage);
    assert_eq!(numbers(stored.iter().map(String::as_str)), (0..400).collect::<Vec<_>>());
    running.drain().await.unwrap();
}
