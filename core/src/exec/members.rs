//! Who is left in a process group.

use rustix::process::{Pid, WaitId, WaitIdOptions, test_kill_process_group, waitid};

/// Whether somebody still runs in a group whose leader is reaped.
///
/// Zombies are members until their parent reaps them, which for orphans is the init process. Those
/// that fell to this process, as init of a container, are reaped here. Other inits take their time
/// or never do it, so on Linux it looks who is more than a zombie.
pub(super) fn anyone_runs(leader: Pid) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
    while let Ok(Some(_)) = waitid(WaitId::Pgid(Some(leader)), options) {}
    test_kill_process_group(leader).is_ok() && listed(leader)
}

/// Whether Linux's `/proc` lists a member that runs; where it cannot be read, there may be one.
pub(super) fn listed(leader: Pid) -> bool {
    if !cfg!(target_os = "linux") {
        return true;
    }
    let Ok(entries) = std::fs::read_dir("/proc") else { return true };
    let leader = leader.as_raw_pid().to_string();
    entries
        .flatten()
        .filter(|entry| {
            entry.file_name().as_encoded_bytes().first().is_some_and(u8::is_ascii_digit)
        })
        .filter_map(|entry| std::fs::read(entry.path().join("stat")).ok())
        .any(|stat| runs_in(&String::from_utf8_lossy(&stat), &leader))
}

/// Reads a line of `/proc/PID/stat`: pid, name in parentheses, state, parent, group, ….
fn runs_in(stat: &str, group: &str) -> bool {
    // The name may hold anything.
    let Some((_, fields)) = stat.rsplit_once(')') else { return false };
    let fields: Vec<_> = fields.split_ascii_whitespace().collect();
    let [state, _parent, found, ..] = fields[..] else { return false };
    // A process whose first thread has ended is shown as a zombie while the others run.
    const THREADS: usize = 17;
    let threads = fields.get(THREADS).and_then(|count| count.parse().ok()).unwrap_or(1_u32);
    found == group && (threads > 1 || !matches!(state, "Z" | "X"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(state: &str, group: u32, threads: u32) -> String {
        format!("9 (a) Z 1 (x) {state} 1 {group} 7 0 -1 4 0 0 0 0 0 0 0 0 20 0 {threads} 0 99")
    }

    #[test]
    fn only_those_in_the_group_who_run_count() {
        assert!(runs_in(&stat("S", 77, 1), "77"));
        assert!(!runs_in(&stat("S", 7, 1), "77"));
        assert!(!runs_in(&stat("Z", 77, 1), "77"));
        assert!(runs_in(&stat("Z", 77, 3), "77"));
        assert!(!runs_in("", "77"));
        assert!(!runs_in("9 (a)", "77"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_found_in_its_group() {
        assert!(listed(rustix::process::getpgrp()));
    }
}
