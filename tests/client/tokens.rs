//! Tokens, as a server reads them: signed with the key of a certificate, for each form that a key comes in.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use conveyor_driver::options::{ClientOptions, Secret, TlsOptions};
use conveyor_driver::{Client, ErrorCode};
use conveyor_driver_tests::certificates::Authority;
use rcgen::{KeyPair, PublicKeyData};
use ring::digest::{SHA256, digest};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, RSA_PKCS1_2048_8192_SHA256,
    UnparsedPublicKey, VerificationAlgorithm,
};
use serde_json::Value;

use crate::stub::{Heard, Stub, json};

/// A token taken apart.
pub(crate) struct Token {
    header: Value,
    pub(crate) claims: Value,
    signed: String,
    signature: Vec<u8>,
}

pub(crate) fn token(heard: &Heard) -> Token {
    let text = heard.header("authorization").unwrap().strip_prefix("Bearer ").unwrap();
    let (signed, signature) = text.rsplit_once('.').unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    let part = |text: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap();
    Token {
        header: part(header),
        claims: part(claims),
        signed: signed.to_owned(),
        signature: URL_SAFE_NO_PAD.decode(signature).unwrap(),
    }
}

impl Token {
    /// The certificates that came along, leaf first.
    pub(crate) fn chain(&self) -> Vec<Vec<u8>> {
        let texts = self.header["x5c"].as_array().unwrap();
        texts.iter().map(|text| STANDARD.decode(text.as_str().unwrap()).unwrap()).collect()
    }
}

async fn stub() -> Stub {
    Stub::start(|_, _| json("200 OK", "{}")).await
}

fn with(stub: &Stub, tls: TlsOptions) -> ClientOptions {
    ClientOptions { tls, ..stub.options() }
}

fn identity(cert: &str, key: &str) -> TlsOptions {
    TlsOptions { cert: Some(cert.into()), key: Some(Secret::new(key)), ..TlsOptions::default() }
}

async fn asked(options: ClientOptions) -> conveyor_driver::Result<()> {
    Client::new(options)?.definitions().get("demo").await.map(|_| ())
}

fn der(pem: &str) -> Vec<u8> {
    let text: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(text).unwrap()
}

#[tokio::test]
async fn every_form_of_key_signs_what_the_server_can_verify() {
    let keys: [(&str, &str, &str, &'static dyn VerificationAlgorithm); 6] = [
        (
            "RS256",
            include_str!("keys/rsa-pkcs8.pem"),
            include_str!("keys/rsa-pkcs1.pem"),
            &RSA_PKCS1_2048_8192_SHA256,
        ),
        (
            "RS256",
            include_str!("keys/rsa-pkcs8.pem"),
            include_str!("keys/rsa-pkcs8.pem"),
            &RSA_PKCS1_2048_8192_SHA256,
        ),
        (
            "ES256",
            include_str!("keys/p256-pkcs8.pem"),
            include_str!("keys/p256-sec1.pem"),
            &ECDSA_P256_SHA256_FIXED,
        ),
        (
            "ES256",
            include_str!("keys/p256-pkcs8.pem"),
            include_str!("keys/p256-pkcs8.pem"),
            &ECDSA_P256_SHA256_FIXED,
        ),
        (
            "ES384",
            include_str!("keys/p384-pkcs8.pem"),
            include_str!("keys/p384-sec1.pem"),
            &ECDSA_P384_SHA384_FIXED,
        ),
        (
            "ES384",
            include_str!("keys/p384-pkcs8.pem"),
            include_str!("keys/p384-pkcs8.pem"),
            &ECDSA_P384_SHA384_FIXED,
        ),
    ];
    let (authority, stub) = (Authority::new(), stub().await);
    for (algorithm, pkcs8, key, verifies) in keys {
        let pair = KeyPair::from_pem(pkcs8).unwrap();
        let cert = authority.certify(&pair);
        asked(with(&stub, identity(&cert, key))).await.unwrap();

        let token = token(stub.heard().last().unwrap());
        assert_eq!(token.header["alg"], algorithm);
        assert_eq!(token.chain(), [der(&cert)]);
        let thumbprint = URL_SAFE_NO_PAD.encode(digest(&SHA256, &der(&cert)));
        assert_eq!(token.claims["cnf"]["x5t#S256"], thumbprint.as_str());
        UnparsedPublicKey::new(verifies, pair.der_bytes())
            .verify(token.signed.as_bytes(), &token.signature)
            .unwrap();
    }
}

#[tokio::test]
#[allow(clippy::disallowed_methods, reason = "the server has its own clock")]
async fn a_token_is_from_the_past_and_ends_soon() {
    let (authority, stub) = (Authority::new(), stub().await);
    let mine = authority.client();
    asked(with(&stub, identity(&mine.cert, &mine.key))).await.unwrap();
    let claims = token(&stub.heard()[0]).claims;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let (issued, ends) = (claims["iat"].as_u64().unwrap(), claims["exp"].as_u64().unwrap());
    assert!(issued < now && ends > now && ends - issued < 300, "{issued} {now} {ends}");
}

#[tokio::test]
async fn a_token_is_used_again_while_it_is_fresh() {
    let (authority, stub) = (Authority::new(), stub().await);
    let mine = authority.client();
    let client = Client::new(with(&stub, identity(&mine.cert, &mine.key))).unwrap();
    for _ in 0..2 {
        client.definitions().get("demo").await.unwrap();
    }
    let heard = stub.heard();
    assert_eq!(heard[0].header("authorization"), heard[1].header("authorization"));
}

#[tokio::test]
async fn the_chain_goes_along_without_what_the_server_has() {
    let (root, stub) = (Authority::new(), stub().await);
    let between = root.intermediate();
    let mine = between.client();
    let chain = [mine.cert.as_str(), between.pem.as_str(), root.pem.as_str()].concat();
    let options = TlsOptions { ca: Some(root.pem.clone()), ..identity(&chain, &mine.key) };
    asked(with(&stub, options)).await.unwrap();
    assert_eq!(token(&stub.heard()[0]).chain(), [der(&mine.cert), der(&between.pem)]);
}

#[tokio::test]
async fn keys_that_cannot_be_used_are_named() {
    let stub = stub().await;
    let p521 = include_str!("keys/p521-cert.pem");
    for key in [include_str!("keys/p521-sec1.pem"), include_str!("keys/p521-pkcs8.pem")] {
        let error = asked(with(&stub, identity(p521, key))).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::Unsupported);
        assert!(error.message().contains("P-521"));
        assert_eq!(error.context()[0].0, "tls.key");
    }
    let ed25519 = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let cert = Authority::new().certify(&ed25519);
    let error = asked(with(&stub, identity(&cert, &ed25519.serialize_pem()))).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unsupported);
    assert!(stub.heard().is_empty());
}

#[tokio::test]
async fn a_key_of_another_certificate_is_refused() {
    let (authority, stub) = (Authority::new(), stub().await);
    let (one, other) = (authority.client(), authority.client());
    let error = asked(with(&stub, identity(&one.cert, &other.key))).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::TlsFailed);
}
