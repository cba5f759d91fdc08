//! `apply`: resources, pipelines and definitions from files to the Conveyor API.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use conveyor_driver::client::{Client, Pipeline, ResourceDefinition};
use conveyor_driver::message::Resource;
use conveyor_driver::{ErrorCode, RunId};
use serde_json::{Value, json};

use super::test::Output;
use crate::api::ApiArguments;
use crate::documents;
use crate::exit_code;
use crate::fault::Fault;
use crate::screen::{BOLD, clean};

/// Post what is in files to the Conveyor API, the real server's or that of `conveyor-driver dev`.
///
/// A document with `schema` is a resource definition, one with `steps` a pipeline, any other a resource. A
/// file may hold several, divided by ---. Definitions go first, then pipelines, then resources.
///
/// A resource that is new starts a run, whose id is printed. One that is there is updated, which starts
/// none: the server tells no driver. --recreate deletes it first, so that a run starts.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  conveyor-driver apply -f ship.yaml -f app.yaml")]
pub(crate) struct Arguments {
    /// A YAML or JSON file; - reads standard input. May be given more than once.
    #[arg(long, short, value_name = "FILE", required = true)]
    file: Vec<PathBuf>,

    /// Delete resources that are there first, so that a run starts.
    #[arg(long)]
    recreate: bool,

    /// How what was done is shown.
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,

    #[command(flatten)]
    connection: ApiArguments,
}

#[derive(Default)]
struct Found {
    definitions: Vec<ResourceDefinition>,
    pipelines: Vec<Pipeline>,
    resources: Vec<Resource>,
}

impl Arguments {
    pub(crate) async fn run(self) -> Result<u8, Fault> {
        let mut found = Found::default();
        for path in &self.file {
            let documents = documents::documents(path)?;
            let alone = documents.len() == 1;
            for (i, document) in documents.into_iter().enumerate() {
                let at = if alone { String::new() } else { format!("[{i}]") };
                found.add(document, path, &at)?;
            }
        }
        let client = self.connection.client()?;
        for definition in &found.definitions {
            client.definitions().apply(definition).await?;
            tell(self.output, "definition", &definition.name, "applied", None)?;
        }
        for pipeline in &found.pipelines {
            client.pipelines().create(pipeline).await?;
            tell(self.output, "pipeline", &pipeline.name, "applied", None)?;
        }
        for resource in &found.resources {
            let (done, run) = apply(&client, resource, self.recreate).await?;
            let name = format!("{}/{}", resource.resource, resource.name);
            tell(self.output, "resource", &name, done, run.as_ref())?;
        }
        Ok(exit_code::SUCCESS)
    }
}

impl Found {
    fn add(&mut self, document: Value, path: &Path, at: &str) -> Result<(), Fault> {
        if document.get("schema").is_some() {
            self.definitions.push(documents::parsed(document, path, at)?);
        } else if document.get("steps").is_some() {
            self.pipelines.push(documents::parsed(document, path, at)?);
        } else {
            self.resources.push(documents::resource(&document, path, at)?);
        }
        Ok(())
    }
}

/// What was done with a resource, and the run that it started.
async fn apply(
    client: &Client,
    resource: &Resource,
    recreate: bool,
) -> Result<(&'static str, Option<RunId>), Fault> {
    if recreate {
        // The server does not say whether there was one.
        client.resources().delete(&resource.resource, &resource.name).await?;
    }
    match client.resources().create(resource).await {
        Ok(created) => Ok(("created", Some(created.run_id))),
        Err(error) if error.code() == ErrorCode::Conflict => {
            client.resources().update(resource).await?;
            Ok(("updated", None))
        }
        Err(error) if error.code() == ErrorCode::NotFound => Err(Fault::from(error)
            .with("resource", format!("{}/{}", resource.resource, resource.name))
            .hint("apply the definition of its type, and the pipeline that it names, first")),
        Err(error) => Err(error.into()),
    }
}

fn tell(output: Output, kind: &str, name: &str, done: &str, run: Option<&RunId>) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    if output == Output::Json {
        let told = json!({ "kind": kind, "name": name, "done": done, "run_id": run });
        return writeln!(out, "{told}");
    }
    write!(out, "{kind} {BOLD}{}{BOLD:#} {done}", clean(name))?;
    match (run, done) {
        (Some(run), _) => writeln!(out, ", run {}", clean(run.as_str())),
        (None, "updated") => writeln!(out, "; no run starts, unless with --recreate"),
        (None, _) => writeln!(out),
    }
}
