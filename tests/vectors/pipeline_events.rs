use conveyor_driver::message::{InitEvent, ResultEvent};
use conveyor_driver::subject;
use conveyor_driver_cli::control_plane::{Engine, Ignored, go_json};
use conveyor_driver_tests::vectors::{Vector, VectorFile};

use super::shop;

#[test]
fn every_pipeline_event_is_handled_as_the_vectors_say() {
    let vectors = VectorFile::load("pipeline_events.json");
    vectors.check(
        |v| v.get("engine_decodes").is_some(),
        |v| {
            let want = v.get("engine_decodes").unwrap();
            assert_eq!(InitEvent::decode(&v.bytes()).is_ok(), *want);
            assert_eq!(ResultEvent::decode(&v.bytes()).is_ok(), *want);
        },
    );
    vectors.check(
        |v| v.subject() == subject::PIPELINE_INIT,
        |v| {
            let reaction = shop::reacts(&mut shop::engine(Some("ship")), v);
            assert_eq!(reaction.ignored.is_none(), v.valid());
            assert_eq!(reaction.result, None);
        },
    );
    vectors.check(
        |v| v.subject() == subject::PIPELINE_INIT && v.emitter() == "go-server",
        |v| {
            let init = InitEvent::decode(&v.bytes()).unwrap();
            assert_eq!(go_json::to_string(&init).into_bytes(), v.bytes());
        },
    );

    let mut engine = shop::engine(Some("ship"));
    for (sent, answer) in [("init", "first-step-message"), ("driver-result", "next-step-message")] {
        leads_to(&mut engine, vectors.named(sent), vectors.named(answer));
    }
    vectors.done();
}

/// To the byte: same subject, event, run, message id and resource.
fn leads_to(engine: &mut Engine, sent: &Vector, answer: &Vector) {
    let id = answer.decoded()["id"].as_str().unwrap();
    let reaction = engine.handle(sent.subject(), &sent.bytes(), id);
    let message = reaction.next.unwrap();
    assert_eq!(message.subject, answer.subject());
    assert_eq!(message.payload, answer.bytes());
}

#[test]
fn events_on_other_subjects_have_no_effect() {
    let vectors = VectorFile::load("pipeline_events.json");
    let mut engine = shop::engine(Some("ship"));
    for subject in ["pipelines.driver.results", "pipelines.x", "pipelines.pipeline.init.x"] {
        let reaction = engine.handle(subject, &vectors.named("driver-result").bytes(), "id");
        assert_eq!(reaction, Ignored::Subject.into());
    }
}
