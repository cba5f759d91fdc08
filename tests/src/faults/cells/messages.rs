//! Messages that are doubled, deadly, large or of another time.

use super::super::actor::Work;
use super::super::history::Expect;
use super::super::scene::{Phase, Scene};
use super::super::setup::Setup;
use super::{Cell, body, cell};
use crate::header_block::{STRAY_CARRIAGE_RETURN, UNREADABLE};

const MIB: usize = 1024 * 1024;

pub(super) fn cells() -> Vec<Cell> {
    let mut poison = Setup { respawn: true, events: 6, ..Setup::default() };
    // Alone in its process: what runs beside a deadly event dies with it, and is counted, too.
    poison.options.concurrency = 1;
    poison.options.max_attempts = 3;
    poison.options.max_deliveries = Some(3);
    poison.options.ack_wait_ms = 1_000;
    let mut large = Setup { events: 2, ..Setup::default() };
    // A debug build takes a second to write down such a result, on the thread that renews leases.
    large.options.ack_wait_ms = 10_000;
    // A driver ends with its client library, and is started again.
    let stray = Setup { respawn: true, events: 6, ..Setup::default() };
    let larger = Setup { server_config: "max_payload: 8MB".to_owned(), ..large.clone() };
    vec![
        cell("message/sent-twice", Setup::default(), body!(sent_twice)),
        cell("message/poison", poison, body!(deadly)),
        cell("message/1-MiB", large, body!(one_mib)),
        cell("message/8-MiB", larger, body!(eight_mib)),
        cell("message/broken-headers", Setup::default(), body!(broken_headers)),
        cell("message/stray-carriage-return", stray, body!(stray_carriage_return)),
        cell("message/clock-jumps", Setup::default(), body!(clock_jumps)),
    ]
}

/// The same bytes in two messages are two events.
async fn sent_twice(scene: &mut Scene) {
    scene.flow(true);
    for _ in 0..6 {
        let work = scene.setup.work.clone();
        scene.post(work, Expect::Run, 2).await;
    }
    scene.midst();
}

async fn deadly(scene: &mut Scene) {
    scene.flow(true);
    for _ in 0..2 {
        let work = Work { poison: true, ..scene.setup.work.clone() };
        scene.post(work, Expect::Poison, 1).await;
    }
    scene.midst();
    scene.flow(true);
}

async fn one_mib(scene: &mut Scene) {
    large(scene, MIB).await;
}

async fn eight_mib(scene: &mut Scene) {
    large(scene, 8 * MIB).await;
}

/// Messages that are as large as the server allows, lines and data that are larger than that.
async fn large(scene: &mut Scene, limit: usize) {
    scene.flow(true);
    let slack = scene.rng.usize(700..2_000);
    for filling in [10, limit + limit / 2] {
        let ballast = "y".repeat(limit - slack);
        let work =
            Work { lines: 3, ms: 30, filling, data: limit + limit / 4, ballast, ..Work::default() };
        scene.post(work, Expect::Run, 1).await;
    }
    // With its id it is just what the server takes.
    let header = "NATS/1.0\r\nNats-Msg-Id: 00000000-0000-0000-0000-000000000000\r\n\r\n".len();
    scene.post_unreadable(vec![b'z'; limit - header - 4]).await;
    scene.post_unreadable(b"{}".to_vec()).await;
    scene.midst();
    scene.flow(true);
}

/// Every instance loses its connection with each such message, until one has looked it up.
async fn broken_headers(scene: &mut Scene) {
    scene.flow(true);
    scene.reach(Phase::Run).await;
    for block in UNREADABLE {
        scene.post_with_headers(block).await;
        scene.last(0, 100).await;
    }
    scene.midst();
    scene.flow(true);
}

async fn stray_carriage_return(scene: &mut Scene) {
    scene.flow(true);
    scene.reach(Phase::Run).await;
    scene.post_with_headers(STRAY_CARRIAGE_RETURN).await;
    scene.midst();
    scene.flow(true);
}

async fn clock_jumps(scene: &mut Scene) {
    scene.flow(true);
    scene.reach(Phase::Run).await;
    for clock_jump_s in [-86_400, 3_600, -7_200, 5] {
        let work = Work { clock_jump_s, ..scene.setup.work.clone() };
        scene.post(work, Expect::Run, 1).await;
    }
    scene.midst();
    scene.flow(true);
}
