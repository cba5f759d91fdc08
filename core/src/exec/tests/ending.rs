use super::*;
use rustix::process::{Signal, WaitId, WaitIdOptions, kill_process, waitid};

const SHORT: Duration = Duration::from_millis(200);

#[tokio::test]
async fn a_command_that_dies_by_a_signal_says_which() {
    let (output, _) = run(&shell("kill -KILL $$")).await;
    assert_eq!((output.code, output.signal), (None, Some(Signal::KILL.as_raw())));
    assert!(!output.success() && !output.cancelled);
}

#[tokio::test]
async fn a_cancelled_command_may_clean_up() {
    let sink = Recorder::default();
    let script = "trap 'echo cleaned; exit 7' TERM; sh -c 'echo ready; exec sleep 1000' & wait";
    let output = cancel_when_ready(&shell(script), &sink).await;
    assert_eq!((output.code, output.cancelled), (Some(7), true));
    assert_eq!(sink.stdout(), ["ready", "cleaned"]);
}

#[tokio::test]
async fn a_zero_after_a_cancellation_is_no_success() {
    let sink = Recorder::default();
    let script = "trap 'exit 0' TERM; sh -c 'echo ready; exec sleep 1000' & wait";
    let output = cancel_when_ready(&shell(script), &sink).await;
    assert_eq!(output.code, Some(0));
    assert!(!output.success());
}

#[tokio::test]
async fn a_cancellation_ends_the_whole_group() {
    let sink = Recorder::default();
    let script = "echo $$; sleep 1000 & echo $!; sh -c 'echo ready; sleep 1000; true'; true";
    let output = cancel_when_ready(&shell(script), &sink).await;
    assert_eq!(output.signal, Some(Signal::TERM.as_raw()));
    assert!(group_is_gone(sink.pid(0).await));
    let member = sink.pid(1).await;
    eventually(|| process_is_gone(member)).await;
}

#[tokio::test]
async fn what_ignores_sigterm_is_killed_after_the_grace() {
    let sink = Recorder::default();
    let script = "trap '' TERM; echo $$; echo ready; while :; do sleep 1; done";
    let output = cancel_when_ready(&shell(script).grace(SHORT), &sink).await;
    assert_eq!((output.signal, output.cancelled), (Some(Signal::KILL.as_raw()), true));
    assert!(output.duration >= SHORT);
    assert!(group_is_gone(sink.pid(0).await));
}

#[tokio::test]
async fn a_member_that_ignores_sigterm_is_killed_after_the_grace() {
    let sink = Recorder::default();
    let member = "trap \"\" TERM; echo ready; while :; do sleep 1; done";
    let script = format!("echo $$; sh -c '{member}' & wait");
    let output = cancel_when_ready(&shell(&script).grace(SHORT), &sink).await;
    assert_eq!(output.signal, Some(Signal::TERM.as_raw()));
    assert!(group_is_gone(sink.pid(0).await));
}

#[tokio::test]
async fn a_stopped_command_can_be_cancelled() {
    let sink = Recorder::default();
    let script = "echo $$; echo ready; kill -STOP $$; sleep 1000; true";
    let output = cancel_when_ready(&shell(script), &sink).await;
    assert_eq!(output.signal, Some(Signal::TERM.as_raw()));
    assert!(group_is_gone(sink.pid(0).await));
}

#[tokio::test]
async fn what_is_left_behind_is_ended() {
    for left in ["sleep 1000 &", "sleep 1000 >/dev/null 2>&1 &", "sleep 1000 | sleep 1000 &"] {
        let (output, sink) = run(&shell(&format!("echo $$; {left} echo done"))).await;
        assert!(output.success(), "{left}");
        assert!(group_is_gone(sink.pid(0).await), "{left}");
        assert_eq!(sink.stdout()[1..], ["done"], "{left}");
    }
}

#[tokio::test]
async fn what_is_left_behind_and_ignores_sigterm_is_killed() {
    let member = "trap \"\" TERM; echo up; while :; do sleep 1; done";
    let script = format!("echo $$; sh -c '{member}' &");
    let (output, sink) = run(&shell(&script).grace(SHORT)).await;
    assert_eq!(output.code, Some(0));
    assert!(group_is_gone(sink.pid(0).await));
    assert_eq!(sink.stdout()[1..], ["up"]);
}

#[tokio::test]
async fn what_is_left_behind_may_finish_its_output() {
    let (output, sink) = run(&shell("seq 1 50000 & exit 5")).await;
    assert_eq!(output.code, Some(5));
    assert_eq!(sink.stdout().len(), 50_000);
}

#[tokio::test]
async fn the_last_words_of_what_is_left_behind_are_kept() {
    let member = "trap \"echo bye; exit\" TERM; echo up; sleep 1000 & wait";
    let (_, sink) = run(&shell(&format!("sh -c '{member}' &"))).await;
    assert_eq!(sink.stdout(), ["up", "bye"]);
}

#[tokio::test]
async fn what_is_left_behind_cannot_talk_for_ever() {
    let script = "echo $$; yes \"$LINE\" &";
    let (output, sink) = run(&shell(script).env("LINE", "x".repeat(10_000))).await;
    assert!(output.success());
    assert!(group_is_gone(sink.pid(0).await));
}

#[tokio::test]
async fn a_cancellation_cuts_the_wait_for_what_is_left_behind_short() {
    let sink = Recorder::shut();
    let cancel = CancellationToken::new();
    let command = shell("echo $$; echo second; sleep 1000 &");
    let later = async {
        let leader = sink.pid(0).await;
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        eventually(|| waitid(WaitId::Pid(leader), options).unwrap().is_some()).await;
        cancel.cancel();
        eventually(|| group_is_gone(leader)).await;
        sink.open();
    };
    let (output, ()) = tokio::join!(run_with(&command, &sink, &cancel), later);
    assert!(output.unwrap().success());
    assert_eq!(sink.stdout().len(), 2);
}

#[tokio::test]
async fn who_left_the_group_lives_but_does_not_hold_up_the_call() {
    // The subshell is not the leader, so setsid needs no further fork and $! is its pid.
    let script = "setsid sleep 1000 & echo $!; command -v setsid";
    let (output, sink) = run(&shell(script)).await;
    let left = sink.pid(0).await;
    if output.success() {
        kill_process(left, Signal::KILL).expect("it lives");
    }
}

#[tokio::test]
async fn an_abandoned_command_is_killed_and_reaped() {
    let sink = std::sync::Arc::new(Recorder::default());
    let command = shell("trap '' TERM; echo $$; sleep 1000 & echo $!; while :; do sleep 1; done");
    let task = tokio::spawn({
        let sink = sink.clone();
        async move { run_with(&command, &*sink, &CancellationToken::new()).await }
    });
    let (leader, member) = (sink.pid(0).await, sink.pid(1).await);
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    eventually(|| group_is_gone(leader) && process_is_gone(leader) && process_is_gone(member))
        .await;
}

#[tokio::test]
async fn an_abandoned_wait_for_what_is_left_behind_kills_it() {
    let sink = std::sync::Arc::new(Recorder::default());
    let member = "trap \"echo stubborn\" TERM; echo up; while :; do sleep 0.1; done";
    let command = shell(&format!("echo $$; sh -c '{member}' &"));
    let task = tokio::spawn({
        let sink = sink.clone();
        async move { run_with(&command, &*sink, &CancellationToken::new()).await }
    });
    let leader = sink.pid(0).await;
    sink.until(|sink| sink.stdout().contains(&"stubborn".to_owned()).then_some(())).await;
    assert!(!group_is_gone(leader));
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    eventually(|| group_is_gone(leader)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_commands_run_side_by_side() {
    let tasks: Vec<_> = (0..30)
        .map(|n| tokio::spawn(async move { run(&shell(&format!("echo {n}; exit {n}"))).await }))
        .collect();
    for (n, task) in tasks.into_iter().enumerate() {
        let (output, sink) = task.await.unwrap();
        assert_eq!(output.code, i32::try_from(n).ok());
        assert_eq!(sink.stdout(), [n.to_string()]);
    }
}
