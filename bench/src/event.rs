//! The events that every candidate is given: 1.1 KB each, for a resource of its own.

use serde_json::{Value, json};

/// The driver's name, and its consumer's.
pub const DRIVER: &str = "bench-driver";
/// The resource type that it handles.
pub(crate) const RESOURCE: &str = "benchapp";

const RUN_ID_PREFIX: &str = "5d0e8c74-93b1-4c6e-8f25-";

/// The run id of event `i`.
#[must_use]
pub(crate) fn run_id(i: usize) -> String {
    format!("{RUN_ID_PREFIX}{i:012}")
}

/// The number of the event that this run id is of.
#[must_use]
pub fn number(run_id: &str) -> Option<usize> {
    run_id.strip_prefix(RUN_ID_PREFIX)?.parse().ok()
}

/// Event `i`, as the control plane sends it.
#[must_use]
pub fn event(i: usize) -> Vec<u8> {
    let resource = json!({
        "id": format!("c0ffee11-7a3d-4e19-b6d2-{i:012}"),
        "name": format!("inventory-api-{i}"),
        "pipeline": "test-and-release",
        "resource": RESOURCE,
        "metadata": {
            "owner": "warehouse-team",
            "commit": "8d1f0a6b5c4e3d2f1a09b8c7d6e5f4a3b2c1d0e9",
            "branch": "fix/reserve-stock-once",
            "priority": "normal",
        },
        "spec": {
            "repository": {"url": "https://git.example.org/warehouse/inventory-api.git", "depth": 50},
            "image": "registry.example.org/warehouse/inventory-api",
            "env": {"CI": "true", "RUST_BACKTRACE": "1", "CACHE_URL": "redis://cache.example.org/3"},
            "steps": [
                step("checkout", &["git", "checkout", "--detach"], 60),
                step("compile", &["cargo", "build", "--release"], 900),
                step("test", &["cargo", "test", "--workspace"], 1200),
                step("release", &["make", "release"], 300),
            ],
            "limits": {"cpu": "2", "memory": "4Gi"},
        },
    });
    let event = json!({
        "event": "create",
        "payload": resource.to_string(),
        "id": format!("{i:016x}"),
        "run_id": run_id(i),
    });
    event.to_string().into_bytes()
}

fn step(name: &str, command: &[&str], timeout_s: u32) -> Value {
    json!({"name": name, "command": command, "timeout_s": timeout_s})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_of_the_size_that_the_tables_state() {
        assert!((1_050..1_150).contains(&event(19_999).len()), "{}", event(19_999).len());
        assert_eq!(number(&run_id(42)), Some(42));
    }
}
