//! A host that forks while its manager runs: the child must be told, and the parent not be disturbed.
//!
//! Environment: `CONVEYOR_NATS_URL`, `DRIVER_NAME`, `RESOURCE`. It takes one run, forks, answers the run when the
//! child has ended, and prints the child's exit code, its own report and how many core threads are left.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::unwrap_used)]
#![allow(unsafe_code)]

use std::time::Duration;

use conveyor_driver::host::{HandedRun, Outcome, RunQueue};
use conveyor_driver::options::ManagerOptions;
use conveyor_driver::{Driver, DriverManager, DriverResult, ErrorCode, HostManager, Result, RunId};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, kill_process, pidfd_open, waitpid};

const LONG: Duration = Duration::from_secs(20);

fn variable(name: &str) -> String {
    std::env::var(name).expect("the variable is set")
}

fn manager(name: &str, queue: &RunQueue) -> HostManager {
    let driver = Driver::new(name).resources([variable("RESOURCE")]).queue(queue);
    let options = ManagerOptions { signals: false, ..ManagerOptions::default() };
    HostManager::new(DriverManager::new(options).driver(driver))
}

fn main() -> Result<()> {
    let queue = RunQueue::with_descriptor()?;
    let running = manager(&variable("DRIVER_NAME"), &queue);
    running.start()?;
    assert!(running.wait_started(LONG)?);
    let handed = queue.next(LONG).expect("a run in time");
    // SAFETY: the child runs nothing but the code below, and nothing of it relies on a thread of its
    // parent: to show that is what this program is for.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let told = child_is_told(running, queue, handed);
        // SAFETY: ends this process without the parent's exit handlers.
        unsafe { libc::_exit(told.map_or_else(|wrong| wrong, |()| 0)) };
    }
    let long = Timespec { tv_sec: 20, tv_nsec: 0 };
    println!("child: {}", ended_within(Pid::from_raw(child).expect("a child"), long));
    handed.complete(Outcome::Ended(Ok(DriverResult::success("undisturbed"))))?;
    println!("{}", running.stop_within(LONG)?);
    println!("core threads: {}", core_threads());
    Ok(())
}

/// The child's part; fails with the number of the step that went wrong.
fn child_is_told(
    running: HostManager,
    queue: RunQueue,
    handed: HandedRun,
) -> std::result::Result<(), i32> {
    let forked: [Result<()>; 8] = [
        running.start(),
        running.state().map(drop),
        running.wait_started(LONG).map(drop),
        running.wait_ended(LONG).map(drop),
        running.drain(),
        running.end_now(),
        running.cancel(&RunId::generate(), "why not").map(drop),
        running.stop_within(LONG).map(drop),
    ];
    for (step, told) in (1..).zip(forked) {
        if told.map_err(|error| error.code()) != Err(ErrorCode::Forked) {
            return Err(step);
        }
    }
    let stop = running.stop_handle();
    drop(running);
    if stop.is_draining() {
        return Err(19);
    }
    drop(handed);
    queue.close();
    let name = format!("{}-child", variable("DRIVER_NAME"));
    let with_parents_queue = manager(&name, &queue).start();
    if with_parents_queue.map_err(|error| error.code()) != Err(ErrorCode::Forked) {
        return Err(20);
    }
    drop(queue);
    // What is started after the fork runs.
    let anew = manager(&name, &RunQueue::with_descriptor().map_err(|_| 21)?);
    anew.start().map_err(|_| 22)?;
    let started = anew.wait_started(LONG).map_err(|_| 23)?;
    anew.stop_within(LONG).map_err(|_| 24)?;
    if started { Ok(()) } else { Err(25) }
}

/// Its exit code; it is killed when there is none in time.
fn ended_within(child: Pid, most: Timespec) -> String {
    let process = pidfd_open(child, PidfdFlags::empty()).expect("a child");
    let mut fds = [PollFd::new(&process, PollFlags::IN)];
    if poll(&mut fds, Some(&most)) != Ok(1) {
        let _killed = kill_process(child, Signal::KILL);
        return "hung".to_owned();
    }
    let ended = waitpid(Some(child), WaitOptions::empty()).expect("a child");
    format!("{:?}", ended.and_then(|(_, status)| status.exit_status()))
}

fn core_threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let named = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("comm"));
    tasks.filter_map(|task| named(task).ok()).filter(|name| name.trim() == "conveyor-core").count()
}
