//! One step of a pipeline, as a driver of its own process: see `tests/real_server`.
//!
//! Environment: `STEP`, its driver; `RESOURCE`, the type; where the servers are, as for every driver. Its
//! result says which steps it has seen the results of.

use conveyor_driver::options::ManagerOptions;
use conveyor_driver::{Driver, DriverManager, DriverResult, Result};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let variable = |name| std::env::var(name).unwrap_or_default();
    let (step, resource) = (variable("STEP"), variable("RESOURCE"));
    let driver = Driver::new(&step).resources([resource]).reconcile(move |run| {
        let step = step.clone();
        async move {
            let resource = run.resource()?;
            let mut seen: Vec<String> = Vec::new();
            for (key, result) in &resource.metadata {
                let Some(earlier) = key.strip_prefix("driverresults.") else { continue };
                let result: Value = serde_json::from_str(result.as_str().unwrap_or_default())?;
                seen.push(format!("{earlier}={}", result["data"]["step"].as_str().unwrap_or("?")));
            }
            seen.sort_unstable();
            for line in 0..20 {
                run.log(format!("{step} {line}")).await;
            }
            let mut data = json!({"step": step, "seen": seen});
            // It reads its own resource through the API, as a driver may.
            if std::env::var_os("ASKS_API").is_none() {
                let client = run.client()?;
                let stored = client.resources().get(&resource.resource, &resource.name).await?;
                data["stored"] = stored.name.into();
            }
            if resource.spec["fail"] == step.as_str() {
                return Ok(DriverResult::failure("as it was asked to").data(data));
            }
            Ok(DriverResult::success("done").data(data))
        }
    });
    DriverManager::new(ManagerOptions::default()).driver(driver).run().await.map(drop)
}
