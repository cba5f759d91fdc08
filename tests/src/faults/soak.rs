//! A long run under faults at random, and what the driver's memory and descriptors do meanwhile.

use std::fmt;
use std::fs;
use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::checker::Verdict;
use super::proxy::{Cut, Weather};
use super::scene::Scene;
use super::setup::{SERVER_FORGETS, Setup};

/// Events flow at about this rate.
const EVENTS_PER_SECOND: usize = 20;
const SAMPLE_EVERY: Duration = Duration::from_secs(1);

/// What a soak came to.
#[derive(Debug)]
pub struct Soak {
    /// Its seed.
    pub seed: u64,
    /// What its history shows.
    pub verdict: Verdict,
    /// How often each fault struck.
    pub faults: Vec<(&'static str, usize)>,
    samples: Vec<Sample>,
}

/// The driver that lives through all of it.
#[derive(Clone, Copy, Debug)]
struct Sample {
    seconds: f64,
    rss_kib: f64,
    descriptors: f64,
}

impl Sample {
    fn take(pid: u32, began: Instant) -> Option<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count();
        Some(Self {
            seconds: began.elapsed().as_secs_f64(),
            rss_kib: rss.trim().trim_end_matches(" kB").parse().ok()?,
            descriptors: descriptors as f64,
        })
    }
}

/// The slope of a line through the samples of the second half, by least squares, in units an hour.
fn slope(samples: &[Sample], of: fn(&Sample) -> f64) -> f64 {
    let half = &samples[samples.len() / 2..];
    let count = half.len() as f64;
    let mean = |of: &dyn Fn(&Sample) -> f64| half.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(&|sample| sample.seconds), mean(&of));
    let above: f64 = half.iter().map(|sample| (sample.seconds - x) * (of(sample) - y)).sum();
    let below: f64 = half.iter().map(|sample| (sample.seconds - x).powi(2)).sum();
    if below > 0.0 { above / below * 3_600.0 } else { 0.0 }
}

/// Mixes faults at random for so long.
pub async fn soak(minutes: f64, seed: u64, program: &Path, mut tell: impl FnMut(&str)) -> Soak {
    let mut setup =
        Setup { instances: 3, resources: 50, ..Setup::default() }.beside(SERVER_FORGETS);
    // Kills that come this often are not the event's fault.
    setup.options.max_attempts = 1_000;
    let mut scene = Scene::open(setup, seed, false, program).await;
    let began = Instant::now();
    let end = began + Duration::from_secs_f64(minutes * 60.0);
    let steady = scene.victim().pid();
    let (mut samples, mut faults) = (Vec::new(), Vec::new());
    while Instant::now() < end {
        scene.flow_of(EVENTS_PER_SECOND * 4, 2 * 1_000 / EVENTS_PER_SECOND as u64);
        let quiet = Instant::now() + Duration::from_millis(scene.rng.u64(1_000..6_000));
        while Instant::now() < quiet {
            samples.extend(Sample::take(steady, began));
            sleep(SAMPLE_EVERY).await;
        }
        let name = strike(&mut scene).await;
        match faults.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) => *count += 1,
            None => faults.push((name, 1)),
        }
        tell(&format!("{:6.0} s: {name}", began.elapsed().as_secs_f64()));
    }
    scene.settled().await;
    samples.extend(Sample::take(steady, began));
    let verdict = scene.close("soak").await;
    Soak { seed, verdict, faults, samples }
}

/// One fault, with its healing.
async fn strike(scene: &mut Scene) -> &'static str {
    let other = scene.rng.usize(1..3);
    match scene.rng.usize(0..12) {
        0 => {
            scene.proxy.cut(Cut::Fin);
            "connection cut"
        }
        1 => {
            scene.proxy.cut(Cut::Reset);
            "connection reset"
        }
        2 => weather(scene, Weather::HalfOpen { up: true, down: true }, "half-open").await,
        3 => weather(scene, Weather::HalfOpen { up: false, down: true }, "nothing received").await,
        4 => weather(scene, Weather::Slow(1_000), "1 kB/s").await,
        5 => {
            scene.proxy.cut(Cut::Reset);
            weather(scene, Weather::Hang, "accepted and hung").await
        }
        6 => {
            scene.servers.one().stop().await;
            scene.last(0, 2_000).await;
            scene.servers.one().restart().await.expect("the server comes back");
            "server stopped"
        }
        7 => {
            scene.servers.one().kill();
            scene.last(0, 2_000).await;
            scene.servers.one().restart().await.expect("the server comes back");
            "server killed"
        }
        8 => {
            scene.servers.one().pause();
            scene.last(0, 3_000).await;
            scene.servers.one().resume();
            "server paused"
        }
        9 => {
            scene.drivers[other].kill().await;
            scene.replace_at(other);
            "driver killed"
        }
        10 => {
            scene.drivers[other].freeze();
            scene.last(500, 4_000).await;
            scene.drivers[other].thaw();
            "driver frozen"
        }
        _ => {
            scene.drivers[other].tell();
            let out = scene.drivers[other].ended(true).await;
            scene.faults.extend(out.err());
            scene.replace_at(other);
            "driver drained"
        }
    }
}

async fn weather(scene: &mut Scene, weather: Weather, name: &'static str) -> &'static str {
    scene.proxy.set(weather);
    scene.last(300, 5_000).await;
    scene.proxy.heal();
    name
}

impl fmt::Display for Soak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = &self.verdict;
        writeln!(f, "| soak, seed {} | |\n| --- | ---: |", self.seed)?;
        writeln!(f, "| events | {} |\n| reconciles | {} |", verdict.events, verdict.runs)?;
        writeln!(f, "| lost events | {} |\n| lost lines | {} |", verdict.lost, verdict.lost_lines)?;
        writeln!(f, "| doubled results | {} |", verdict.doubled)?;
        writeln!(f, "| disordered lines | {} |", verdict.disordered)?;
        writeln!(f, "| overlaps | {} |", verdict.overlaps)?;
        writeln!(f, "| events in two processes at once | {} |", verdict.beside)?;
        writeln!(f, "| worst after kill | {:?} |", verdict.worst_after_kill.unwrap_or_default())?;
        writeln!(f, "| worst after drain | {:?} |", verdict.worst_after_drain.unwrap_or_default())?;
        writeln!(f, "| other faults | {} |", verdict.faults.len())?;
        if let (Some(first), Some(last)) = (self.samples.first(), self.samples.last()) {
            let most = self.samples.iter().map(|sample| sample.rss_kib).fold(0.0, f64::max);
            writeln!(
                f,
                "| resident memory, first, most, last | {:.1}, {:.1}, {:.1} MiB |",
                first.rss_kib / 1_024.0,
                most / 1_024.0,
                last.rss_kib / 1_024.0
            )?;
            let (first, last) = (first.descriptors, last.descriptors);
            writeln!(f, "| descriptors, first, last | {first}, {last} |")?;
            let rss = slope(&self.samples, |sample| sample.rss_kib) / 1_024.0;
            writeln!(f, "| slope of resident memory, second half | {rss:+.2} MiB an hour |")?;
            let descriptors = slope(&self.samples, |sample| sample.descriptors);
            writeln!(f, "| slope of descriptors, second half | {descriptors:+.2} an hour |")?;
        }
        for (name, count) in &self.faults {
            writeln!(f, "| {name} | {count} times |")?;
        }
        Ok(())
    }
}
