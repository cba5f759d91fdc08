//! Help, completions, manual, colours.

use crate::support::Call;

#[tokio::test]
async fn help_names_every_command_and_the_exit_codes() {
    let help = Call::new(&["--help"]).ended().await.exits_with(0).stdout();
    for word in ["exec", "run", "test", "completions", "man", "Exit codes:", "NO_COLOR"] {
        assert!(help.contains(word), "{word}\n{help}");
    }
    Call::new(&["--version"]).ended().await.exits_with(0);
    // Without a command it says how to use it.
    Call::new(&[]).ended().await.exits_with(2);
}

#[tokio::test]
async fn shells_get_completions_and_man_its_pages() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = Call::new(&["completions", shell]).ended().await.exits_with(0).stdout();
        assert!(script.contains("conveyor-driver"), "{shell}");
    }
    let page = Call::new(&["man"]).ended().await.exits_with(0).stdout();
    assert!(page.starts_with(".ie") && page.contains(".TH"), "{page}");
    let call = Call::new(&["man", "--dir", "pages"]);
    let pages = call.folder.path().join("pages");
    let ended = call.ended().await.exits_with(0);
    assert!(pages.join("conveyor-driver-exec.1").exists());
    drop(ended);
}

#[tokio::test]
async fn colours_are_for_terminals_unless_forced() {
    let script = ["test", "-f", "r.json", "--", "sh", "-c", "printf '\\033[31mred\\n'"];
    let call = |colour: &str| {
        let mut call = Call::new(&["--color", colour]);
        call.command.args(script);
        call.file("r.json", r#"{"name": "x", "resource": "y"}"#);
        call
    };
    for (colour, coloured) in [("auto", false), ("never", false), ("always", true)] {
        let ended = call(colour).ended().await.exits_with(0);
        assert_eq!(ended.stderr().contains('\x1b'), coloured, "{colour}");
        // What a script writes never steers the terminal.
        assert_eq!(ended.stdout(), "red\n");
    }
}
