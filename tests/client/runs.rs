//! The client of a run.

use std::sync::{Arc, Mutex};

use conveyor_driver::options::ClientOptions;
use conveyor_driver::{DriverResult, ErrorCode};
use conveyor_driver_tests::Stage;
use serde_json::json;

use crate::stub::{Stub, json as answer};

#[tokio::test]
async fn runs_share_the_client_of_their_manager() {
    let stub = Stub::start(|_, _| {
        answer("200 OK", r#"{"name":"base","resource":"image","metadata":{"version":"3"}}"#)
    })
    .await;
    let stage = Stage::on_memory().await;
    let driver = stage.driver().reconcile(async |run| {
        let image = run.client()?.resources().get("image", "base").await?;
        Ok(DriverResult::success("done").data(json!(image.metadata)))
    });
    let manager = stage.manager_with(|options| options.client = stub.options());
    let running = manager.driver(driver).start().await.unwrap();
    for name in ["one", "two"] {
        stage.post(name).await;
        assert_eq!(stage.result().await.result.data, json!({"version": "3"}));
    }
    assert_eq!(stub.heard().len(), 2);
    running.drain().await.unwrap();
}

#[tokio::test]
async fn a_run_without_an_api_has_a_clear_error() {
    let stage = Stage::on_memory().await;
    let errors: Arc<Mutex<Vec<_>>> = Arc::default();
    let kept = errors.clone();
    let driver = stage.driver().reconcile(move |run| {
        kept.lock().unwrap().push(run.client().unwrap_err());
        async { Ok(DriverResult::success("done")) }
    });
    let manager = stage.manager_with(|options| options.client = ClientOptions::default());
    let running = manager.driver(driver).start().await.unwrap();
    stage.post("app").await;
    stage.result().await;
    let error = errors.lock().unwrap().remove(0);
    assert_eq!(error.code(), ErrorCode::OptionsInvalid);
    assert_eq!(error.context()[0].0, "client.url");
    running.drain().await.unwrap();
}

#[tokio::test]
async fn the_options_of_a_managers_client_are_checked_with_all_others() {
    let stage = Stage::on_memory().await;
    let driver = stage.driver().reconcile(async |_| Ok(DriverResult::success("done")));
    let manager = stage.manager_with(|options| options.client.url = Some("ci:8080".into()));
    let error = manager.driver(driver).start().await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::OptionsInvalid);
    assert_eq!(error.context()[0].0, "client.url");
}
