//! Every cell of the matrix, once. `make faults` runs them twenty times.

use std::path::Path;

use conveyor_driver_tests::faults::{all, run_cells};

/// The test harness runs two groups at once on two cores.
const AT_ONCE: usize = 3;

async fn holds(group: &str) {
    let cells: Vec<_> = all().into_iter().filter(|cell| cell.group() == group).collect();
    assert!(!cells.is_empty());
    let program = Path::new(env!("CARGO_BIN_EXE_faults"));
    let report = run_cells(&cells, 1, AT_ONCE, program, |line| eprintln!("{line}")).await;
    eprintln!("{report}");
    assert!(report.failures.is_empty(), "{}", report.failures.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_when_drivers_are_killed_held_and_drained() {
    holds("kill").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_when_servers_stop_die_and_stand_still() {
    holds("server").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_when_others_touch_the_consumer() {
    holds("consumer").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_on_a_bad_network() {
    holds("network").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_of_messages_doubled_deadly_and_large() {
    holds("message").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_when_leaders_of_a_cluster_go() {
    holds("cluster").await;
}
