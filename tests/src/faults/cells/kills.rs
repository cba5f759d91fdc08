//! Drivers that are killed, held and drained.

use std::time::Duration;

use super::super::actor::Work;
use super::super::scene::{Phase, Scene};
use super::super::setup::Setup;
use super::{Cell, body, cell};

/// The points of the core at which a process can be held.
const POINTS: [&str; 6] =
    ["after-pull", "in-run", "after-logs", "after-result-ack", "before-ack", "after-ack"];

pub(super) fn cells() -> Vec<Cell> {
    let mut setup = Setup::default();
    setup.bounds.after_kill = Some(setup.ack_wait() + Duration::from_secs(1));
    setup.bounds.after_drain = Some(Duration::from_secs(1));
    let at = |point: &'static str| {
        let setup = Setup { point: Some(point), ..setup.clone() };
        cell(&format!("kill/{point}"), setup, body!(kill_at_point))
    };
    let mut cells: Vec<_> = POINTS.into_iter().map(at).collect();
    cells.push(cell("kill/any-moment", setup.clone(), body!(kill_any_moment)));
    cells.push(cell("kill/frozen", Setup::default().with_long_runs(), body!(freeze)));
    let long = Setup {
        events: 8,
        // The peer is not to wait for another run of the same resource.
        resources: 1_000_000,
        shutdown_grace_ms: 200,
        work: Work { lines: 20, ms: 3_000, ..Work::default() },
        ..setup
    };
    let mut long = long;
    long.options.concurrency = 32;
    cells.push(cell("kill/drain", long, body!(drain)));
    let mut blocked = Setup {
        instances: 1,
        events: 6,
        resources: 64,
        shutdown_grace_ms: 20_000,
        work: Work { lines: 5, block_ms: 3_500, ..Work::default() },
        ..Setup::default()
    };
    blocked.bounds.once = true;
    cells.push(cell("kill/blocked-threads", blocked, body!(block)));
    cells
}

/// Held at its point, the victim is killed; or told to drain there, and let go on.
async fn kill_at_point(scene: &mut Scene) {
    scene.flow(false);
    if !scene.victim().at_point().await {
        scene.faults.push("the point was never reached".to_owned());
        return;
    }
    if scene.drain {
        scene.midst();
        scene.victim().go_on().await;
    } else {
        scene.victim().kill().await;
        if scene.rng.bool() {
            scene.replace();
        }
    }
}

async fn kill_any_moment(scene: &mut Scene) {
    scene.flow(false);
    scene.reach(Phase::Run).await;
    scene.midst();
    scene.last(0, 200).await;
    scene.victim().kill().await;
}

/// Longer than its lease.
async fn freeze(scene: &mut Scene) {
    scene.flow(false);
    scene.reach(Phase::Run).await;
    scene.victim().freeze();
    scene.midst();
    scene.last(1_600, 4_000).await;
    scene.victim().thaw();
}

/// Cut short by a drain, the runs begin again on the peer at once.
async fn drain(scene: &mut Scene) {
    scene.flow(false);
    scene.reach(Phase::Run).await;
    scene.victim().tell();
    let out = scene.victim().ended(true).await;
    scene.faults.extend(out.err());
}

/// All threads of the driver's runtime are blocked for longer than the lease.
async fn block(scene: &mut Scene) {
    scene.flow(false);
    scene.reach(Phase::Logs).await;
    scene.midst();
}
