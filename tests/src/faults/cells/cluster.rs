//! Three servers that share every stream, and leaders that go.

use conveyor_driver::subject::{LOGS_STREAM, MESSAGES_STREAM, PIPELINES_STREAM};
use serde_json::json;

use super::super::scene::{Phase, Scene};
use super::super::setup::{DRIVER, Setup};
use super::{Cell, body, cell};

pub(super) fn cells() -> Vec<Cell> {
    let setup = Setup { cluster: true, ..Setup::default() };
    vec![
        cell("cluster/stream-leader-steps-down", setup.clone(), body!(stream_leader_steps_down)),
        cell(
            "cluster/consumer-leader-steps-down",
            setup.clone(),
            body!(consumer_leader_steps_down),
        ),
        cell("cluster/leader-stopped", setup.clone(), body!(leader_stopped)),
        cell("cluster/leader-killed", setup, body!(leader_killed)),
    ]
}

async fn stream_leader_steps_down(scene: &mut Scene) {
    scene.flow(false);
    scene.reach(Phase::Run).await;
    for stream in [MESSAGES_STREAM, PIPELINES_STREAM, LOGS_STREAM] {
        scene.admin.insist(&format!("STREAM.LEADER.STEPDOWN.{stream}"), &json!({})).await;
        scene.last(0, 300).await;
    }
    scene.midst();
}

async fn consumer_leader_steps_down(scene: &mut Scene) {
    scene.flow(false);
    scene.reach(Phase::Run).await;
    for _ in 0..2 {
        let subject = format!("CONSUMER.LEADER.STEPDOWN.{MESSAGES_STREAM}.{DRIVER}");
        scene.admin.insist(&subject, &json!({})).await;
        scene.last(0, 500).await;
    }
    scene.midst();
}

async fn leader_of(scene: &mut Scene) -> String {
    let stream = [MESSAGES_STREAM, PIPELINES_STREAM, LOGS_STREAM][scene.rng.usize(0..3)];
    let info = scene.admin.insist(&format!("STREAM.INFO.{stream}"), &json!({})).await;
    info["cluster"]["leader"].as_str().unwrap_or("n0").to_owned()
}

async fn leader_stopped(scene: &mut Scene) {
    scene.flow(false);
    scene.reach(Phase::Run).await;
    let leader = leader_of(scene).await;
    scene.servers.named(&leader).stop().await;
    scene.midst();
    scene.last(500, 3_000).await;
    scene.servers.named(&leader).restart().await.expect("the server comes back");
}

async fn leader_killed(scene: &mut Scene) {
    scene.flow(false);
    scene.reach(Phase::Run).await;
    let leader = leader_of(scene).await;
    scene.servers.named(&leader).kill();
    scene.midst();
    scene.last(500, 3_000).await;
    scene.servers.named(&leader).restart().await.expect("the server comes back");
}
