use super::*;
use crate::exec::lines::LINE_LIMIT;

#[tokio::test]
async fn each_output_comes_line_by_line_in_order() {
    let (output, sink) =
        run(&shell(r"printf 'a\n\nb\r\n'; printf 'x\ny' >&2; printf 'c\377\303\274'; exit 3"))
            .await;
    assert_eq!((output.code, output.signal, output.cancelled), (Some(3), None, false));
    assert!(!output.success());
    assert_eq!(sink.stdout(), ["a", "", "b", "c\u{fffd}ü"]);
    assert_eq!(sink.stderr(), ["x", "y"]);
}

#[tokio::test]
async fn lines_come_while_the_command_runs() {
    let sink = Recorder::default();
    let output = cancel_when_ready(&shell("echo ready; sleep 1000"), &sink).await;
    assert!(output.cancelled);
    assert_eq!(sink.stdout(), ["ready"]);
}

#[tokio::test]
async fn nothing_of_much_output_is_lost() {
    let (output, sink) = run(&shell("seq 1 40000; seq 1 40000 >&2")).await;
    assert!(output.success());
    let expected: Vec<_> = (1..=40_000).map(|n: u32| n.to_string()).collect();
    assert_eq!(sink.stdout(), expected);
    assert_eq!(sink.stderr(), expected);
}

#[tokio::test]
async fn a_line_without_end_is_cut() {
    let length = 3 * LINE_LIMIT + 7;
    let script = format!("head -c {length} /dev/zero | tr '\\0' x; echo; echo next");
    let (_, sink) = run(&shell(&script)).await;
    let lengths: Vec<_> = sink.stdout().iter().map(String::len).collect();
    assert_eq!(lengths, [LINE_LIMIT, LINE_LIMIT, LINE_LIMIT, 7, 4]);
}

#[tokio::test]
async fn an_output_closed_early_ends_only_that_output() {
    let (output, sink) = run(&shell("printf half; exec >&-; echo other >&2; exit 4")).await;
    assert_eq!(output.code, Some(4));
    assert_eq!(sink.stdout(), ["half"]);
    assert_eq!(sink.stderr(), ["other"]);
}

#[tokio::test]
async fn a_full_log_makes_the_command_wait() {
    let sink = Recorder::shut();
    let cancel = CancellationToken::new();
    let line = "x".repeat(1000);
    let command = shell("echo $$; exec yes \"$LINE\"").env("LINE", &line);
    let blocked = async {
        let leader = sink.pid(0).await;
        if cfg!(target_os = "linux") {
            let stat = format!("/proc/{}/stat", leader.as_raw_pid());
            let state = || std::fs::read_to_string(&stat).unwrap();
            eventually(|| state().contains("(yes) S")).await;
        }
        cancel.cancel();
        // The sink still waits: that must not keep the processes alive.
        eventually(|| group_is_gone(leader)).await;
        sink.open();
    };
    let (output, ()) = tokio::join!(run_with(&command, &sink, &cancel), blocked);
    assert!(output.unwrap().cancelled);
    // A pipe and a chunk.
    assert!(sink.stdout().len() < 100, "{}", sink.stdout().len());
}

#[tokio::test]
async fn a_torrent_of_output_does_not_hold_up_a_cancellation() {
    struct Discard;
    impl LineSink for Discard {
        fn line(&self, _source: OutputStream, _line: String) -> BoxFuture<'_, ()> {
            async {}.boxed()
        }
    }
    let cancel = CancellationToken::new();
    let command = shell("yes & yes >&2");
    let later = async {
        // Any time in the middle of it will do.
        tokio::time::sleep(Duration::from_millis(50)).await;
        cancel.cancel();
    };
    let (output, ()) = tokio::join!(run_with(&command, &Discard, &cancel), later);
    assert!(output.unwrap().cancelled);
}
