//! Faults of files and arguments.

use crate::support::Call;

#[tokio::test]
async fn every_fault_of_a_drivers_file_is_named_with_its_path() {
    let call = Call::new(&["run", "--check", "drivers.toml"]);
    call.file(
        "drivers.toml",
        "[[drivers]]\nname = 'a b'\nresources = ['x']\ncommand = []\nconcurency = 2\n",
    );
    let ended = call.ended().await.exits_with(2);
    let told = ended.stderr();
    for path in
        ["drivers.toml", "drivers[0].name:", "drivers[0].command:", "drivers[0].concurency:"]
    {
        assert!(told.contains(path), "{path}\n{told}");
    }
    assert!(told.contains("did you mean `concurrency`?"), "{told}");
}

#[tokio::test]
async fn a_file_that_is_not_toml_shows_the_line() {
    let call = Call::new(&["run", "drivers.toml"]);
    call.file("drivers.toml", "[[drivers]]\nname = \n");
    let ended = call.ended().await.exits_with(2);
    assert!(ended.stderr().contains("line 2"), "{}", ended.stderr());
}

#[tokio::test]
async fn a_program_that_is_not_there_is_said_at_once() {
    let call = Call::new(&["exec", "--name", "a", "--resource", "b", "--", "no-such-program"]);
    let ended = call.ended().await.exits_with(2);
    assert!(ended.stderr().contains("no-such-program"), "{}", ended.stderr());
    let ended = Call::new(&["exec", "--name", "a", "--resource", "b", "--", "/"]).ended().await;
    ended.exits_with(2);
}

#[tokio::test]
async fn an_option_of_the_wrong_form_is_wrong_usage() {
    for arguments in [
        &["exec", "--name", "a b", "--resource", "b", "--", "sh"][..],
        &["exec", "--name", "a", "--resource", "b", "--set", "nothing=1", "--", "sh"],
        &["exec", "--name", "a", "--resource", "b", "--timeout", "5", "--", "sh"],
        &["exec", "--name", "a", "--", "sh"],
        &["exec", "--name", "a", "--resource", "b"],
        &["nothing"],
    ] {
        Call::new(arguments).ended().await.exits_with(2);
    }
}

#[tokio::test]
async fn an_option_that_is_given_twice_is_wrong_usage() {
    for (twice, option) in [
        (&["--set", "name=\"other\""][..], "name"),
        (&["--concurrency", "3", "--set", "concurrency=2"], "concurrency"),
        (&["--set", "max_attempts=2", "--set", "max_attempts=3"], "max_attempts"),
    ] {
        let mut call = Call::new(&["exec", "--name", "orig", "--resource", "b"]);
        call.command.args(twice).args(["--url", "nats://127.0.0.1:1", "--", "sh"]);
        let ended = call.ended().await.exits_with(2);
        assert!(ended.stderr().contains(&format!("option: {option}")), "{}", ended.stderr());
    }
}

#[tokio::test]
async fn a_file_with_nothing_in_it_is_wrong_usage() {
    for text in ["", "\n", "# nothing\n", "---\n---\n", "[]"] {
        let call = Call::new(&["apply", "-f", "empty", "--api-url", "http://127.0.0.1:1"]);
        call.file("empty", text);
        let ended = call.ended().await.exits_with(2);
        assert!(ended.stderr().contains("file: empty"), "{text:?}\n{}", ended.stderr());
    }
}

#[tokio::test]
async fn resources_may_be_yaml() {
    let call = Call::new(&["test", "-f", "r.yaml", "--output", "json", "--", "cat"]);
    call.file("r.yaml", "# a comment\nname: world\nresource: greeting\nspec:\n  list: [1, two]\n");
    let ended = call.ended().await.exits_with(0);
    assert!(ended.lines()[0].contains(r#""spec":{"list":[1,"two"]}"#), "{:?}", ended.lines());
    for (text, named) in [("name: [", "r.yaml"), ("name: x\n", "resource"), ("name: 7\n", "name")] {
        let call = Call::new(&["test", "-f", "r.yaml", "--", "cat"]);
        call.file("r.yaml", text);
        let ended = call.ended().await.exits_with(2);
        assert!(ended.stderr().contains(named), "{}", ended.stderr());
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_in_time_has_an_exit_code_of_its_own() {
    let call = Call::new(&["run", "drivers.toml"]);
    call.file(
        "drivers.toml",
        "connection = { url = 'nats://127.0.0.1:1', connect_timeout_ms = 50 }\n\
         [[drivers]]\nname = 'a'\nresources = ['x']\ncommand = ['sh']\n",
    );
    let ended = call.ended().await.exits_with(3);
    assert!(ended.stderr().contains("hint:"), "{}", ended.stderr());
}
