//! What runs beside what.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use conveyor_driver::message::Resource;
use conveyor_driver::options::Serialization;
use conveyor_driver::{Driver, DriverResult, ErrorCode, Failure, subject};
use conveyor_driver_tests::{Stage, on_both_streams};
use serde_json::json;

on_both_streams!(
    events_of_one_resource_never_overlap_and_keep_their_order,
    an_event_that_waits_for_its_next_attempt_holds_up_nobody,
    different_resources_run_side_by_side,
    no_more_events_are_taken_than_may_run,
    without_serialization_events_of_one_resource_overlap,
    a_driver_that_cannot_start_does_not_stop_the_others,
    a_panicking_driver_does_not_stop_the_others,
);

#[derive(Default)]
struct Overlap {
    now: HashMap<String, u32>,
    most_of_one: u32,
    most_of_all: u32,
    order: Vec<String>,
}

/// Runs that last a little and note who was there with them.
fn watched(
    stage: &Stage,
    concurrency: u32,
    serialize: Serialization,
) -> (Driver, Arc<Mutex<Overlap>>) {
    let overlap = Arc::new(Mutex::new(Overlap::default()));
    let driver = stage
        .driver_with(|options| {
            options.concurrency = concurrency;
            options.serialize = serialize;
        })
        .reconcile({
            let overlap = overlap.clone();
            move |run| {
                let overlap = overlap.clone();
                async move {
                    let name = run.resource()?.name.clone();
                    {
                        let mut seen = overlap.lock().unwrap();
                        let of_one =
                            *seen.now.entry(name.clone()).and_modify(|n| *n += 1).or_insert(1);
                        let of_all = seen.now.values().sum();
                        seen.most_of_one = seen.most_of_one.max(of_one);
                        seen.most_of_all = seen.most_of_all.max(of_all);
                        seen.order.push(run.id().to_string());
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    *overlap.lock().unwrap().now.get_mut(&name).unwrap() -= 1;
                    Ok(DriverResult::success("done"))
                }
            }
        });
    (driver, overlap)
}

async fn events_of_one_resource_never_overlap_and_keep_their_order(stage: Stage) {
    let (driver, overlap) = watched(&stage, 8, Serialization::Resource);
    let _running = stage.start(driver).await;
    let mut posted = Vec::new();
    for _ in 0..10 {
        posted.push(stage.post("the-same").await.to_string());
    }
    for _ in 0..10 {
        stage.result().await;
    }
    let overlap = overlap.lock().unwrap();
    assert_eq!(overlap.most_of_one, 1);
    assert_eq!(overlap.order, posted);
}

async fn an_event_that_waits_for_its_next_attempt_holds_up_nobody(stage: Stage) {
    let driver = stage.driver().reconcile(async |run| {
        if run.resource()?.spec["again"] == true && run.attempt() == 1 {
            return Err(Failure::retry("not yet").after(Duration::from_millis(1_500)));
        }
        Ok(DriverResult::success("done"))
    });
    let _running = stage.start(driver).await;
    let subject = subject::resource(&stage.resource);
    let mut posted = Vec::new();
    for again in [true, false] {
        let resource = Resource { spec: json!({"again": again}), ..stage.resource("the-same") };
        posted.push(stage.post_event("create", &resource, subject.clone()).await.to_string());
    }
    let answered = [stage.result().await.run_id, stage.result().await.run_id];
    posted.reverse();
    assert_eq!(answered.map(|run| run.to_string()).to_vec(), posted);
}

async fn different_resources_run_side_by_side(stage: Stage) {
    let (driver, overlap) = watched(&stage, 4, Serialization::Resource);
    let _running = stage.start(driver).await;
    for n in 0..12 {
        stage.post(&format!("app-{n}")).await;
    }
    for _ in 0..12 {
        stage.result().await;
    }
    let overlap = overlap.lock().unwrap();
    assert_eq!((overlap.most_of_one, overlap.most_of_all), (1, 4));
}

async fn no_more_events_are_taken_than_may_run(stage: Stage) {
    let most = Arc::new(AtomicU32::new(0));
    let driver = stage.driver().concurrency(3).reconcile({
        let (stream, name) = (stage.stream.clone(), stage.driver.clone());
        let most = most.clone();
        move |_| {
            let (stream, name, most) = (stream.clone(), name.clone(), most.clone());
            async move {
                let info = stream.consumer("messages", &name).await?;
                let taken = info.map_or(0, |info| info.ack_pending);
                most.fetch_max(u32::try_from(taken).unwrap(), Ordering::AcqRel);
                Ok(DriverResult::success("done"))
            }
        }
    });
    let _running = stage.start(driver).await;
    for n in 0..40 {
        stage.post(&format!("app-{n}")).await;
    }
    for _ in 0..40 {
        stage.result().await;
    }
    let most = most.load(Ordering::Acquire);
    // The ack of the run before may still be on its way.
    assert!((1..=6).contains(&most), "{most} taken at once");
}

async fn without_serialization_events_of_one_resource_overlap(stage: Stage) {
    let (driver, overlap) = watched(&stage, 4, Serialization::None);
    let _running = stage.start(driver).await;
    for _ in 0..8 {
        stage.post("the-same").await;
    }
    for _ in 0..8 {
        stage.result().await;
    }
    assert_eq!(overlap.lock().unwrap().most_of_one, 4);
}

async fn a_driver_that_cannot_start_does_not_stop_the_others(stage: Stage) {
    let blocked = Stage::on(stage.stream.clone(), stage.memory.clone()).await;
    let wide = blocked
        .driver_with(|options| options.resources.push("further".into()))
        .reconcile(async |_| Ok(DriverResult::success("done")));
    blocked.start(wide).await.drain().await.unwrap();
    let narrow = blocked.driver().reconcile(async |_| Ok(DriverResult::success("never")));
    let driver = stage.driver().reconcile(async |_| Ok(DriverResult::success("done")));
    let running = stage.manager().driver(narrow).driver(driver).start().await.unwrap();
    stage.post("app").await;
    assert!(stage.result().await.result.success);
    let report = running.drain().await.unwrap();
    let failed = report.drivers.iter().find(|d| d.driver == blocked.driver).unwrap();
    assert_eq!(failed.error.as_ref().unwrap().code(), ErrorCode::Conflict);
}

async fn a_panicking_driver_does_not_stop_the_others(stage: Stage) {
    let shaky = Stage::on(stage.stream.clone(), stage.memory.clone()).await;
    let panics = shaky.driver().reconcile(async |_| panic!("always"));
    let driver = stage.driver().reconcile(async |_| Ok(DriverResult::success("done")));
    let _running = stage.manager().driver(panics).driver(driver).start().await.unwrap();
    shaky.post("app").await;
    assert!(!shaky.result().await.result.success);
    stage.post("app").await;
    assert!(stage.result().await.result.success);
    shaky.post("app").await;
    assert!(!shaky.result().await.result.success);
}
