//! On a terminal: colours, and runs in flight that stay in sight.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use rustix::process::Signal;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::support::{Call, Running, eventually};

/// What a terminal was told.
#[derive(Clone, Default)]
struct Screen(Arc<Mutex<String>>);

impl Screen {
    /// A call with this terminal for its output.
    fn show(&self, mut call: Call) -> Running {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        let path = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
        let output = || -> OwnedFd { File::options().write(true).open(&path).unwrap().into() };
        call.command.stdout(Stdio::from(output())).stderr(Stdio::from(output()));
        call.command.env("TERM", "xterm-256color");
        let (screen, mut terminal) = (self.0.clone(), File::from(terminal));
        let running = call.start();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // It fails when the other end is closed.
            while let Ok(count @ 1..) = terminal.read(&mut bytes) {
                screen.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        });
        running
    }

    async fn shows(&self, text: &str) {
        eventually(text, async || self.0.lock().unwrap().contains(text)).await;
    }

    fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn a_run_in_flight_stays_in_sight_with_its_driver_and_age() {
    let screen = Screen::default();
    let dev = Call::new(&["dev", "--nats-port", "0", "--port", "0"]);
    let dev = screen.show(dev);
    screen.shows("api").await;
    eventually("an address", async || screen.text().matches("127.0.0.1:").count() == 2).await;
    let text = anstream::adapter::strip_str(&screen.text()).to_string();
    let address = |scheme: &str| {
        let rest = text.split_once(scheme).unwrap().1;
        format!("{scheme}{}", rest.split([' ', '\r']).next().unwrap())
    };
    let (nats, api) = (address("nats://"), address("http://"));

    let mut driver = Call::new(&["exec", "--name", "slow", "--resource", "app", "--"]);
    let script = "echo working; until [ -e go ]; do sleep 0.02; done";
    driver.command.args(["sh", "-c", script]).env("CONVEYOR_NATS_URL", &nats);
    let driver = driver.start();
    eventually("the driver answers", async || {
        let runs = Call::new(&["runs", "--url", &nats, "--output", "json"]).ended().await;
        !runs.exits_with(0).stdout().is_empty()
    })
    .await;
    let apply = Call::new(&["apply", "-f", "r.yaml", "--api-url", &api]);
    apply.file("r.yaml", "name: a\nresource: app\n");
    apply.ended().await.exits_with(0);
    screen.shows("running ").await;
    // Its age goes on.
    let seen = screen.text().matches("running ").count();
    eventually("it is drawn again", async || screen.text().matches("running ").count() > seen + 2)
        .await;
    std::fs::write(driver.folder.path().join("go"), "").unwrap();
    screen.shows("succeeded").await;
    assert!(screen.text().contains("\x1b["), "{}", screen.text());
    driver.signal(Signal::TERM);
    driver.ended().await.exits_with(0);
    dev.signal(Signal::INT);
    dev.ended().await.exits_with(0).left_nothing().await;
}

#[tokio::test]
async fn no_color_holds_on_a_terminal_too() {
    for (no_color, coloured) in [(None, true), (Some("1"), false)] {
        let screen = Screen::default();
        let mut call = Call::new(&["exec", "--name", "a", "--resource", "b", "--", "no-such"]);
        call.command.env_remove("NO_COLOR").envs(no_color.map(|value| ("NO_COLOR", value)));
        screen.show(call).ended().await.exits_with(2);
        screen.shows("no-such").await;
        assert_eq!(screen.text().contains('\x1b'), coloured, "{:?}", screen.text());
    }
}
