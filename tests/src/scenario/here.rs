//! Rust drivers in the harness's own process.

use std::sync::Arc;

use async_trait::async_trait;
use conveyor_driver::options::{DriverOptions, ManagerOptions, from_document};
use conveyor_driver::{DriverManager, RunId, RunningManager, StopHandle};
use serde_json::Value;

use super::document::Need;
use super::ground::Ground;
use super::host::{Host, Instance, Refusal, Release, report_document};
use super::interpreter::interpreter;

/// Starts managers in this process.
#[derive(Clone, Copy, Debug)]
pub struct Here {
    /// Whether the ground is the embedded stream.
    pub embedded: bool,
}

#[async_trait]
impl Host for Here {
    async fn start(
        &self,
        ground: &Ground,
        drivers: &[Value],
        manager: &Value,
    ) -> Result<Box<dyn Instance>, Refusal> {
        let mut options: ManagerOptions = from_document(manager.clone())?;
        options.signals = false;
        if ground.memory.is_none() {
            options.connection = ground.connection.clone();
        }
        let release = Release::default();
        let mut manager = DriverManager::new(options);
        for driver in drivers {
            let options: DriverOptions = from_document(driver.clone())?;
            manager = manager.driver(interpreter(options, release.clone()));
        }
        if let Some(memory) = &ground.memory {
            manager = manager.stream(Arc::new(memory.connection()));
        }
        if ground.paused {
            manager = manager.in_place();
        }
        let running = manager.start().await?;
        Ok(Box::new(Managed { stop: running.stop_handle(), running: Some(running), release }))
    }

    fn has(&self, need: Need) -> bool {
        match need {
            Need::RealTime => true,
            Need::Faults => self.embedded,
            Need::Process => false,
        }
    }
}

struct Managed {
    running: Option<RunningManager>,
    stop: StopHandle,
    release: Release,
}

#[async_trait]
impl Instance for Managed {
    async fn cancel(&mut self, run: &str, reason: &str) -> Result<u64, String> {
        let running = self.running.as_ref().ok_or("the manager was stopped")?;
        Ok(running.cancel(&RunId::from(run), reason) as u64)
    }

    async fn release(&mut self, name: &str) -> Result<(), String> {
        self.release.release(name);
        Ok(())
    }

    fn drain(&mut self) {
        self.stop.drain();
    }

    fn end_now(&mut self) {
        self.stop.end_now();
    }

    async fn stopped(&mut self) -> Result<Value, String> {
        let running = self.running.take().ok_or("the manager was stopped")?;
        let report = running.wait().await.map_err(|error| error.to_string())?;
        Ok(report_document(&report))
    }

    async fn kill(&mut self) -> Result<(), String> {
        Err("a manager in the harness's process cannot be killed".to_owned())
    }

    async fn refused(&mut self) -> Option<Refusal> {
        None
    }
}
