//! What the engine makes of an event.

use std::fmt;

use conveyor_driver::message::ResultEvent;
use conveyor_driver::stream::Message;

/// What an event came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reaction {
    /// The message to publish next.
    pub next: Option<Message>,
    /// The result that the event carried.
    pub result: Option<ResultEvent>,
    /// Why the event had no effect.
    pub ignored: Option<Ignored>,
}

/// Why an event had no effect. The server says so in its own log at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// It came on a subject that means nothing to the engine.
    Subject,
    /// It does not have its kind's form.
    Malformed(String),
    /// Its resource names no pipeline.
    NoPipeline,
    /// Its resource names a pipeline that does not exist.
    UnknownPipeline(String),
    /// Its resource is not stored.
    UnknownResource(String),
    /// Its pipeline has no steps.
    NoSteps,
    /// The next step's subject is none, such as one with a space.
    Unpublishable(String),
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Subject => f.write_str("the subject means nothing to the engine"),
            Self::Malformed(why) => f.write_str(why),
            Self::NoPipeline => f.write_str("the resource names no pipeline"),
            Self::UnknownPipeline(name) => write!(f, "there is no pipeline {name:?}"),
            Self::UnknownResource(name) => write!(f, "there is no resource {name:?}"),
            Self::NoSteps => f.write_str("the pipeline has no steps"),
            Self::Unpublishable(subject) => write!(f, "nothing can be published to {subject:?}"),
        }
    }
}

impl From<Ignored> for Reaction {
    fn from(reason: Ignored) -> Self {
        Self { ignored: Some(reason), ..Self::default() }
    }
}
