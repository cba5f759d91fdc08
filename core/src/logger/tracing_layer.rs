//! A `tracing` layer: what code inside a run says through `tracing` becomes lines of the run's log.

use std::cell::RefCell;

use tracing::span::{Attributes, Id};
use tracing::{Event, Span, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::fields::Fields;
use super::line::{Level, LogLine};
use super::run_log::RunLog;
use crate::run_id::RunId;

const SPAN: &str = "driver_run";

thread_local! {
    /// The log of the run whose span is being made on this thread.
    static OPENING: RefCell<Option<RunLog>> = const { RefCell::new(None) };
}

/// Sends every `tracing` event inside a run to the log of that run: its message as the line, its
/// fields as labels, its target as the label `target`. Events outside a run pass by.
///
/// Tasks that a reconcile spawns belong to the run when they are instrumented with its span
/// (`.in_current_span()`).
///
/// ```
/// use conveyor_driver::RunLogLayer;
/// use tracing_subscriber::layer::SubscriberExt;
///
/// let subscriber = tracing_subscriber::registry().with(RunLogLayer::new());
/// # drop(subscriber);
/// ```
#[derive(Debug, Default)]
pub struct RunLogLayer(());

impl RunLogLayer {
    /// Makes the layer.
    #[must_use]
    pub const fn new() -> Self {
        Self(())
    }
}

tokio::task_local! {
    /// The log of the run that this task is. Holds also when a filter turned the run's span off.
    static CURRENT: RunLog;
}

/// Runs a reconcile within its log.
pub(crate) fn in_log<F: Future>(log: RunLog, reconcile: F) -> impl Future<Output = F::Output> {
    CURRENT.scope(log, reconcile)
}

/// The span that a reconcile runs in.
pub(crate) fn run_span(log: &RunLog, driver: &str, run: &RunId) -> Span {
    OPENING.set(Some(log.clone()));
    let span = tracing::error_span!(SPAN, %driver, run_id = %run);
    OPENING.set(None);
    span
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for RunLogLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().name() != SPAN {
            return;
        }
        if let (Some(log), Some(span)) = (OPENING.take(), context.span(id)) {
            span.extensions_mut().insert(log);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let of_span = || {
            let mut scope = context.event_scope(event)?;
            scope.find_map(|span| span.extensions().get::<RunLog>().cloned())
        };
        let Some(log) = of_span().or_else(|| CURRENT.try_with(Clone::clone).ok()) else { return };
        let metadata = event.metadata();
        let mut fields = Fields::of(event);
        fields.labels.insert("target".to_owned(), metadata.target().into());
        log.write_blocking(LogLine {
            message: fields.message,
            level: Level::from(*metadata.level()),
            labels: fields.labels,
        });
    }
}
