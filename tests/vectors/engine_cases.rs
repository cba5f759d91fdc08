//! What the protocol says of the engine without a vector of its own.

use conveyor_driver::message::{DriverMessage, DriverResult, InitEvent, Resource, ResultEvent};
use conveyor_driver::subject;
use conveyor_driver_cli::control_plane::{Engine, Ignored, Pipeline, Reaction, go_json};

use super::shop;

fn result(pipeline: &str, driver: &str) -> Vec<u8> {
    let resource = Resource {
        name: shop::NAME.into(),
        resource: shop::TYPE.into(),
        pipeline: pipeline.into(),
        ..Resource::default()
    };
    let result = DriverResult::success("done");
    ResultEvent { run_id: "run".into(), resource, driver: driver.into(), result }.encode()
}

fn init(engine: &mut Engine, pipeline: &str) -> Reaction {
    let resource =
        Resource { resource: shop::TYPE.into(), pipeline: pipeline.into(), ..Resource::default() };
    let init = InitEvent { event: "create".into(), run_id: "run".into(), resource };
    engine.handle(subject::PIPELINE_INIT, go_json::to_string(&init).as_bytes(), "id")
}

#[test]
fn a_repeated_result_leads_to_the_next_step_again() {
    let mut engine = shop::engine(Some("ship"));
    for id in ["one", "two"] {
        let reaction = engine.handle(subject::DRIVER_RESULT, &result("ship", "fetch"), id);
        let message = DriverMessage::decode(&reaction.next.unwrap().payload).unwrap();
        assert_eq!(message.id, id);
    }
}

#[test]
fn each_result_is_saved_beside_the_others() {
    let mut engine = shop::engine(Some("ship"));
    for driver in ["fetch", "lint", "compile", "fetch"] {
        engine.handle(subject::DRIVER_RESULT, &result("ship", driver), "id");
    }
    let metadata = &engine.resource(shop::TYPE, shop::NAME).unwrap().metadata;
    let keys: Vec<_> = metadata.keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        ["driverresults.compile", "driverresults.fetch", "driverresults.lint", "version"]
    );
}

#[test]
fn a_deleted_resource_stops_its_pipeline() {
    let mut engine = shop::engine(Some("ship"));
    assert!(engine.delete(shop::TYPE, shop::NAME));
    let reaction = engine.handle(subject::DRIVER_RESULT, &result("ship", "fetch"), "id");
    assert_eq!(reaction.ignored, Some(Ignored::UnknownResource(shop::NAME.into())));
    assert_eq!(reaction.next, None);
}

#[test]
fn a_replaced_pipeline_changes_the_rest_of_the_run() {
    let mut engine = shop::engine(Some("ship"));
    engine.put_pipeline(Pipeline::new("ship", shop::TYPE, &["fetch", "scan"]));
    let reaction = engine.handle(subject::DRIVER_RESULT, &result("ship", "fetch"), "id");
    assert_eq!(reaction.next.unwrap().subject, "drivers.scan.resources.app-build");
}

#[test]
fn pipelines_that_lead_nowhere_are_left() {
    let mut engine = shop::engine(None);
    engine.put_pipeline(Pipeline::new("empty", shop::TYPE, &[]));
    engine.put_pipeline(Pipeline::new("spaced", shop::TYPE, &["a b"]));
    assert_eq!(init(&mut engine, "empty"), Ignored::NoSteps.into());
    let subject = "drivers.a b.resources.app-build".to_owned();
    assert_eq!(init(&mut engine, "spaced"), Ignored::Unpublishable(subject).into());
    // What an init starts need not be stored.
    assert!(init(&mut engine, "ship").next.is_some());
}
