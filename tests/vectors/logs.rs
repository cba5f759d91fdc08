use conveyor_driver::message::LogEntry;
use conveyor_driver::{ErrorCode, subject};
use conveyor_driver_cli::control_plane::{LogQuery, LogStore};
use conveyor_driver_tests::vectors::{Vector, VectorFile};
use serde_json::{Value, json};

#[test]
fn every_log_line_is_read_and_written_as_the_vectors_say() {
    let vectors = VectorFile::load("logs.json");
    let is_order = |v: &Vector| v.get("timestamps_in_time_order").is_some();
    vectors.check(
        |v| !is_order(v),
        |v| {
            let bytes = v.bytes();
            let entry = LogEntry::decode(&bytes);
            let one_line = !bytes.contains(&b'\n');
            let found = entry.as_ref().is_ok_and(|entry| !entry.runid.as_str().is_empty());
            assert_eq!(found && one_line, v.valid());
            match entry {
                Ok(entry) => is_stored(v, &entry),
                Err(error) => {
                    assert_eq!(error.code(), ErrorCode::MessageInvalid);
                    assert_eq!(v.get("server").unwrap()["decodes"], false);
                }
            }
        },
    );
    vectors.check(|v| !is_order(v) && v.valid(), is_written);
    vectors.check(is_order, comes_back_in_the_same_order);
    vectors.done();
}

fn is_stored(vector: &Vector, entry: &LogEntry) {
    let server = vector.get("server").unwrap();
    assert_eq!(server["decodes"], true);
    let mut store = LogStore::default();
    store.insert(entry.clone());

    let kept = &store.query(&LogQuery::default())[0];
    let kept = json!({
        "runid": kept.runid,
        "driver": kept.driver,
        "pipeline": kept.pipeline,
        "timestamp": kept.timestamp,
        "message": kept.message,
    });
    let want: Value = serde_json::from_str(server["stored_utf8"].as_str().unwrap()).unwrap();
    assert_eq!(kept, want);

    let run = vector.subject().strip_prefix("logs.").unwrap();
    assert_eq!(store.count(&LogQuery::of_run(&run.into())) == 1, server["found_by_runid"]);
    let fetch = LogQuery::default().by("fetch");
    assert_eq!(store.count(&fetch) == 1, server["found_by_driver"]);
    if let Some(found) = server.get("found_by_pipeline") {
        let ship = LogQuery { pipeline: Some("ship".into()), ..LogQuery::default() };
        assert_eq!(store.count(&ship) == 1, *found);
    }
}

fn is_written(vector: &Vector) {
    let entry = LogEntry::decode(&vector.bytes()).unwrap();
    assert_eq!(subject::logs(&entry.runid).unwrap(), vector.subject());
    let live = subject::live_logs(&entry.runid, &entry.driver).unwrap();
    assert_eq!(live, vector.get("live_subject").unwrap().as_str().unwrap());

    let bytes = entry.encode();
    assert!(!bytes.contains(&b'\n'));
    assert_eq!(LogEntry::decode(&bytes).unwrap(), entry);
    if vector.emitter() == "recommended" {
        assert_eq!(bytes, vector.bytes());
    }
}

fn comes_back_in_the_same_order(vector: &Vector) {
    let times = vector.get("timestamps_in_time_order").unwrap().as_array().unwrap();
    let mut store = LogStore::default();
    // Backwards, so that the order they come in does not help.
    for (index, time) in times.iter().enumerate().rev() {
        store.insert(LogEntry {
            timestamp: time.as_str().unwrap().into(),
            message: index.to_string(),
            ..LogEntry::default()
        });
    }
    let order: Vec<usize> = store
        .query(&LogQuery::default())
        .into_iter()
        .map(|entry| entry.message.parse().unwrap())
        .collect();
    assert_eq!(json!(order), vector.decoded()["order_returned"]);
    let by_time: Vec<usize> = (0..times.len()).collect();
    assert_eq!(order == by_time, vector.valid());
}
