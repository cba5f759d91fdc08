use super::*;
use crate::error::ErrorCode;

fn scratch() -> std::path::PathBuf {
    let name = format!("conveyor-exec-{}-{:x}", std::process::id(), fastrand::u64(..));
    let directory = std::env::temp_dir().join(name);
    std::fs::create_dir(&directory).unwrap();
    directory
}

/// The context of the `ExecFailed` that the start of a command ends with.
async fn start_failure(command: &Command) -> Vec<(String, String)> {
    let error =
        run_with(command, &Recorder::default(), &CancellationToken::new()).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::ExecFailed);
    assert!(std::error::Error::source(&error).is_some());
    error.context().to_vec()
}

fn context(entries: &[(&str, &str)]) -> Vec<(String, String)> {
    entries.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn what_is_at_fault_is_named() {
    let directory = scratch();
    let here = directory.to_str().unwrap();
    let (text, script) = (directory.join("text"), directory.join("script"));
    std::fs::write(&text, "text").unwrap();
    std::fs::write(&script, "#!/no/such/interpreter\n").unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&script, executable).unwrap();
    let (text, script) = (text.to_str().unwrap(), script.to_str().unwrap());

    for program in ["no-such-program", "", "/no/such/program", text, here, &format!("{text}/x")] {
        assert_eq!(
            start_failure(&Command::new(program)).await,
            context(&[("program", program), ("fault", "program")])
        );
    }
    assert_eq!(
        start_failure(&Command::new("no-such-program").current_dir(here)).await,
        context(&[
            ("program", "no-such-program"),
            ("working_directory", here),
            ("fault", "program")
        ])
    );
    for wrong in ["/no/such/directory", text] {
        assert_eq!(
            start_failure(&Command::new("true").current_dir(wrong)).await,
            context(&[
                ("program", "true"),
                ("working_directory", wrong),
                ("fault", "working_directory")
            ])
        );
    }
    assert_eq!(
        start_failure(&Command::new(script)).await,
        context(&[("program", script), ("fault", "interpreter")])
    );
    assert_eq!(
        start_failure(&Command::new("echo").arg("too long ".repeat(1 << 20))).await,
        context(&[("program", "echo")])
    );
    std::fs::remove_dir_all(directory).unwrap();
}

#[tokio::test]
async fn what_no_process_can_be_given_is_refused() {
    let (sink, cancel) = (Recorder::default(), CancellationToken::new());
    for (command, path) in [
        (shell("echo started").env("A=B", "1"), "env"),
        (shell("echo started").env("", "1"), "env"),
        (shell("echo started").env("A", "1\0a"), "env.A"),
        (shell("echo started").arg("a\0b"), "args[2]"),
    ] {
        let error = run_with(&command, &sink, &cancel).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::OptionsInvalid);
        assert_eq!(error.context()[0].0, path);
    }
    assert!(sink.stdout().is_empty(), "it was started");
}

#[tokio::test]
async fn a_cancelled_run_starts_nothing() {
    let directory = scratch();
    let cancel = CancellationToken::new();
    cancel.cancel();
    let command = Command::new("touch").arg("started").current_dir(&directory);
    let error = run_with(&command, &Recorder::default(), &cancel).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Cancelled);
    assert!(!directory.join("started").exists());
    std::fs::remove_dir_all(directory).unwrap();
}

#[tokio::test]
async fn it_runs_where_it_should_with_the_arguments_as_they_are() {
    let directory = scratch();
    let (_, sink) = run(&shell("pwd -P; printf '%s\n' \"$@\"")
        .args(["sh", "$HOME *", "", "a b"])
        .current_dir(&directory))
    .await;
    let here = directory.canonicalize().unwrap();
    assert_eq!(sink.stdout(), [here.to_str().unwrap(), "$HOME *", "", "a b"]);
    std::fs::remove_dir_all(directory).unwrap();
}

#[tokio::test]
async fn the_environment_is_inherited_changed_or_cleared() {
    let script = "echo ${PATH-none}; echo ${HOME-none}; echo ${ONE-none}";
    let (_, sink) = run(&shell(script).env_remove("HOME").env("ONE", "1")).await;
    assert_eq!(sink.stdout(), [&std::env::var("PATH").unwrap(), "none", "1"]);

    let command = Command::new("/usr/bin/env").env_clear().env("ONE", "1").env_remove("TWO");
    let (_, sink) = run(&command).await;
    assert_eq!(sink.stdout(), ["ONE=1"]);
}
