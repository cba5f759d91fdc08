//! A pipeline of five drivers, each a process of its own, in every language that is here.

use std::collections::BTreeMap;
use std::process::Stdio;

use conveyor_driver::RunId;
use conveyor_driver::client::{LogEvent, LogFilter, Pipeline, PipelineStep, ResourceDefinition};
use conveyor_driver::message::{LogEntry, Resource};
use conveyor_driver::subject::MESSAGES_STREAM;
use conveyor_driver_tests::{eventually, unique_name};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::language::languages;
use crate::server::Server;

const STEPS: usize = 5;
const LINES: usize = 20;

/// A type, a pipeline for it, and its drivers at work.
struct Line<'a> {
    server: &'a Server,
    kind: String,
    pipeline: String,
    drivers: Vec<String>,
    _processes: Vec<Child>,
}

impl<'a> Line<'a> {
    async fn start(server: &'a Server) -> Self {
        let (kind, pipeline) = (unique_name("kind"), unique_name("line"));
        let client = server.client();
        let schema = json!({"type": "object", "properties": {"fail": {"type": "string"}}});
        let definition = ResourceDefinition { name: kind.clone(), schema, ..Default::default() };
        client.definitions().create(&definition).await.unwrap();

        let environment = server.environment();
        let (mut drivers, mut processes) = (Vec::new(), Vec::new());
        for language in languages().iter().cycle().take(STEPS) {
            let driver = unique_name(language.name);
            let (program, arguments) = language.command.split_first().unwrap();
            let process = Command::new(program)
                .args(arguments)
                .envs(environment.iter().map(|(name, value)| (*name, value)))
                .env("STEP", &driver)
                .env("RESOURCE", &kind)
                .stdin(Stdio::null())
                .kill_on_drop(true)
                .spawn()
                .unwrap();
            drivers.push(driver);
            processes.push(process);
        }
        let stream = server.stream().await;
        for driver in &drivers {
            eventually("the driver has its consumer", async || {
                stream.consumer(MESSAGES_STREAM, driver).await.ok().flatten().map(drop)
            })
            .await;
        }
        stream.close().await;

        let steps = drivers.iter().map(PipelineStep::of).collect();
        let document = Pipeline {
            name: pipeline.clone(),
            resource: kind.clone(),
            steps,
            ..Default::default()
        };
        client.pipelines().create(&document).await.unwrap();
        Self { server, kind, pipeline, drivers, _processes: processes }
    }

    /// Posts a resource, and returns its name and its run.
    async fn post(&self, spec: Value) -> (String, RunId) {
        let resource = Resource {
            name: unique_name("app"),
            resource: self.kind.clone(),
            pipeline: self.pipeline.clone(),
            spec,
            ..Resource::default()
        };
        let created = self.server.client().resources().create(&resource).await.unwrap();
        (resource.name, created.run_id)
    }

    /// The results of a resource's drivers, once there are so many.
    async fn results(&self, name: &str, count: usize) -> BTreeMap<String, Value> {
        let client = self.server.client();
        eventually("the steps are done", async || {
            let resource = client.resources().get(&self.kind, name).await.unwrap();
            let results: BTreeMap<_, _> = resource
                .metadata
                .iter()
                .filter_map(|(key, text)| {
                    let driver = key.strip_prefix("driverresults.")?.to_owned();
                    Some((driver, serde_json::from_str(text.as_str().unwrap()).unwrap()))
                })
                .collect();
            (results.len() >= count).then_some(results)
        })
        .await
    }
}

pub(crate) async fn each_step_sees_the_results(server: &Server) {
    let line = Line::start(server).await;
    let (name, _) = line.post(json!({})).await;
    let results = line.results(&name, STEPS).await;
    let mut before: Vec<String> = Vec::new();
    for driver in &line.drivers {
        let result = &results[driver];
        assert_eq!(result["success"], true, "{result}");
        assert_eq!(
            (&result["data"]["step"], &result["data"]["seen"]),
            (&json!(driver), &json!(before))
        );
        before.push(format!("{driver}={driver}"));
        before.sort_unstable();
    }
}

pub(crate) async fn each_step_asks_the_api(server: &Server) {
    let line = Line::start(server).await;
    let (name, _) = line.post(json!({})).await;
    let results = line.results(&name, STEPS).await;
    assert!(results.values().all(|result| result["data"]["stored"] == *name), "{results:?}");
}

fn lines_of(driver: &String) -> impl Iterator<Item = String> {
    (0..LINES).map(move |number| format!("{driver} {number}"))
}

pub(crate) async fn logs_are_streamed(server: &Server) {
    let line = Line::start(server).await;
    let (_, run) = line.post(json!({})).await;
    let filter = LogFilter::run(run);
    let streamed = streamed(server, &filter, STEPS * LINES).await;
    for driver in &line.drivers {
        let own = streamed.iter().filter(|entry| entry.driver == *driver);
        assert!(own.map(|entry| entry.message.clone()).eq(lines_of(driver)), "{streamed:?}");
    }
    let driver = &line.drivers[2];
    let of_one = self::streamed(server, &filter.driver(driver), LINES).await;
    assert!(of_one.iter().map(|entry| entry.message.clone()).eq(lines_of(driver)), "{of_one:?}");
}

/// The first lines, as they come.
async fn streamed(server: &Server, filter: &LogFilter, count: usize) -> Vec<LogEntry> {
    let mut live = server.client().logs().stream(filter).unwrap();
    let mut streamed = Vec::new();
    while streamed.len() < count {
        match live.next().await.unwrap().unwrap() {
            LogEvent::Line { entry } => streamed.push(entry),
            other => panic!("{other:?} on a connection that was not lost"),
        }
    }
    streamed
}

pub(crate) async fn logs_come_back(server: &Server) {
    let line = Line::start(server).await;
    let (name, run) = line.post(json!({})).await;
    let client = server.client();
    let expected: Vec<String> = line.drivers.iter().flat_map(lines_of).collect();

    line.results(&name, STEPS).await;
    let filter = LogFilter::run(run.clone());
    let stored = eventually("every line is stored", async || {
        let stored = client.logs().query(&filter).await.unwrap();
        (stored.len() >= expected.len()).then_some(stored)
    })
    .await;
    let messages: Vec<_> = stored.iter().map(|entry| entry.message.clone()).collect();
    assert_eq!(messages, expected);
    assert!(stored.iter().all(|entry| entry.pipeline == line.pipeline && entry.runid == run));

    let of_one = client.logs().query(&filter.driver(&line.drivers[2])).await.unwrap();
    assert_eq!(of_one.len(), LINES);
    let of_line = LogFilter::default().pipeline(&line.pipeline);
    assert_eq!(client.logs().query(&of_line).await.unwrap().len(), expected.len());
}

pub(crate) async fn a_failing_step_stops_it(server: &Server) {
    let line = Line::start(server).await;
    let failing = &line.drivers[2];
    let (stopped, _) = line.post(json!({ "fail": failing })).await;
    let results = line.results(&stopped, 3).await;
    assert_eq!(results[failing]["success"], false);
    // Whatever the failed run could still lead to has come before the end of a later one.
    let (good, _) = line.post(json!({})).await;
    line.results(&good, STEPS).await;
    let results = line.results(&stopped, 3).await;
    let mut reached: Vec<_> = results.keys().collect();
    let mut expected: Vec<_> = line.drivers[..3].iter().collect();
    reached.sort_unstable();
    expected.sort_unstable();
    assert_eq!(reached, expected);
}
