//! Messages whose headers no client library would send.

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// Headers that the client library answers with the end of its connection, one for each of its
/// reasons.
pub const UNREADABLE: [&[u8]; 7] = [
    b"garbage\r\nA: 1\r\n\r\n",
    b"\r\n\r\n",
    b"NATS/1.0 what\r\n\r\n",
    b"NATS/1.0\r\nno colon\r\n\r\n",
    b"NATS/1.0\r\nA b: 1\r\n\r\n",
    b"NATS/1.0\r\nA: 1\r\n: 2\r\nB\xff: 3\r\n\r\n",
    b"NATS/1.0\r\nA: \xff\xfe\r\n\r\n",
];

/// Headers that the client library answers with a panic.
pub const STRAY_CARRIAGE_RETURN: &[u8] = b"NATS/1.0\r\nA: 1\r2\r\n\r\n";

/// Publishes a message with these bytes for its headers; its number in the stream.
///
/// # Panics
/// When there is no server at this port of this machine, or it does not store the message.
pub async fn publish_with(port: u16, subject: &str, block: &[u8], payload: &[u8]) -> u64 {
    let mut connection = BufReader::new(TcpStream::connect(("127.0.0.1", port)).await.unwrap());
    let hello = "CONNECT {\"verbose\":false,\"headers\":true}\r\nSUB stored 1\r\n";
    let sizes = format!("{} {}", block.len(), block.len() + payload.len());
    let command = format!("{hello}HPUB {subject} stored {sizes}\r\n");
    let bytes = [command.as_bytes(), block, payload, b"\r\n"].concat();
    connection.write_all(&bytes).await.unwrap();
    let mut line = String::new();
    while !line.starts_with("MSG stored ") {
        line.clear();
        assert_ne!(connection.read_line(&mut line).await.unwrap(), 0, "the server hung up");
    }
    let size = line.trim_end().rsplit(' ').next().unwrap().parse().unwrap();
    let mut answer = vec![0; size];
    connection.read_exact(&mut answer).await.unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
    answer["seq"].as_u64().filter(|seq| *seq > 0).unwrap_or_else(|| panic!("{answer}"))
}
