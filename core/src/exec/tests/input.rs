use super::*;

#[tokio::test]
async fn without_input_there_is_none() {
    let (output, sink) = run(&Command::new("cat")).await;
    assert!(output.success());
    assert!(sink.stdout().is_empty());
}

#[tokio::test]
async fn input_larger_than_the_pipes_goes_through() {
    let line = "0123456789abcde\n";
    let (output, sink) = run(&Command::new("cat").stdin(line.repeat(100_000))).await;
    assert!(output.success());
    assert_eq!(sink.stdout().len(), 100_000);
    assert!(sink.stdout().iter().all(|found| found == line.trim_end()));
}

#[tokio::test]
async fn a_slow_reader_gets_all_of_it() {
    let (output, sink) = run(&shell("n=0; while read -r line; do n=$((n + 1)); done; echo $n")
        .stdin("some words\n".repeat(20_000)))
    .await;
    assert!(output.success());
    assert_eq!(sink.stdout(), ["20000"]);
}

#[tokio::test]
async fn a_command_that_never_reads_is_no_error() {
    let input = vec![b'x'; 1 << 20];
    for script in ["exit 0", "exec <&-; echo closed; exit 0", "sleep 1000 & exit 0"] {
        let (output, _) = run(&shell(script).stdin(input.clone())).await;
        assert!(output.success(), "{script}");
    }
}

#[tokio::test]
async fn a_command_that_never_reads_can_be_cancelled() {
    let sink = Recorder::default();
    let command = shell("echo ready; exec sleep 1000").stdin(vec![b'x'; 1 << 20]);
    assert!(cancel_when_ready(&command, &sink).await.cancelled);
}
