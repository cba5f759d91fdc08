//! A bad network: a TCP proxy that cuts, holds, delays and starves what it carries.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

/// What the proxy does with its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// Carries bytes both ways.
    Fair,
    /// Carries nothing in the directions named, and keeps the connections.
    HalfOpen {
        /// From the client to the server.
        up: bool,
        /// From the server to the client.
        down: bool,
    },
    /// Carries each piece of up to 16 KiB after this long.
    Delay(Duration),
    /// Carries this many bytes a second each way.
    Slow(u32),
    /// Takes new connections and says nothing on them; carries the old ones.
    Hang,
    /// Ends new connections at once; carries the old ones.
    Refuse,
}

/// How connections are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// In order.
    Fin,
    /// By a reset.
    Reset,
}

#[derive(Clone, Copy, Debug)]
struct State {
    weather: Weather,
    cuts: u64,
    cut: Cut,
}

/// A running proxy. Ends when dropped, with all its connections.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    accepted: Arc<AtomicUsize>,
    state: watch::Sender<State>,
    _task: AbortOnDropHandle<()>,
}

impl Proxy {
    /// Starts one in front of a port of this machine.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(server: u16) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let (state, watch) =
            watch::channel(State { weather: Weather::Fair, cuts: 0, cut: Cut::Fin });
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = accepted.clone();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                connections.spawn(carry(client, server, watch.clone()));
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self { port, accepted, state, _task: AbortOnDropHandle::new(task) })
    }

    /// The address for clients.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// How many connections there have been.
    #[must_use]
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Changes the weather for all connections.
    pub fn set(&self, weather: Weather) {
        self.state.send_modify(|state| state.weather = weather);
    }

    /// Cuts all connections there are, on both sides.
    pub fn cut(&self, cut: Cut) {
        self.state.send_modify(|state| {
            state.cuts += 1;
            state.cut = cut;
        });
    }

    /// Carries everything again.
    pub fn heal(&self) {
        self.set(Weather::Fair);
    }
}

async fn carry(mut client: TcpStream, server: u16, mut state: watch::Receiver<State>) {
    let now = *state.borrow();
    let mut cuts = state.clone();
    let is_cut =
        async move { cuts.wait_for(|state| state.cuts > now.cuts).await.map(|now| now.cut) };
    tokio::pin!(is_cut);
    if now.weather == Weather::Refuse {
        return;
    }
    let hangs = state.wait_for(|state| state.weather != Weather::Hang);
    tokio::select! {
        _ = hangs => {}
        cut = &mut is_cut => return end(&client, cut.unwrap_or(Cut::Fin)),
    }
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", server)).await else { return };
    let _faster = (client.set_nodelay(true), server.set_nodelay(true));
    let cut = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let up = pump(from_client, to_server, state.clone(), |weather| {
            matches!(weather, Weather::HalfOpen { up: true, .. })
        });
        let down = pump(from_server, to_client, state.clone(), |weather| {
            matches!(weather, Weather::HalfOpen { down: true, .. })
        });
        tokio::select! {
            _ = up => None,
            _ = down => None,
            cut = &mut is_cut => cut.ok(),
        }
    };
    if let Some(cut) = cut {
        end(&client, cut);
        end(&server, cut);
    }
}

/// Dropped after this, the connection is reset; else it ends in order.
fn end(connection: &TcpStream, cut: Cut) {
    if cut == Cut::Reset {
        let _gone = connection.set_zero_linger();
    }
}

/// Carries one direction until it ends.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut state: watch::Receiver<State>,
    held: fn(Weather) -> bool,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let open = state.wait_for(|state| !held(state.weather)).await.map(|state| state.weather);
        let Ok(weather) = open else { return Ok(()) };
        let piece = if let Weather::Slow(_) = weather { 128 } else { buffer.len() };
        let read = tokio::select! {
            read = from.read(&mut buffer[..piece]) => read?,
            _ = state.changed() => continue,
        };
        if read == 0 {
            return to.shutdown().await;
        }
        let pause = match weather {
            Weather::Delay(pause) => pause,
            Weather::Slow(rate) => Duration::from_secs(1).mul_f64(read as f64 / f64::from(rate)),
            _ => Duration::ZERO,
        };
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        // What was read before the fault began is held, too.
        if state.wait_for(|state| !held(state.weather)).await.is_err() {
            return Ok(());
        }
        to.write_all(&buffer[..read]).await?;
    }
}
