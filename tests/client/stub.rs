//! A server of a few lines, down to the bytes it sends.

use std::sync::{Arc, Mutex};

use conveyor_driver::Client;
use conveyor_driver::options::ClientOptions;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    /// `GET /path`
    pub(crate) line: String,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Heard {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// What the server does with a request.
pub(crate) enum Does {
    /// Sends these bytes, then closes.
    Sends(Vec<u8>),
    /// Sends these bytes and then nothing, without closing.
    Stalls(Vec<u8>),
    /// Closes without a word.
    Closes,
    /// Sends the head, then this many blocks of zeros, as long as anybody takes them.
    Floods { head: Vec<u8>, blocks: usize },
    /// Sends what comes, until it ends.
    Streams(mpsc::UnboundedReceiver<Vec<u8>>),
}

pub(crate) const BLOCK: usize = 64 * 1024;

pub(crate) fn answer(status: &str, kind: &str, body: &str) -> Does {
    let length = body.len();
    Does::Sends(
        format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
            .into_bytes(),
    )
}

pub(crate) fn json(status: &str, body: &str) -> Does {
    answer(status, "application/json", body)
}

pub(crate) struct Stub {
    pub(crate) url: String,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl Stub {
    /// Does with the first request, the second and so on what is told.
    pub(crate) async fn start(
        tell: impl Fn(usize, &Heard) -> Does + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heard: Arc<Mutex<Vec<Heard>>> = Arc::default();
        let (kept, tell) = (heard.clone(), Arc::new(tell));
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let (kept, tell) = (kept.clone(), tell.clone());
                tokio::spawn(async move { serve(connection, &kept, &*tell).await });
            }
        });
        Self { url, heard }
    }

    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    /// Options for this server, with limits that a test can wait for.
    pub(crate) fn options(&self) -> ClientOptions {
        ClientOptions {
            url: Some(self.url.clone()),
            request_timeout_ms: 2_000,
            connect_timeout_ms: 1_000,
            ..ClientOptions::default()
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.options()).unwrap()
    }
}

async fn serve(
    mut connection: TcpStream,
    kept: &Mutex<Vec<Heard>>,
    tell: &(dyn Fn(usize, &Heard) -> Does + Send + Sync),
) -> Option<()> {
    let heard = hear(&mut connection).await?;
    let number = {
        let mut kept = kept.lock().unwrap();
        kept.push(heard.clone());
        kept.len() - 1
    };
    // Whoever asked may be gone by now.
    match tell(number, &heard) {
        Does::Closes => {}
        Does::Sends(bytes) => connection.write_all(&bytes).await.ok()?,
        Does::Stalls(bytes) => {
            connection.write_all(&bytes).await.ok()?;
            let _gone = connection.read(&mut [0]).await;
        }
        Does::Floods { head, blocks } => {
            connection.write_all(&head).await.ok()?;
            let block = vec![b' '; BLOCK];
            for _ in 0..blocks {
                connection.write_all(&block).await.ok()?;
            }
        }
        Does::Streams(mut pieces) => {
            while let Some(piece) = pieces.recv().await {
                connection.write_all(&piece).await.ok()?;
            }
        }
    }
    connection.shutdown().await.ok()
}

async fn hear(connection: &mut TcpStream) -> Option<Heard> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if connection.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let line = head.lines().next()?.rsplit_once(' ')?.0.to_owned();
    let mut heard = Heard { line, head, body: bytes[end + 4..].to_vec() };
    let length = heard.header("content-length").map_or(0, |length| length.parse().unwrap());
    while heard.body.len() < length {
        if connection.read_buf(&mut heard.body).await.ok()? == 0 {
            return None;
        }
    }
    Some(heard)
}
