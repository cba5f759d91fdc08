//! The peer: the same driver written straight on async-nats, with care for speed. `CONCURRENCY`
//! events in flight, pulls in batches, publish acks pipelined, one thread.
//!
//! It keeps the order that makes a result safe (log lines stored, then the result stored, then the
//! ack) and nothing else of what the runtime promises: no renewed leases, no retries, no dead
//! letters, no order among events of one resource, no drain.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use anyhow::{Result, anyhow};
use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::{self, Context, Message};
use async_nats::{Client, Subject};
use conveyor_driver_bench::{Contract, Work, line, monotonic_us};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Semaphore;

/// Log lines on their way without a publish ack.
const WINDOW: usize = 1_024;

#[derive(Deserialize)]
struct Event {
    payload: String,
    run_id: String,
}

#[derive(Serialize, Deserialize)]
struct Resource {
    id: String,
    name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pipeline: String,
    resource: String,
    metadata: BTreeMap<String, String>,
    spec: Value,
}

#[derive(Serialize)]
struct Answer<'a> {
    event: &'a str,
    run_id: &'a str,
    resource: &'a Resource,
    driverresult: Outcome<'a>,
}

#[derive(Serialize)]
struct Outcome<'a> {
    success: bool,
    message: &'a str,
    data: Start,
    driver: &'a str,
}

#[derive(Serialize)]
struct Start {
    t_start_us: i64,
}

#[derive(Serialize)]
struct LogEntry<'a> {
    runid: &'a str,
    driver: &'a str,
    pipeline: &'a str,
    timestamp: String,
    message: String,
}

struct Peer {
    contract: Contract,
    client: Client,
    jetstream: Context,
}

impl Peer {
    async fn answer(&self, message: Message) -> Result<()> {
        let start = Start { t_start_us: monotonic_us() };
        let event: Event = serde_json::from_slice(&message.payload)?;
        let resource: Resource = serde_json::from_str(&event.payload)?;
        match self.contract.work {
            Work::Drain => {}
            Work::Logs { lines, bytes } => {
                self.write_lines(&event.run_id, &resource, lines, bytes).await?;
            }
            Work::Sleep(time) => tokio::time::sleep(time).await,
        }
        let answer = serde_json::to_vec(&Answer {
            event: "driver.result",
            run_id: &event.run_id,
            resource: &resource,
            driverresult: Outcome {
                success: true,
                message: "ok",
                data: start,
                driver: &self.contract.driver,
            },
        })?;
        self.jetstream.publish("pipelines.driver.result", answer.into()).await?.await?;
        message.ack().await.map_err(|error| anyhow!(error))
    }

    async fn write_lines(
        &self,
        run_id: &str,
        resource: &Resource,
        lines: usize,
        bytes: usize,
    ) -> Result<()> {
        let stored = Subject::from(format!("logs.{run_id}"));
        let live = Subject::from(format!("live.logs.{run_id}.{}", self.contract.driver));
        let mut on_their_way = VecDeque::with_capacity(WINDOW);
        for i in 0..lines {
            let entry = serde_json::to_vec(&LogEntry {
                runid: run_id,
                driver: &self.contract.driver,
                pipeline: &resource.pipeline,
                timestamp: monotonic_us().to_string(),
                message: line(i, bytes),
            })?;
            let entry = bytes::Bytes::from(entry);
            on_their_way.push_back(self.jetstream.publish(stored.clone(), entry.clone()).await?);
            self.client.publish(live.clone(), entry).await?;
            if on_their_way.len() == WINDOW
                && let Some(oldest) = on_their_way.pop_front()
            {
                oldest.await?;
            }
        }
        for receipt in on_their_way {
            receipt.await?;
        }
        Ok(())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let contract = Contract::from_environment()?;
    let client = async_nats::connect(&contract.url).await?;
    let jetstream = jetstream::new(client.clone());
    let consumer: PullConsumer =
        jetstream.get_consumer_from_stream(&contract.driver, "messages").await?;
    let in_flight = contract.concurrency as usize;
    let free = Arc::new(Semaphore::new(in_flight));
    let mut events = consumer.stream().max_messages_per_batch(4 * in_flight).messages().await?;
    let peer = Arc::new(Peer { contract, client, jetstream });
    while let Some(event) = events.next().await {
        let (event, peer) = (event?, peer.clone());
        let permit = free.clone().acquire_owned().await?;
        tokio::spawn(async move {
            let answered = peer.answer(event).await;
            drop(permit);
            // What fails is not acknowledged, and so comes again.
            answered
        });
    }
    Ok(())
}
