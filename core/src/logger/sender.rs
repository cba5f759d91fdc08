//! Publishes queued lines in their order, with a window of receipts open.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::FutureExt;

use super::queue::LogQueue;
use super::queued_line::QueuedLine;
use crate::error::{Error, ErrorCode, Result};
use crate::patience::Patience;
use crate::stream::{Receipt, SharedStream, Stored};

/// One driver's sender.
#[derive(Debug)]
pub(crate) struct LogSender {
    stream: SharedStream,
    queue: Arc<LogQueue>,
    driver: Arc<str>,
    /// How many lines may be open.
    window: usize,
    open: VecDeque<(QueuedLine, Receipt)>,
    /// Taken from the queue and not open: a line that is cut is two, and the window has room for one.
    next: VecDeque<QueuedLine>,
    taken: Vec<QueuedLine>,
    receipts: Vec<Receipt>,
    patience: Patience,
}

impl LogSender {
    pub(crate) fn new(
        stream: SharedStream,
        queue: Arc<LogQueue>,
        driver: Arc<str>,
        window: u32,
    ) -> Self {
        Self {
            stream,
            queue,
            driver,
            window: window as usize,
            open: VecDeque::new(),
            next: VecDeque::new(),
            taken: Vec::new(),
            receipts: Vec::new(),
            patience: Patience::for_server(),
        }
    }

    /// Sends until the queue is closed and every line is stored, or the stream is closed. What is
    /// not stored then, the queue still counts.
    pub(crate) async fn run(mut self) {
        while let Ok(true) = self.step().await {}
        self.queue.end();
    }

    /// Sends what there is room for and waits for one thing to happen. False when all is done.
    async fn step(&mut self) -> Result<bool> {
        let room = self.window.saturating_sub(self.open.len() + self.next.len());
        self.queue.take(room, &mut self.taken);
        if !self.taken.is_empty() {
            let live = self.taken.iter().map(QueuedLine::live_copy).collect();
            // Nobody may be listening, and nothing is kept: a live copy is never worth a wait.
            let _sent = self.stream.send_all(live).await;
            self.next.extend(self.taken.drain(..));
        }
        self.publish().await?;
        let room = self.open.len() < self.window;
        let Some((_, oldest)) = self.open.front_mut() else {
            self.queue.filled().await;
            return Ok(!self.queue.is_empty() || !self.queue.is_closed());
        };
        let stored = tokio::select! {
            biased;
            stored = oldest => stored,
            () = self.queue.filled(), if room && !self.queue.is_closed() => return Ok(true),
        };
        self.answered(stored).await?;
        // Answers come in bursts; what they make room for goes together.
        while let Some(stored) = self.open.front_mut().and_then(|(_, next)| next.now_or_never()) {
            self.answered(stored).await?;
        }
        Ok(true)
    }

    /// The oldest open line has its receipt.
    async fn answered(&mut self, stored: Result<Stored>) -> Result<()> {
        match stored {
            Ok(_) => self.settle_oldest(),
            Err(error) if error.code() == ErrorCode::TooLarge => {
                let oldest = self.open.pop_front();
                let halves = oldest.and_then(|(line, _)| self.cut(line, &error));
                self.next.extend(halves.into_iter().flatten());
                self.publish().await?;
            }
            Err(error) => self.publish_again(error).await?,
        }
        Ok(())
    }

    /// Publishes what is next, as far as the window has room.
    async fn publish(&mut self) -> Result<()> {
        while !self.next.is_empty() && self.open.len() < self.window {
            let room = self.window - self.open.len();
            let letters = self.next.iter().take(room).map(QueuedLine::letter).collect();
            let published = self.stream.publish_all(letters, &mut self.receipts).await;
            let sent = self.next.drain(..self.receipts.len());
            self.open.extend(sent.zip(self.receipts.drain(..)));
            let Err(error) = published else { continue };
            if error.code() != ErrorCode::TooLarge {
                self.wait(error).await?;
            } else if let Some(line) = self.next.pop_front() {
                for half in self.cut(line, &error).into_iter().flatten().rev() {
                    self.next.push_front(half);
                }
            }
        }
        Ok(())
    }

    /// A line that is too large for the stream, as two.
    fn cut(&self, line: QueuedLine, error: &Error) -> Option<[QueuedLine; 2]> {
        self.queue.lower_ceiling(line.body.len());
        match line.cut() {
            Ok(halves) => Some(halves),
            Err(line) => {
                tracing::error!(driver = %self.driver, %error, "a log line is lost");
                self.queue.lose(&line);
                None
            }
        }
    }

    /// Publishes every open line again, in order and with the same ids: those that were stored
    /// already are refused as duplicates.
    async fn publish_again(&mut self, error: Error) -> Result<()> {
        self.wait(error).await?;
        for (line, _) in self.open.drain(..).rev() {
            self.next.push_front(line);
        }
        self.publish().await
    }

    async fn wait(&mut self, error: Error) -> Result<()> {
        if error.code() == ErrorCode::Closed {
            return Err(error);
        }
        if self.patience.speaks() {
            tracing::warn!(
                driver = %self.driver, waiting = self.queue.unsent(), %error,
                "log lines cannot be stored; they are kept and tried again"
            );
        }
        self.patience.wait().await;
        self.stream.ready().await;
        Ok(())
    }

    fn settle_oldest(&mut self) {
        if let Some((line, _)) = self.open.pop_front() {
            self.queue.settle(&line);
        }
        if self.patience.reset() {
            tracing::info!(driver = %self.driver, "log lines are stored again");
        }
    }
}
