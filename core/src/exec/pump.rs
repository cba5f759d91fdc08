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

/// How many bytes a drain may read.
const DRAIN_BYTES: usize = 4 * 1024 * 1024;

/// The most that a pipe can be made to hold. Once so much was read, nothing is left of what was written before
/// the drain.
const PIPE_HOLDS: usize = 1024 * 1024;

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
    /// within limits on bytes and on time. What was written before the drain is read however long the sink
    /// takes, so until then only the waits for output count.
    ///
    /// # Errors
    /// The pipe's; the output counts as ended.
    pub(super) async fn read(&mut self, drain: &CancellationToken) -> io::Result<()> {
        let (mut time, mut bytes) = (DRAIN_TIME, DRAIN_BYTES);
        let mut drained_since = None;
        while let Some(pipe) = &mut self.pipe {
            let draining = drain.is_cancelled();
            let start = Instant::now();
            let drained = draining.then(|| *drained_since.get_or_insert(start));
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
                    let late = drained.is_some_and(|since| since.elapsed() >= DRAIN_TIME);
                    let only_new = DRAIN_BYTES - bytes >= PIPE_HOLDS;
                    if time.is_zero() || bytes == 0 || (late && only_new) {
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
    use futures_util::FutureExt;
    use futures_util::future::BoxFuture;
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

    /// Takes its time for each line.
    struct Slow(Duration);

    impl LineSink for Slow {
        fn line(&self, _: OutputStream, _: String) -> BoxFuture<'_, ()> {
            sleep(self.0).boxed()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_drain_into_a_slow_sink_ends_once_what_was_there_before_is_read() {
        let drain = CancellationToken::new();
        drain.cancel();
        for (pause, bytes_read) in [(Duration::from_secs(2), PIPE_HOLDS), (QUIET / 8, DRAIN_BYTES)]
        {
            let sink = Slow(pause);
            let mut pump = Pump::new(Some(tokio::io::repeat(b'x')), OutputStream::Stdout, &sink);
            let start = Instant::now();
            pump.read(&drain).await.unwrap();
            let lines = u32::try_from(bytes_read / LINE_LIMIT).unwrap();
            let least = pause * (lines - 1);
            assert!((least..=least + 2 * pause).contains(&start.elapsed()), "{pause:?}");
        }
    }
}
