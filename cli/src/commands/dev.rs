//! `dev`: a control plane for a laptop.

use std::path::PathBuf;

use clap::Args;
use conveyor_driver::StopSignals;

use crate::connection::ConnectionArguments;
use crate::control_plane::Pipeline;
use crate::dev::{Dev, DevOptions, Show, ShowAs, follow};
use crate::documents;
use crate::exit_code;
use crate::fault::Fault;
use crate::nats_server::NatsServer;

/// Run a control plane on this machine: everything that drivers need, without a Conveyor CI server.
///
/// It finds the nats-server at the address given, or at nats://127.0.0.1:4222, or starts one there;
/// makes the streams, leads resources through their pipelines, keeps logs, and serves the REST interface
/// of the server, so that `conveyor-driver apply` and `logs` work. Drivers connect without any settings.
///
/// What happens is shown as it happens: each run with its state, driver and age, and its log.
///
/// It is for development. It keeps everything in memory, checks no schema and asks nobody who they are.
/// The real Conveyor CI server takes its place without a change to any driver.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  conveyor-driver dev --pipeline ship.yaml
  conveyor-driver apply -f app.yaml")]
pub(crate) struct Arguments {
    /// A file with pipelines, YAML or JSON; may be given more than once.
    #[arg(long, short, value_name = "FILE")]
    pipeline: Vec<PathBuf>,

    /// The port of the REST interface; 0 takes any that is free.
    #[arg(long, default_value_t = 8080)]
    port: u16,

    /// The port of a nats-server that is started; 0 takes any that is free and starts one in any case.
    #[arg(long, default_value_t = 4222)]
    nats_port: u16,

    /// A folder for the files of a nats-server that is started, kept at the end.
    #[arg(long, value_name = "FOLDER")]
    store: Option<PathBuf>,

    /// How runs are shown.
    #[arg(long, short, value_enum, default_value_t)]
    output: ShowAs,

    #[command(flatten)]
    connection: ConnectionArguments,
}

impl Arguments {
    pub(crate) async fn run(self) -> Result<u8, Fault> {
        let mut pipelines: Vec<Pipeline> = Vec::new();
        for path in &self.pipeline {
            for (i, document) in documents::documents(path)?.into_iter().enumerate() {
                pipelines.push(documents::parsed(document, path, &format!("[{i}]"))?);
            }
        }
        let mut signals = StopSignals::listen()?;
        let options = DevOptions {
            connection: self.connection.over(Default::default()).with_environment(),
            nats_port: self.nats_port,
            store: self.store,
            port: self.port,
        };
        let started = tokio::select! {
            started = Dev::start(options) => started,
            _ = signals.next() => return Ok(exit_code::INTERRUPTED),
        };
        let dev = started?;
        let mut show = Show::new(self.output);
        show.ready(&dev)?;
        for pipeline in pipelines {
            let steps: Vec<_> = pipeline.steps.iter().map(|step| step.driver.as_str()).collect();
            let text =
                format!("{} for {}: {}", pipeline.name, pipeline.resource, steps.join(" → "));
            show.note("pipeline", &text)?;
            dev.pipeline(pipeline);
        }
        let mut following = follow(&dev);
        let shown = loop {
            tokio::select! {
                ended = following.until_a_run_ends(&mut show) => match ended {
                    Ok(Some(_)) => {}
                    Ok(None) => break Ok(()),
                    Err(error) => break Err(error),
                },
                // Without its server there is nothing to stop in order.
                ended = dev.server().ended() => return Err(server_ended(ended?)),
                _ = signals.next() => break Ok(()),
            }
        };
        drop(following);
        dev.stop().await;
        shown?;
        Ok(exit_code::SUCCESS)
    }
}

fn server_ended(server: &NatsServer) -> Fault {
    Fault::new(exit_code::FAILED, "the nats-server that was started here has ended")
        .with("program", server.program().path().display())
        .with("log", server.last_log_lines())
}
