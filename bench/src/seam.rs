//! The queue between the core and its host alone: no server, no events.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::mpsc;
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use conveyor_driver::DriverResult;
use conveyor_driver::host::{CoreEnd, Outcome, RunQueue};
use conveyor_driver::message::Resource;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::clock::process_cpu_us;
use crate::figures::Figures;

/// Hands so many runs over, of which so many are in flight, to a host of one thread that completes each
/// at once.
///
/// # Errors
/// When a run has no good result.
pub(crate) async fn measure(runs: usize, in_flight: usize) -> Result<Figures> {
    let (done, measured) = mpsc::channel();
    thread::spawn(move || {
        // Fails only when nobody waits any more.
        let _sent = done.send(run(runs, in_flight));
    });
    let waited = tokio::task::spawn_blocking(move || measured.recv()).await?;
    waited.map_err(|_| anyhow!("the seam broke"))?
}

fn run(runs: usize, in_flight: usize) -> Result<Figures> {
    let queue = RunQueue::new();
    let core = CoreEnd::new(&queue, &Resource::default());
    let host = thread::spawn({
        let queue = queue.clone();
        move || serve(&queue)
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let (started, cpu_before_us) = (Instant::now(), process_cpu_us());
    let good = runtime.block_on(hand_over(&core, runs, in_flight));
    let (elapsed, cpu_us) = (started.elapsed(), process_cpu_us() - cpu_before_us);
    queue.close();
    host.join().map_err(|_| anyhow!("the host panicked"))?;
    ensure!(good == runs, "{good} of {runs} runs have a good result");
    let mut figures = Figures::default();
    figures.note("per_s", runs as f64 / elapsed.as_secs_f64());
    figures.note("cpu_us_each", cpu_us as f64 / runs as f64);
    Ok(figures)
}

/// The core's part, as a driver's worker does it. Says how many runs came to a good result.
async fn hand_over(core: &CoreEnd, runs: usize, in_flight: usize) -> usize {
    let mut open: FuturesUnordered<_> =
        (0..in_flight.min(runs)).map(|_| core.hand_over()).collect();
    let (mut handed, mut good) = (open.len(), 0);
    poll_fn(|cx| {
        let finished = loop {
            match open.poll_next_unpin(cx) {
                Poll::Ready(Some(outcome)) => {
                    good += usize::from(
                        matches!(outcome, Outcome::Ended(Ok(result)) if result.success),
                    );
                    if handed < runs {
                        handed += 1;
                        open.push(core.hand_over());
                    }
                }
                Poll::Ready(None) => break Poll::Ready(()),
                Poll::Pending => break Poll::Pending,
            }
        };
        core.ring();
        finished
    })
    .await;
    good
}

fn serve(queue: &RunQueue) {
    const BATCH: usize = 256;
    const LONG: Duration = Duration::from_secs(3_600);
    let mut taken = VecDeque::new();
    while !queue.is_closed() {
        let _something = queue.wait(LONG);
        while queue.take_into(&mut taken, BATCH) > 0 {
            let done = || Outcome::Ended(Ok(DriverResult::success("done")));
            queue.complete_all(taken.drain(..).map(|handed| (handed.release(), done())));
        }
    }
}
