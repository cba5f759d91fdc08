//! The end of a cell: everything is stopped, read and judged.

use std::collections::HashSet;

use conveyor_driver::message::{LogEntry, ResultEvent};
use conveyor_driver::subject::{
    DEAD_LETTERS_STREAM, LOGS_STREAM, ORIGIN_HEADER, PIPELINES_STREAM, REASON_HEADER,
};

use super::admin::Held;
use super::checker::{Verdict, check};
use super::history::{DeadLetter, Deed, History, StoredLine, StoredResult};
use super::scene::Scene;

impl Scene {
    /// Waits until all is settled, stops the drivers in order, and judges what happened. Where
    /// something is wrong, the history and the drivers' log are kept.
    pub async fn close(mut self, name: &str) -> Verdict {
        self.settled().await;
        self.tend();
        for driver in &mut self.drivers {
            if !driver.has_ended() {
                driver.tell();
            }
        }
        let begun: HashSet<u32> = self.begun();
        for driver in &mut self.drivers {
            if !driver.was_killed()
                && let Err(fault) = driver.ended(begun.contains(&driver.pid())).await
            {
                // Where messages kill drivers, one may die at the very end, too.
                if self.setup.respawn && driver.has_ended() {
                    driver.note_death();
                } else {
                    self.faults.push(fault);
                }
            }
        }
        let history = self.history().await;
        let mut verdict = check(&history, &self.setup.bounds);
        verdict.faults.append(&mut self.faults);
        if !verdict.faults.is_empty() {
            let text = serde_json::to_string_pretty(&history).unwrap_or_default();
            let _kept = std::fs::write(self.folder.path().join("history.json"), text);
            let server = self.servers.one().log();
            let _kept = std::fs::copy(server, self.folder.path().join("nats-server.log"));
            let folder = self.folder.keep();
            verdict.faults.push(format!("{name}: all of it is in {}", folder.display()));
        }
        verdict
    }

    /// The processes that have begun a run.
    fn begun(&self) -> HashSet<u32> {
        let records = self.records();
        let starts = records.iter().filter(|record| matches!(record.deed, Deed::Start { .. }));
        starts.map(|record| record.pid).collect()
    }

    async fn history(&mut self) -> History {
        let results = self.admin.read(PIPELINES_STREAM).await;
        let lines = self.admin.read(LOGS_STREAM).await;
        let dead = self.admin.read(DEAD_LETTERS_STREAM).await;
        let posts = self.posts.lock().unwrap().clone();
        History {
            posts,
            records: self.records(),
            results: results.iter().filter_map(result).collect(),
            lines: lines.iter().filter_map(line).collect(),
            dead: dead.iter().filter_map(dead_letter).collect(),
        }
    }
}

fn result(held: &Held) -> Option<StoredResult> {
    let event = ResultEvent::decode(&held.payload).ok()?;
    let (success, message) = (event.result.success, event.result.message);
    // Where the data was left out, the message says so behind the mark.
    let message = message.split(" [").next().unwrap_or_default().to_owned();
    Some(StoredResult { run: event.run_id.to_string(), success, message })
}

fn line(held: &Held) -> Option<StoredLine> {
    let entry = LogEntry::decode(&held.payload).ok()?;
    let (timestamp, message) = (entry.timestamp, entry.message);
    Some(StoredLine { run: entry.runid.to_string(), timestamp, message })
}

fn dead_letter(held: &Held) -> Option<DeadLetter> {
    let (_, origin) = held.header(ORIGIN_HEADER)?.split_once('/')?;
    let reason = held.header(REASON_HEADER).unwrap_or_default().to_owned();
    Some(DeadLetter { origin: origin.parse().ok()?, reason })
}
