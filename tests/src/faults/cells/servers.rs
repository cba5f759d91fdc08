//! Servers that stop, die and stand still, in each phase.

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;

use super::super::scene::{Phase, Scene};
use super::super::setup::{SERVER_FORGETS, STALE_RENEWAL, Setup};
use super::{Body, Cell, body, cell};

#[derive(Clone, Copy)]
enum Blow {
    Stop,
    Kill,
    Pause,
}

pub(super) fn cells() -> Vec<Cell> {
    let faults: [(&str, Body); 12] = [
        ("stop/idle", |scene| strike(scene, Blow::Stop, Phase::Idle)),
        ("stop/run", |scene| strike(scene, Blow::Stop, Phase::Run)),
        ("stop/logs", |scene| strike(scene, Blow::Stop, Phase::Logs)),
        ("stop/results", |scene| strike(scene, Blow::Stop, Phase::Results)),
        ("kill/idle", |scene| strike(scene, Blow::Kill, Phase::Idle)),
        ("kill/run", |scene| strike(scene, Blow::Kill, Phase::Run)),
        ("kill/logs", |scene| strike(scene, Blow::Kill, Phase::Logs)),
        ("kill/results", |scene| strike(scene, Blow::Kill, Phase::Results)),
        ("pause/idle", |scene| strike(scene, Blow::Pause, Phase::Idle)),
        ("pause/run", |scene| strike(scene, Blow::Pause, Phase::Run)),
        ("pause/logs", |scene| strike(scene, Blow::Pause, Phase::Logs)),
        ("pause/results", |scene| strike(scene, Blow::Pause, Phase::Results)),
    ];
    let mut cells: Vec<_> = faults
        .into_iter()
        .map(|(name, body)| cell(&format!("server/{name}"), setup(name), body))
        .collect();
    let late = Setup { streams: false, ..Setup::default() };
    cells.push(cell("server/streams-made-later", late, body!(streams_made_later)));
    cells
}

fn setup(name: &str) -> Setup {
    let mut setup = Setup::default().with_long_runs();
    if !name.starts_with("pause/") {
        // Over a restart the server keeps ack waits by the whole second, so that they end up to one
        // second early: more than a tenth of a short one.
        setup.options.ack_wait_ms = 12_000;
    }
    match name.split('/').next() {
        Some("kill") => setup.beside(SERVER_FORGETS),
        Some("pause") => setup.beside(STALE_RENEWAL),
        _ => setup,
    }
}

fn strike(scene: &mut Scene, blow: Blow, phase: Phase) -> LocalBoxFuture<'_, ()> {
    async move {
        scene.flow(true);
        scene.reach(phase).await;
        match blow {
            Blow::Stop => scene.servers.one().stop().await,
            Blow::Kill => scene.servers.one().kill(),
            Blow::Pause => scene.servers.one().pause(),
        }
        // Events are posted as soon as there is a server again.
        scene.flow(true);
        scene.midst();
        scene.last(100, 3_000).await;
        if let Blow::Pause = blow {
            scene.servers.one().resume();
        } else {
            scene.servers.one().restart().await.expect("the server comes back");
        }
    }
    .boxed_local()
}

async fn streams_made_later(scene: &mut Scene) {
    scene.last(300, 2_000).await;
    scene.midst();
    scene.make_streams().await;
    scene.ready().await;
    scene.flow(false);
}
