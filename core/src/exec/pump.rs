//! One output of a command, from its pipe to the log.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::lines::{LINE_LIMIT, LineSplitter};
use super::{LineSink, OutputStream};

/// Silence after which an output counts as drained.
const QUIET: Duration = Duration::from_millis(500);

/// How long a drain may wait for output, all its waits taken together.
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// How many bytes a drain may read: more than a pipe holds, so that all that was written before it
/// is read.
const DRAIN_BYTES: usize = 4 * 1024 * 1024;

/// Reads one output and hands its lines to the sink. Holds at most a line and a chunk.
pub(super) struct Pump<'a, R> {
    pipe: Option<R>,
    source: OutputStream,
    lines: LineSplitter,
    sink: &'a dyn LineSink,
}

impl<'a, R: AsyncRead + Unpin> Pump<'a, R> {
    /// Without a pipe it has nothing to do.
    pub(super) fn new(pipe: Option<R>, source: OutputStream, sink: &'a dyn LineSink) -> Self {
        Self { pipe, source, lines: LineSplitter::new(LINE_LIMIT), sink }
    }

    /// Reads to the end of the output. Once `drain` fires, to the point where nothing more comes,
    /// within limits on the time spent waiting for output (not for the sink) and on bytes.
    ///
    /// # Errors
    /// The pipe's; the output counts as ended.
    pub(super) async fn read(&mut self, drain: &CancellationToken) -> io::Result<()> {
        let (mut time, mut bytes) = (DRAIN_TIME, DRAIN_BYTES);
        while let Some(pipe) = &mut self.pipe {
            let draining = drain.is_cancelled();
            let start = Instant::now();
            let count = tokio::select! {
                biased;
                count = pipe.read_buf(self.lines.room()) => count,
                () = drain.cancelled(), if !draining => continue,
                () = sleep(QUIET.min(time)), if draining => return Ok(()),
            };
            match count {
                Ok(0) => self.close().await,
                Ok(count) => {
                    if draining {
                        time = time.saturating_sub(start.elapsed());
                        bytes = bytes.saturating_sub(count);
                    }
                    while let Some(line) = self.lines.next_line() {
                        self.sink.line(self.source, line).await;
                    }
                    if time.is_zero() || bytes == 0 {
                        return Ok(());
                    }
                }
                Err(error) => {
                    self.close().await;
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Closes the pipe and hands over what is left of a line.
    pub(super) async fn close(&mut self) {
        self.pipe = None;
        while let Some(line) = self.lines.rest() {
            self.sink.line(self.source, line).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Recorder;
    use super::*;
    use tokio::io::AsyncWriteExt;

    #[tokio::test(start_paused = true)]
    async fn a_drain_ends_when_nothing_comes() {
        let (mut writer, reader) = tokio::io::duplex(1024);
        let sink = Recorder::default();
        let mut pump = Pump::new(Some(reader), OutputStream::Stdout, &sink);
        writer.write_all(b"one\ntwo").await.unwrap();
        let drain = CancellationToken::new();
        drain.cancel();
        let start = Instant::now();
        pump.read(&drain).await.unwrap();
        assert_eq!(start.elapsed(), QUIET);
        assert_eq!(sink.stdout(), ["one"]);
        writer.write_all(b" three\n").await.unwrap();
        pump.read(&drain).await.unwrap();
        assert_eq!(sink.stdout(), ["one", "two three"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_drain_ends_though_a_little_keeps_coming() {
        let (mut writer, reader) = tokio::io::duplex(1024);
        let sink = Recorder::default();
        let mut pump = Pump::new(Some(reader), OutputStream::Stdout, &sink);
        let drain = CancellationToken::new();
        drain.cancel();
        let chatter = async {
            loop {
                writer.write_all(b"tick\n").await.unwrap();
                sleep(QUIET / 2).await;
            }
        };
        let start = Instant::now();
        tokio::select! {
            read = pump.read(&drain) => read.unwrap(),
            () = chatter => unreachable!(),
        }
        assert!((DRAIN_TIME..DRAIN_TIME + QUIET).contains(&start.elapsed()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_drain_ends_though_a_lot_keeps_coming() {
        let sink = Recorder::default();
        let mut pump = Pump::new(Some(tokio::io::repeat(b'x')), OutputStream::Stderr, &sink);
        let drain = CancellationToken::new();
        drain.cancel();
        pump.read(&drain).await.unwrap();
        pump.close().await;
        let bytes: usize = sink.stderr().iter().map(String::len).sum();
        assert!((DRAIN_BYTES..DRAIN_BYTES + LINE_LIMIT).contains(&bytes), "{bytes}");
    }
}
