//! Whether a server is there at all, and what it says before anybody logs in.

use std::io;
use std::time::Duration;

use conveyor_driver::options::ConnectionOptions;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::finding::{Finding, Report};

const CONNECTS_WITHIN: Duration = Duration::from_secs(5);
const GREETS_WITHIN: Duration = Duration::from_secs(2);
const DEFAULT_PORT: u16 = 4222;
/// A greeting is a line of a few hundred bytes.
const MOST_BYTES: u64 = 64 * 1024;

pub(super) async fn look(options: &ConnectionOptions, report: &mut Report) -> io::Result<()> {
    for url in options.urls() {
        let start = Instant::now();
        let connection = match timeout(CONNECTS_WITHIN, TcpStream::connect(address(&url))).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => {
                report.add(unreachable(&url, &error.to_string()))?;
                continue;
            }
            Err(_) => {
                report.add(unreachable(&url, "no answer within 5 s"))?;
                continue;
            }
        };
        let took = start.elapsed().as_secs_f64() * 1_000.0;
        report.add(Finding::good("connection", format!("{url} answers in {took:.1} ms")))?;
        let greeting = timeout(GREETS_WITHIN, greeting(connection)).await.ok().flatten();
        for finding in findings(&url, options, greeting.as_ref()) {
            report.add(finding)?;
        }
    }
    Ok(())
}

fn unreachable(url: &str, reason: &str) -> Finding {
    Finding::broken(
        "connection",
        format!("{url}: {reason}"),
        "check the address and the firewall, and that the server runs; `conveyor-driver dev` starts one",
    )
}

/// `host:port` of an address.
fn address(url: &str) -> String {
    let host = url.split_once("://").map_or(url, |(_, host)| host).trim_end_matches('/');
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    if has_port { host.to_owned() } else { format!("{host}:{DEFAULT_PORT}") }
}

/// What the server says first; nothing from one that waits for TLS.
async fn greeting(connection: TcpStream) -> Option<Value> {
    let mut line = String::new();
    BufReader::new(connection.take(MOST_BYTES)).read_line(&mut line).await.ok()?;
    serde_json::from_str(line.strip_prefix("INFO ")?).ok()
}

fn findings(url: &str, options: &ConnectionOptions, greeting: Option<&Value>) -> Vec<Finding> {
    let wants_tls = url.starts_with("tls://") || options.tls.is_given();
    let Some(greeting) = greeting else {
        return vec![if options.tls.first {
            Finding::good("tls", "the server waits for TLS, as these options start it")
        } else {
            Finding::warning(
                "tls",
                "what listens there does not greet as a nats-server does",
                "check the port; for a server with handshake_first set connection.tls.first",
            )
        }];
    };
    let server_wants = greeting["tls_required"].as_bool().unwrap_or(false);
    let server_can = server_wants || greeting["tls_available"].as_bool().unwrap_or(false);
    let tls = match (wants_tls, server_wants) {
        (true, _) if !server_can => Finding::broken(
            "tls",
            "these options ask for TLS, and the server has none",
            "give the server a certificate, or leave --tls-* and tls:// away",
        ),
        (true, _) | (false, true) => Finding::good("tls", "the connection is encrypted"),
        (false, false) if is_local(url) => {
            Finding::good("tls", "not encrypted, which does not leave this machine")
        }
        (false, false) => Finding::warning(
            "tls",
            "the connection is not encrypted: whoever listens on the way reads logs and results",
            "give the server a certificate and use tls://, with --tls-ca for an authority of your own",
        ),
    };
    vec![version(greeting["version"].as_str().unwrap_or_default()), tls]
}

fn is_local(url: &str) -> bool {
    let address = address(url);
    let host = address.rsplit_once(':').map_or(address.as_str(), |(host, _)| host);
    matches!(host, "localhost" | "[::1]") || host.starts_with("127.")
}

fn version(version: &str) -> Finding {
    let mut parts = version.split('.').map(str::parse::<u32>);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) if (major, minor) < (2, 10) => Finding::broken(
            "version",
            format!("nats-server {version} ignores the filters of drivers' consumers"),
            "upgrade it to 2.10 or later",
        ),
        _ => Finding::good("version", format!("nats-server {version}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_port() {
        assert_eq!(address("nats://host"), "host:4222");
        assert_eq!(address("tls://host:1/"), "host:1");
        assert_eq!(address("[::1]"), "[::1]:4222");
        assert!(is_local("nats://127.0.0.1:4222") && is_local("localhost"));
        assert!(!is_local("nats://nats.example"));
    }
}
