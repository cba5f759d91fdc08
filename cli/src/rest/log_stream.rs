//! `/logs/streams` and `/logs/pipeline`: the lines of a run, those to come included.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use conveyor_driver::RunId;
use conveyor_driver::message::LogEntry;
use futures_util::stream::{self, Stream, StreamExt};

use super::Shared;
use super::segments::Segments;

const HEARTBEAT: Duration = Duration::from_secs(15);

pub(super) async fn of_driver(
    shared: State<Shared>,
    Segments([driver, run]): Segments<2>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    lines(shared, run.into(), Some(driver))
}

pub(super) async fn of_run(
    shared: State<Shared>,
    Segments([run]): Segments<1>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    lines(shared, run.into(), None)
}

fn lines(
    State(shared): State<Shared>,
    run: RunId,
    driver: Option<String>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let stop = shared.stop.clone();
    let control_plane = shared.control_plane;
    let lines = stream::unfold(0, move |seen| {
        let control_plane = control_plane.clone();
        async move {
            let lines = control_plane.lines_after(seen).await.ok()?;
            let seen = seen + lines.len();
            Some((stream::iter(lines), seen))
        }
    })
    .flatten()
    .filter(move |line| {
        let wanted =
            line.runid == run && driver.as_ref().is_none_or(|driver| *driver == line.driver);
        std::future::ready(wanted)
    })
    .map(|line: LogEntry| {
        let line = String::from_utf8_lossy(&line.encode()).into_owned();
        Ok(Event::default().data(line))
    })
    .take_until(stop.cancelled_owned());
    Sse::new(lines).keep_alive(KeepAlive::new().interval(HEARTBEAT).text("heartbeat"))
}
