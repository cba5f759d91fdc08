//! Answers the questions of NATS micro: who is there, and what does it do.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::StreamExt;
use futures_util::stream::select_all;
use serde::Serialize;

use super::life::Life;
use crate::clock;
use crate::message::{EndpointStats, ServiceEndpoint, ServiceIdentity, ServiceInfo, ServiceStats};
use crate::options::DriverOptions;
use crate::stream::Message;
use crate::subject;

/// Answers until the stream is closed. An account that may not listen there is none the worse for it.
pub(super) async fn answer(life: Arc<Life>) {
    let service = Service::of(life);
    let mut questions = Vec::new();
    for subject in subject::service(&service.life.name, &service.id) {
        match service.life.stream.subscribe(&subject).await {
            Ok(messages) => questions.push(messages),
            Err(error) => {
                tracing::debug!(driver = %service.life.name, subject, %error, "cannot be asked there");
            }
        }
    }
    let mut questions = select_all(questions);
    while let Some(question) = questions.next().await {
        service.answer(&question).await;
    }
}

struct Service {
    life: Arc<Life>,
    id: String,
    started: String,
    metadata: BTreeMap<String, String>,
}

impl Service {
    fn of(life: Arc<Life>) -> Self {
        let metadata = metadata(life.driver.options());
        let id = uuid::Uuid::now_v7().simple().to_string();
        Self { life, id, started: clock::rfc3339(clock::unix_nanos()), metadata }
    }

    async fn answer(&self, question: &Message) {
        let Some(verb) = subject::service_verb(&question.subject) else { return };
        match verb {
            "PING" => self.send(question, &self.identity(ServiceIdentity::PING)).await,
            "INFO" => self.send(question, &self.info()).await,
            "STATS" => self.send(question, &self.stats()).await,
            _ => {}
        }
    }

    async fn send(&self, question: &Message, answer: &impl Serialize) {
        let (Some(reply), Ok(body)) = (&question.reply, serde_json::to_vec(answer)) else { return };
        if let Err(error) = self.life.stream.send(Message::new(reply.clone(), body)).await {
            tracing::debug!(driver = %self.life.name, %error, "a question cannot be answered");
        }
    }

    fn identity(&self, kind: &str) -> ServiceIdentity {
        ServiceIdentity {
            kind: kind.to_owned(),
            name: self.life.name.to_string(),
            id: self.id.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            metadata: self.metadata.clone(),
        }
    }

    fn info(&self) -> ServiceInfo {
        ServiceInfo {
            identity: self.identity(ServiceIdentity::INFO),
            description: "a Conveyor CI driver".to_owned(),
            endpoints: vec![self.endpoint()],
        }
    }

    fn stats(&self) -> ServiceStats {
        let life = &self.life;
        let runs = life.runs.load(Ordering::Relaxed);
        let nanos = life.leases.held_nanos();
        let stats = EndpointStats {
            endpoint: self.endpoint(),
            num_requests: runs,
            num_errors: life.failed.load(Ordering::Relaxed),
            last_error: String::new(),
            processing_time: nanos,
            average_processing_time: nanos.checked_div(runs).unwrap_or(0),
            data: life.leases.in_flight(),
        };
        ServiceStats {
            identity: self.identity(ServiceIdentity::STATS),
            started: self.started.clone(),
            endpoints: vec![stats],
        }
    }

    fn endpoint(&self) -> ServiceEndpoint {
        ServiceEndpoint {
            name: "runs".to_owned(),
            subject: subject::control(&self.life.name),
            queue_group: String::new(),
        }
    }
}

fn metadata(options: &DriverOptions) -> BTreeMap<String, String> {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    [
        ("runtime", ServiceIdentity::RUNTIME.to_owned()),
        ("resources", options.resources.join(",")),
        ("concurrency", options.concurrency.to_string()),
        ("host", host),
        ("pid", std::process::id().to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}
