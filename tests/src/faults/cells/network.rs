//! A bad network between the victim and the server.

use std::time::Duration;

use super::super::actor::Work;
use super::super::proxy::{Cut, Weather};
use super::super::scene::{Phase, Scene};
use super::super::setup::{STALE_DELIVERY, Setup};
use super::{Cell, body, cell};

pub(super) fn cells() -> Vec<Cell> {
    let mut little = Setup {
        events: 8,
        work: Work { lines: 20, filling: 16_000, ms: 400, ..Work::default() },
        ..Setup::default()
    };
    little.options.log_buffer_bytes = 65_536;
    let stale = Setup::default().with_long_runs().beside(STALE_DELIVERY);
    vec![
        cell("network/cut", Setup::default(), body!(cut)),
        cell("network/reset", Setup::default(), body!(reset)),
        cell("network/half-open", stale.clone(), body!(half_open)),
        cell("network/half-open-long", stale.clone(), body!(half_open_long)),
        cell("network/slow-1kB-s", stale, body!(slow)),
        cell("network/delayed", Setup::default(), body!(delayed)),
        cell("network/accepts-and-hangs", Setup::default().with_long_runs(), body!(hangs)),
        cell("network/log-buffer-full", little, body!(log_buffer_full)),
    ]
}

async fn cut_often(scene: &mut Scene, how: Cut) {
    scene.flow(false);
    scene.reach(Phase::Run).await;
    for round in 0..3 {
        scene.proxy.cut(how);
        if round == 1 {
            scene.midst();
        }
        scene.last(0, 400).await;
    }
}

async fn cut(scene: &mut Scene) {
    cut_often(scene, Cut::Fin).await;
}

async fn reset(scene: &mut Scene) {
    cut_often(scene, Cut::Reset).await;
}

async fn bad_weather(scene: &mut Scene, weather: Weather, from_ms: u64, to_ms: u64) {
    scene.flow(false);
    scene.reach(Phase::Run).await;
    scene.proxy.set(weather);
    scene.midst();
    scene.last(from_ms, to_ms).await;
    scene.proxy.heal();
}

/// In one direction or both, for less or more than the lease.
async fn half_open(scene: &mut Scene) {
    let (up, down) = [(true, true), (true, false), (false, true)][scene.rng.usize(0..3)];
    bad_weather(scene, Weather::HalfOpen { up, down }, 2_500, 6_000).await;
}

/// Until the client gives the connection up by itself.
async fn half_open_long(scene: &mut Scene) {
    let (up, down) = [(true, true), (true, false), (false, true)][scene.rng.usize(0..3)];
    bad_weather(scene, Weather::HalfOpen { up, down }, 14_000, 18_000).await;
}

async fn slow(scene: &mut Scene) {
    bad_weather(scene, Weather::Slow(1_000), 3_000, 8_000).await;
}

async fn delayed(scene: &mut Scene) {
    let delay = Duration::from_millis(scene.rng.u64(20..=250));
    bad_weather(scene, Weather::Delay(delay), 2_000, 4_000).await;
}

async fn hangs(scene: &mut Scene) {
    scene.flow(false);
    scene.reach(Phase::Run).await;
    scene.proxy.set(Weather::Hang);
    scene.proxy.cut(Cut::Reset);
    scene.midst();
    scene.last(500, 7_000).await;
    scene.proxy.heal();
}

/// Lines come faster than they can go: the writer waits and none is dropped.
async fn log_buffer_full(scene: &mut Scene) {
    scene.flow(false);
    scene.reach(Phase::Run).await;
    scene.proxy.set(Weather::Refuse);
    scene.proxy.cut(Cut::Fin);
    scene.midst();
    scene.last(300, 4_000).await;
    scene.proxy.heal();
}
