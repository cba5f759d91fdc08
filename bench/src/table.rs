//! Which figures stand beside each other.

/// A table, of figures that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// From the start of the process to the first result.
    Start,
    /// Events that wait are worked off.
    Events,
    /// One run writes a long log.
    Logs,
    /// Events come one by one.
    Latency,
    /// Runs wait for something else.
    Sleep,
    /// The queue between the core and its host alone.
    Seam,
}

/// A figure's name, its heading and its decimals.
pub(crate) type Column = (&'static str, &'static str, usize);

impl Table {
    pub(crate) const ALL: [Self; 6] =
        [Self::Start, Self::Events, Self::Logs, Self::Latency, Self::Sleep, Self::Seam];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Start => "From the start of the process to its first stored result",
            Self::Events => "Waiting events of 1.1 KB",
            Self::Logs => "Log lines of 120 bytes in one run",
            Self::Latency => "Latency of events that come one by one",
            Self::Sleep => "Runs that sleep",
            Self::Seam => "Runs through the queue of a host, without events",
        }
    }

    /// Its columns. The first is compared with the peer's.
    pub(crate) fn columns(self) -> &'static [Column] {
        const CPU: Column = ("cpu_us_each", "driver CPU, µs each", 1);
        const SERVER: Column = ("server_cpu_us_each", "server CPU, µs each", 1);
        const PEAK: Column = ("peak_rss_mb", "peak RSS, MB", 1);
        match self {
            Self::Start => &[("spawned_to_stored_ms", "ms", 1), ("cpu_ms", "CPU, ms", 1), PEAK],
            Self::Events => &[
                ("per_s", "events/s", 0),
                CPU,
                SERVER,
                ("event_p50_us", "start to stored, p50 µs", 0),
                ("event_p99_us", "p99 µs", 0),
                PEAK,
            ],
            Self::Logs => &[("per_s", "lines/s", 0), CPU, SERVER, PEAK],
            Self::Latency => &[
                ("start_p50_us", "publish to reconcile, p50 µs", 0),
                ("start_p99_us", "p99 µs", 0),
                ("result_p50_us", "publish to result, p50 µs", 0),
                ("result_p99_us", "p99 µs", 0),
                CPU,
            ],
            Self::Seam => {
                &[("per_s", "runs/s", 0), ("cpu_us_each", "CPU of both ends, µs each", 2)]
            }
            Self::Sleep => &[("total_ms", "total ms", 0), ("rss_mb", "RSS, MB", 1), PEAK],
        }
    }
}
