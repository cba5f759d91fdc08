//! What the Conveyor CI server does before any of its handlers with authentication on, in front of another
//! API: it lets in who shows a token that was signed with the key of a certificate it trusts.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use conveyor_driver_tests::certificates::Authority;
use ring::digest::{SHA256, digest};
use rustls_pki_types::{CertificateDer, UnixTime};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

pub(crate) struct Gate {
    pub(crate) url: String,
    task: JoinHandle<()>,
}

impl Gate {
    /// Before the API at this address.
    pub(crate) async fn start(authority: &Authority, api: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let api = api.trim_start_matches("http://").to_owned();
        let root = der(&authority.pem);
        let task = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                // Whoever asked may be gone by now.
                tokio::spawn(pass(connection, api.clone(), root.clone()));
            }
        });
        Self { url, task }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(mut client: TcpStream, api: String, root: Vec<u8>) -> Option<()> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if client.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    if let Err(refusal) = admitted(head, &root) {
        let body = format!("{{\"error\":\"{refusal}\"}}");
        let answer = format!(
            "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            body.len()
        );
        return client.write_all(answer.as_bytes()).await.ok();
    }
    let mut server = TcpStream::connect(api).await.ok()?;
    // One request a connection, so that each is looked at.
    server.write_all(&bytes[..end]).await.ok()?;
    server.write_all(b"\r\nConnection: close").await.ok()?;
    server.write_all(&bytes[end..]).await.ok()?;
    copy_bidirectional(&mut client, &mut server).await.ok().map(drop)
}

fn admitted(head: &str, root: &[u8]) -> Result<(), &'static str> {
    let header = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("authorization").then_some(value)
    });
    let header = header.ok_or("missing Authorization header")?;
    let token = header.strip_prefix("Bearer ").ok_or("invalid Authorization header format")?;
    match is_good(token, root) {
        Some(true) => Ok(()),
        Some(false) => Err("token issued in the future"),
        None => Err("invalid token"),
    }
}

/// Nothing when it is no good; whether it is from the past.
fn is_good(token: &str, root: &[u8]) -> Option<bool> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let part = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
    let header: Value = serde_json::from_slice(&part(header)?).ok()?;
    let claims: Value = serde_json::from_slice(&part(claims)?).ok()?;

    let texts = header["x5c"].as_array()?.iter();
    let chain: Vec<_> = texts
        .map(|text| STANDARD.decode(text.as_str()?).ok().map(CertificateDer::from))
        .collect::<Option<_>>()?;
    let (leaf, intermediates) = chain.split_first()?;
    let certificate = EndEntityCert::try_from(leaf).ok()?;
    let trusted = CertificateDer::from(root);
    let anchors = [anchor_from_trusted_cert(&trusted).ok()?];
    let now = UnixTime::now();
    certificate
        .verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &anchors,
            intermediates,
            now,
            KeyUsage::server_auth(),
            None,
            None,
        )
        .ok()?;

    let thumbprint = URL_SAFE_NO_PAD.encode(digest(&SHA256, leaf));
    if claims["cnf"]["x5t#S256"] != thumbprint.as_str() || header["alg"] != "ES256" {
        return None;
    }
    let signature = sequence(&part(signature)?);
    let algorithm = webpki::ring::ECDSA_P256_SHA256;
    certificate.verify_signature(algorithm, signed.as_bytes(), &signature).ok()?;
    if claims["exp"].as_u64()? < now.as_secs() {
        return None;
    }
    Some(claims["iat"].as_u64()? <= now.as_secs())
}

/// Two numbers of one length as DER.
fn sequence(halves: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for number in halves.chunks(halves.len() / 2) {
        let first = number.iter().position(|byte| *byte != 0).unwrap_or(number.len() - 1);
        let mut digits = number[first..].to_vec();
        if digits[0] >= 0x80 {
            digits.insert(0, 0);
        }
        body.extend([0x02, u8::try_from(digits.len()).unwrap()]);
        body.extend(digits);
    }
    [&[0x30, u8::try_from(body.len()).unwrap()], body.as_slice()].concat()
}

fn der(pem: &str) -> Vec<u8> {
    let text: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(text).unwrap()
}
