//! The second step of the demo's pipeline: runs the build command of the resource in its workspace.

use std::process::ExitCode;

use conveyor_driver::exec::Command;
use conveyor_driver::{Driver, DriverManager, DriverResult, Failure, Run};
use serde_json::json;

async fn build(run: Run) -> Result<DriverResult, Failure> {
    let spec = &run.resource()?.spec;
    let command: Vec<String> = serde_json::from_value(spec["build"].clone())?;
    let [program, arguments @ ..] = command.as_slice() else {
        return Err(Failure::failed("spec.build: names no program"));
    };
    let workspace = spec["workspace"].as_str().ok_or("spec.workspace: is missing")?;
    let command = Command::new(program)
        .args(arguments.iter().cloned())
        .current_dir(format!("{workspace}/source"));
    let output = run.exec(&command).await?;
    run.check_cancelled()?;
    Ok(DriverResult {
        success: output.success(),
        message: format!("{program}: {output}"),
        data: json!({ "exit_status": output.code }),
    })
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter("warn,conveyor_driver=info")
        .init();
    let driver = Driver::new("build").resources(["app"]).reconcile(build);
    match DriverManager::default().driver(driver).run().await {
        Ok(_report) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
