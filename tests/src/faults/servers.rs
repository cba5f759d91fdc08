//! One real server, or three that share every stream.

use std::net::TcpListener;

use conveyor_driver::Result;
use conveyor_driver_cli::nats_server::{NatsServer, NatsServerOptions};
use futures_util::future::join_all;

/// The servers of one cell.
#[derive(Debug)]
pub struct Servers(Vec<NatsServer>);

impl Servers {
    /// Starts one.
    ///
    /// # Panics
    /// When there is no `nats-server`.
    pub async fn single(config: &str) -> Self {
        Self(vec![start(config.to_owned()).await.expect("these tests need a nats-server")])
    }

    /// Starts three, `n0` to `n2`, that know each other.
    ///
    /// # Panics
    /// When there is no `nats-server`.
    pub async fn cluster() -> Self {
        // A port may be taken between its choice and its use.
        for _ in 0..5 {
            if let Ok(servers) = Self::three().await {
                return servers;
            }
        }
        panic!("no cluster of nats-servers can be started");
    }

    async fn three() -> Result<Self> {
        let ports: Vec<u16> = std::iter::repeat_with(free_port).take(3).collect();
        let routes: Vec<_> = ports.iter().map(|port| format!("nats://127.0.0.1:{port}")).collect();
        let routes = routes.join(", ");
        let starting = ports.iter().enumerate().map(|(i, port)| {
            start(format!(
                "server_name: n{i}\ncluster {{ name: faults, listen: \"127.0.0.1:{port}\", \
                 routes: [{routes}] }}\n"
            ))
        });
        join_all(starting).await.into_iter().collect::<Result<_>>().map(Self)
    }

    /// The only server, or the first.
    pub fn one(&mut self) -> &mut NatsServer {
        &mut self.0[0]
    }

    /// The server of this name.
    ///
    /// # Panics
    /// When there is none.
    pub fn named(&mut self, name: &str) -> &mut NatsServer {
        let at: usize = name.strip_prefix('n').and_then(|n| n.parse().ok()).expect("n0 to n2");
        &mut self.0[at]
    }

    /// The addresses of all.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.0.iter().map(NatsServer::url).collect()
    }

    /// The port of the only server, or the first.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.0[0].port()
    }
}

async fn start(config: String) -> Result<NatsServer> {
    let options = NatsServerOptions { config, ..Default::default() };
    NatsServer::start_with(options).await
}

/// A port that nobody listens on, and that is given to nobody who asks for any.
fn free_port() -> u16 {
    let below_the_ephemeral = || fastrand::u16(12_000..32_000);
    std::iter::repeat_with(below_the_ephemeral)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .unwrap_or_default()
}
