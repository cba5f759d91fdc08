//! `dead-letters replay`.

use std::io::Write;

use bytes::Bytes;
use clap::Args;
use conveyor_driver::stream::{EventStream, Message};
use conveyor_driver::subject::{self, MESSAGES_STREAM, ORIGINAL_HEADER_PREFIX};

use super::Chosen;
use super::letter::Letter;
use super::shelf::Shelf;
use crate::exit_code;
use crate::fault::Fault;

/// Send dead letters to their driver again, as they were, and remove them.
///
/// Each goes to its driver alone, also when it was a broadcast: the others have answered it.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    chosen: Chosen,

    /// Keep the letters.
    #[arg(long)]
    keep: bool,
}

impl Arguments {
    pub(super) async fn run(self) -> Result<u8, Fault> {
        let shelf = Shelf(self.chosen.connection.clone().connect().await?);
        let numbers = self.chosen.numbers(&shelf).await?;
        let mut done: Vec<u64> = Vec::new();
        for number in numbers {
            if done.contains(&number) {
                continue;
            }
            let parts = parts(&shelf, shelf.letter(number).await?).await?;
            let subject = replay(&*shelf.0, &parts).await?;
            for part in &parts {
                done.push(part.number);
                if !self.keep {
                    shelf.remove(part.number).await?;
                }
            }
            writeln!(anstream::stdout(), "sent {number} to {subject}")?;
        }
        shelf.0.close().await;
        Ok(exit_code::SUCCESS)
    }
}

/// The letter, or both its parts.
async fn parts(shelf: &Shelf, letter: Letter) -> Result<Vec<Letter>, Fault> {
    if letter.part().is_empty() {
        return Ok(vec![letter]);
    }
    let mut next = 0;
    while let Some(other) = shelf.from(next, Some(&letter.driver)).await? {
        if other.origin() == letter.origin() && other.part() != letter.part() {
            let mut parts = vec![letter, other];
            parts.sort_by(|one, other| one.part().cmp(other.part()));
            return Ok(parts);
        }
        next = other.number + 1;
    }
    Err(Fault::new(exit_code::NOT_FOUND, "the other part of the dead letter is not there")
        .with("number", letter.number)
        .with("part", letter.part()))
}

/// Publishes the message and says where to.
async fn replay(stream: &dyn EventStream, parts: &[Letter]) -> Result<String, Fault> {
    let [first, ..] = parts else { return Err(Fault::usage("there is no letter")) };
    let refuse = |why: &str| {
        Fault::new(exit_code::FAILED, why)
            .with("number", first.number)
            .with("driver", &first.driver)
            .with("subject", first.subject())
    };
    let resource = resource_type(&first.driver, first.subject())
        .ok_or_else(|| refuse("the dead letter does not say which resource it was for"))?;
    let subject = subject::driver(&first.driver, resource);
    // Anyone else who takes it would keep the server from refusing it, and not run it.
    let consumer = stream.consumer(MESSAGES_STREAM, &first.driver).await?;
    if !consumer.is_some_and(|consumer| consumer.config.takes(&subject)) {
        return Err(refuse("the driver does not listen: the message would be dropped")
            .hint("start the driver once, so that it has its consumer"));
    }
    let payload: Vec<u8> = parts.iter().flat_map(|part| part.payload.iter().copied()).collect();
    let mut message = Message::new(subject.clone(), Bytes::from(payload));
    for (name, value) in parts.iter().flat_map(|part| &part.headers) {
        if let Some(name) = own_header(name)
            && !message.headers.iter().any(|(there, had)| there == name && had == value)
        {
            message = message.with_header(name.to_owned(), value);
        }
    }
    let expected = message.with_header("Nats-Expected-Stream", MESSAGES_STREAM);
    stream.publish(expected).await?.await?;
    Ok(subject)
}

/// The type of the resource, from either of the subjects that a driver listens to.
fn resource_type<'a>(driver: &str, subject: &'a str) -> Option<&'a str> {
    let addressed = subject::driver(driver, "");
    subject.strip_prefix(&addressed).or_else(|| subject.strip_prefix(&subject::resource("")))
}

/// A header that the sender of the message gave it. Orders to the server are not repeated, the message id
/// above all: under the old one it would not be stored.
fn own_header(name: &str) -> Option<&str> {
    let name = name.strip_prefix(ORIGINAL_HEADER_PREFIX).unwrap_or(name);
    (!name.is_empty() && !name.starts_with("Nats-") && !name.starts_with("Conveyor-"))
        .then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_follows_the_driver_s_own_name() {
        for driver in ["git", "resources", "drivers"] {
            for form in [subject::driver(driver, "app"), subject::resource("app")] {
                assert_eq!(resource_type(driver, &form), Some("app"), "{form}");
            }
        }
        assert_eq!(resource_type("git", "drivers.other.resources.app"), None);
        assert_eq!(resource_type("git", "events.app"), None);
    }

    #[test]
    fn only_the_sender_s_own_headers_are_sent_again() {
        assert_eq!(own_header("traceparent"), Some("traceparent"));
        for name in ["Nats-Msg-Id", "Conveyor-Original-Nats-Msg-Id", "Conveyor-Reason"] {
            assert_eq!(own_header(name), None, "{name}");
        }
    }
}
