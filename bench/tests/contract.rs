//! Every candidate keeps the order that makes a result safe: log lines stored, then the result
//! published; the result stored, then the event acknowledged; one result for each event.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::Duration;

use conveyor_driver_bench::{Candidate, DRIVER, Stage, Work, number};
use futures_util::StreamExt;
use serde_json::Value;
use tokio::time::timeout;

const DEADLINE: Duration = Duration::from_secs(60);

/// All that crosses the server, event by event.
#[derive(Default)]
struct Tap {
    /// Publishes without the server's word, by the subject of that word: the event, and whether
    /// this is its result.
    on_their_way: HashMap<String, (usize, bool)>,
    stored_lines: HashMap<usize, usize>,
    results: HashMap<usize, usize>,
    stored_results: HashSet<usize>,
    acknowledged: HashSet<usize>,
}

impl Tap {
    fn see(&mut self, message: &async_nats::Message, lines: usize) {
        let subject = message.subject.as_str();
        if subject == "pipelines.driver.result" {
            let result: Value = serde_json::from_slice(&message.payload).unwrap();
            let event = number(result["run_id"].as_str().unwrap()).unwrap();
            let stored = self.stored_lines.get(&event).copied().unwrap_or(0);
            assert_eq!(stored, lines, "the result of {event} before its lines are stored");
            *self.results.entry(event).or_default() += 1;
            self.await_word(message, event, true);
        } else if let Some(run_id) = subject.strip_prefix("logs.") {
            self.await_word(message, number(run_id).unwrap(), false);
        } else if subject.starts_with("$JS.ACK.") && *message.payload != *b"+WPI" {
            assert!(message.payload.is_empty() || message.payload.starts_with(b"+ACK"));
            let tokens: Vec<_> = subject.split('.').collect();
            let driver = tokens.iter().position(|token| *token == DRIVER).unwrap();
            // Events are posted in their order to a new stream, whose numbers begin with 1.
            let event = tokens[driver + 2].parse::<usize>().unwrap() - 1;
            assert!(self.stored_results.contains(&event), "{event} is acknowledged too early");
            self.acknowledged.insert(event);
        } else if let Some((event, is_result)) = self.on_their_way.remove(subject) {
            let word: Value = serde_json::from_slice(&message.payload).unwrap();
            assert!(word["seq"].is_u64(), "refused: {word}");
            if is_result {
                self.stored_results.insert(event);
            } else {
                *self.stored_lines.entry(event).or_default() += 1;
            }
        }
    }

    fn await_word(&mut self, message: &async_nats::Message, event: usize, is_result: bool) {
        let reply = message.reply.as_ref().expect("it asks for the server's word");
        self.on_their_way.insert(reply.to_string(), (event, is_result));
    }
}

/// Watches every candidate answer so many events.
async fn keeps_the_order(events: usize, work: Work) {
    let lines = match work {
        Work::Logs { lines, .. } => lines,
        Work::Drain | Work::Sleep(_) => 0,
    };
    let folder = Path::new(env!("CARGO_BIN_EXE_bench_driver")).parent().unwrap();
    for candidate in Candidate::all(folder) {
        let stage = Stage::open(64).await.expect("these tests need a nats-server");
        stage.post(events).await.unwrap();
        let client = async_nats::connect(stage.server.url()).await.unwrap();
        let mut crossing = client.subscribe(">").await.unwrap();
        client.flush().await.unwrap();
        let _running = stage.start(&candidate, 64, work).unwrap();
        let mut tap = Tap::default();
        while tap.acknowledged.len() < events {
            let message = timeout(DEADLINE, crossing.next()).await;
            let message = message.unwrap_or_else(|_| {
                panic!("{}: {} of {events} answered", candidate.name, tap.acknowledged.len())
            });
            tap.see(&message.unwrap(), lines);
        }
        assert_eq!(tap.results.len(), events);
        assert!(tap.results.values().all(|results| *results == 1), "{:?}", tap.results);
    }
}

#[tokio::test]
async fn an_event_is_acknowledged_once_its_one_result_is_stored() {
    keeps_the_order(200, Work::Drain).await;
}

#[tokio::test]
async fn a_result_is_published_once_all_lines_of_its_run_are_stored() {
    keeps_the_order(3, Work::Logs { lines: 100, bytes: 120 }).await;
}
