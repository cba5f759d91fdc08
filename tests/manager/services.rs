//! A running driver answers the questions of NATS micro.

use std::time::Duration;

use conveyor_driver::message::{ServiceIdentity, ServiceInfo, ServiceStats};
use conveyor_driver::stream::{Message, request};
use conveyor_driver::{DriverResult, Failure};
use conveyor_driver_tests::{Stage, eventually, on_both_streams};
use serde::de::DeserializeOwned;

on_both_streams!(a_driver_tells_who_it_is, a_driver_tells_what_it_has_in_flight_and_what_it_did,);

async fn ask<T: DeserializeOwned>(stage: &Stage, verb: &str, rest: &str) -> T {
    let subject = format!("$SRV.{verb}.{}{rest}", stage.driver);
    // The driver takes events a moment before it can be asked.
    let answer = eventually("an answer", async || {
        let question = Message::new(subject.as_str(), "");
        request(&*stage.stream, question, Duration::from_secs(2)).await.ok()
    })
    .await;
    serde_json::from_slice(&answer.payload).unwrap()
}

async fn a_driver_tells_who_it_is(stage: Stage) {
    let driver = stage.driver().reconcile(async |_run| Ok(DriverResult::success("done")));
    let running = stage.start(driver).await;
    let identity: ServiceIdentity = ask(&stage, "PING", "").await;
    assert_eq!((identity.kind.as_str(), &identity.name), (ServiceIdentity::PING, &stage.driver));
    assert!(identity.is_driver());
    assert_eq!(identity.metadata["resources"], stage.resource);
    let alone: ServiceInfo = ask(&stage, "INFO", &format!(".{}", identity.id)).await;
    assert_eq!(alone.identity.id, identity.id);
    assert_eq!(alone.endpoints[0].subject, format!("control.{}.>", stage.driver));
    running.drain().await.unwrap();
}

async fn a_driver_tells_what_it_has_in_flight_and_what_it_did(stage: Stage) {
    let driver = stage.driver().reconcile(async |run| {
        if run.resource()?.name == "bad" {
            return Err(Failure::failed("bad"));
        }
        run.log("started").await;
        run.cancellation().cancelled().await;
        Ok(DriverResult::success("done"))
    });
    let running = stage.start(driver).await;
    stage.post("bad").await;
    stage.result().await;
    let run = stage.post("long").await;
    eventually("it runs", async || (!stage.log(&run).await.is_empty()).then_some(())).await;
    let stats: ServiceStats = ask(&stage, "STATS", "").await;
    let endpoint = &stats.endpoints[0];
    assert_eq!((endpoint.num_requests, endpoint.num_errors), (2, 1));
    let held = &endpoint.data.runs[0];
    assert_eq!((&held.run_id, held.name.as_str(), held.attempt), (&run, "long", 1));
    assert_eq!((endpoint.data.runs.len(), endpoint.data.omitted), (1, 0));
    assert_eq!(running.cancel(&run, "enough"), 1);
    stage.result().await;
    stage.all_settled().await;
    eventually("nothing is in flight", async || {
        let stats: ServiceStats = ask(&stage, "STATS", "").await;
        stats.endpoints[0].data.runs.is_empty().then_some(())
    })
    .await;
    running.drain().await.unwrap();
}
