//! The proxy itself: each weather does what it says.

use std::time::Duration;

use conveyor_driver_tests::faults::{Cut, Proxy, Weather};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};

const SOON: Duration = Duration::from_secs(10);
const QUIET: Duration = Duration::from_millis(150);

/// A proxy in front of a server that sends back what it gets.
async fn echo() -> (Proxy, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = connection.split();
                let _ended = tokio::io::copy(&mut from, &mut to).await;
            });
        }
    });
    let proxy = Proxy::start(port).await.unwrap();
    let client = connect(&proxy).await;
    (proxy, client)
}

async fn connect(proxy: &Proxy) -> TcpStream {
    TcpStream::connect(proxy.url().trim_start_matches("nats://")).await.unwrap()
}

async fn answers(client: &mut TcpStream, text: &[u8]) {
    client.write_all(text).await.unwrap();
    let mut back = vec![0; text.len()];
    timeout(SOON, client.read_exact(&mut back)).await.unwrap().unwrap();
    assert_eq!(back, text);
}

#[tokio::test]
async fn half_open_holds_bytes_and_healing_carries_them() {
    for (up, down) in [(true, false), (false, true), (true, true)] {
        let (proxy, mut client) = echo().await;
        answers(&mut client, b"one").await;
        proxy.set(Weather::HalfOpen { up, down });
        client.write_all(b"two").await.unwrap();
        let mut back = [0; 3];
        assert!(timeout(QUIET, client.read_exact(&mut back)).await.is_err());
        proxy.heal();
        timeout(SOON, client.read_exact(&mut back)).await.unwrap().unwrap();
        assert_eq!(&back, b"two");
    }
}

#[tokio::test]
async fn cuts_end_connections_in_order_or_by_a_reset() {
    let (proxy, mut client) = echo().await;
    answers(&mut client, b"one").await;
    proxy.cut(Cut::Fin);
    assert_eq!(timeout(SOON, client.read(&mut [0])).await.unwrap().unwrap(), 0);
    let mut client = connect(&proxy).await;
    answers(&mut client, b"two").await;
    proxy.cut(Cut::Reset);
    let error = timeout(SOON, client.read(&mut [0])).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn new_connections_hang_or_are_refused_and_old_ones_are_carried() {
    let (proxy, mut old) = echo().await;
    answers(&mut old, b"one").await;
    proxy.set(Weather::Hang);
    let mut new = connect(&proxy).await;
    new.write_all(b"two").await.unwrap();
    assert!(timeout(QUIET, new.read(&mut [0])).await.is_err());
    answers(&mut old, b"three").await;
    proxy.set(Weather::Refuse);
    let mut refused = connect(&proxy).await;
    assert!(matches!(timeout(SOON, refused.read(&mut [0])).await.unwrap(), Ok(0) | Err(_)));
    answers(&mut old, b"four").await;
}

#[tokio::test]
async fn slow_and_delayed_take_their_time() {
    let (proxy, mut client) = echo().await;
    proxy.set(Weather::Slow(1_000));
    let started = Instant::now();
    answers(&mut client, &[7; 512]).await;
    assert!(started.elapsed() >= Duration::from_millis(500));
    proxy.set(Weather::Delay(Duration::from_millis(100)));
    let started = Instant::now();
    answers(&mut client, b"two").await;
    assert!(started.elapsed() >= Duration::from_millis(200));
}
