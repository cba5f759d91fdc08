//! What others do to the driver's consumer.

use conveyor_driver::subject::MESSAGES_STREAM;
use serde_json::json;

use super::super::scene::{Phase, Scene};
use super::super::setup::{DRIVER, RESOURCE, Setup};
use super::{Cell, body, cell};

pub(super) fn cells() -> Vec<Cell> {
    let kept = Setup { keeper: true, ..Setup::default() };
    let mut again = Setup { instances: 1, ..kept.clone() };
    again.bounds.once = true;
    // Without this a driver that starts does not touch what another runtime made.
    let mut adopting = Setup::default();
    adopting.options.adopt = true;
    vec![
        cell("consumer/deleted-idle", Setup::default(), body!(deleted_idle)),
        cell("consumer/deleted-in-run", kept, body!(deleted_in_run)),
        cell("consumer/delivers-all-again", again, body!(deleted_idle)),
        cell("consumer/paused", Setup::default(), body!(paused)),
        cell("consumer/changed-by-another-runtime", adopting, body!(changed)),
    ]
}

async fn delete(scene: &mut Scene) {
    let subject = format!("CONSUMER.DELETE.{MESSAGES_STREAM}.{DRIVER}");
    scene.admin.insist(&subject, &json!({})).await;
}

/// Without another consumer the messages go with it, so none is there to lose; with one, the new
/// consumer delivers all of them again.
async fn deleted_idle(scene: &mut Scene) {
    scene.flow(true);
    scene.settled().await;
    delete(scene).await;
    scene.midst();
    scene
        .until("the consumer is made again", async |scene| scene.admin.consumer(DRIVER).await)
        .await;
    scene.settled().await;
    scene.flow(true);
}

async fn deleted_in_run(scene: &mut Scene) {
    scene.flow(false);
    scene.reach(Phase::Run).await;
    delete(scene).await;
    scene.midst();
}

async fn paused(scene: &mut Scene) {
    scene.flow(false);
    scene.reach(Phase::Run).await;
    let subject = format!("CONSUMER.PAUSE.{MESSAGES_STREAM}.{DRIVER}");
    scene.admin.insist(&subject, &json!({"pause_until": "2200-01-01T00:00:00Z"})).await;
    scene.midst();
    scene.last(500, 3_500).await;
    scene.admin.insist(&subject, &json!({})).await;
}

/// As the runtime for Go creates its consumer, over ours.
async fn changed(scene: &mut Scene) {
    scene.flow(true);
    scene.reach(Phase::Run).await;
    let config = json!({
        "stream_name": MESSAGES_STREAM,
        "config": {
            "name": DRIVER, "ack_policy": "explicit", "deliver_policy": "all", "max_ack_pending": 1,
            "filter_subjects": [
                format!("resources.{RESOURCE}"), format!("drivers.{DRIVER}.resources.{RESOURCE}"),
            ],
        },
    });
    scene.admin.insist(&format!("CONSUMER.CREATE.{MESSAGES_STREAM}.{DRIVER}"), &config).await;
    scene.midst();
    scene.flow(true);
    scene
        .until("the consumer is mended", async |scene| {
            let config = &scene.admin.consumer(DRIVER).await?["config"];
            let mended = config["max_ack_pending"].as_u64()? > 1
                && config["durable_name"] == DRIVER
                && config["inactive_threshold"].as_u64()? > 3_600_000_000_000
                && config["ack_wait"].as_u64() == Some(scene.setup.options.ack_wait_ms * 1_000_000);
            mended.then_some(())
        })
        .await;
}
