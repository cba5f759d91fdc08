//! Nkeys and the JWTs they sign, made for one test, so that no seed stands in the repository.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{KeyPair, PKCS_ED25519, PublicKeyData, SigningKey};
use serde_json::{Value, json};

#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Operator = 14 << 3,
    Account = 0,
    User = 20 << 3,
}

pub(crate) struct Nkey {
    kind: Kind,
    pair: KeyPair,
}

impl Nkey {
    pub(crate) fn generate(kind: Kind) -> Self {
        Self { kind, pair: KeyPair::generate_for(&PKCS_ED25519).unwrap() }
    }

    pub(crate) fn public(&self) -> String {
        let mut bytes = vec![self.kind as u8];
        bytes.extend_from_slice(self.pair.der_bytes());
        encode(bytes)
    }

    pub(crate) fn seed(&self) -> String {
        const SEED: u8 = 18 << 3;
        let kind = self.kind as u8;
        let mut bytes = vec![SEED | (kind >> 5), (kind & 31) << 3];
        // In PKCS#8 the seed stands in two nested octet strings of its length.
        let document = self.pair.serialize_der();
        let mark = [0x04, 0x22, 0x04, 0x20];
        let at = document.windows(mark.len()).position(|bytes| bytes == mark).unwrap();
        bytes.extend_from_slice(&document[at + mark.len()..][..32]);
        encode(bytes)
    }

    /// A JWT about `subject`, signed with this key.
    pub(crate) fn sign(&self, subject: &Self, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = part(&json!({ "typ": "JWT", "alg": "ed25519-nkey" }));
        let body = part(&json!({
            "jti": subject.public(), "iat": 1_700_000_000, "iss": self.public(),
            "name": "test", "sub": subject.public(), "nats": claims,
        }));
        let signed = format!("{header}.{body}");
        let signature = URL_SAFE_NO_PAD.encode(self.pair.sign(signed.as_bytes()).unwrap());
        format!("{signed}.{signature}")
    }
}

/// The configuration of a server in operator mode, and a user's credentials for it.
pub(crate) fn operator_mode() -> (String, String) {
    let operator = Nkey::generate(Kind::Operator);
    let system = Nkey::generate(Kind::Account);
    let account = Nkey::generate(Kind::Account);
    let user = Nkey::generate(Kind::User);
    let operator_jwt = operator.sign(&operator, &json!({ "type": "operator", "version": 2 }));
    let account_jwt = |key: &Nkey, storage: i64| {
        let limits = json!({
            "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1,
            "wildcards": true, "conn": -1, "leaf": -1, "mem_storage": storage,
            "disk_storage": storage, "streams": -1, "consumer": -1,
        });
        let claims = json!({ "type": "account", "version": 2, "limits": limits });
        format!("{}: {}", key.public(), operator.sign(key, &claims))
    };
    let accounts = [account_jwt(&system, 0), account_jwt(&account, -1)].join("\n");
    let user_jwt = account.sign(
        &user,
        &json!({ "type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1 }),
    );
    let configuration = format!(
        "operator: {operator_jwt}\nsystem_account: {}\nresolver: MEMORY\n\
         resolver_preload: {{\n{accounts}\n}}",
        system.public()
    );
    let credentials = format!(
        "-----BEGIN NATS USER JWT-----\n{user_jwt}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
        user.seed()
    );
    (configuration, credentials)
}

fn encode(mut bytes: Vec<u8>) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let crc = bytes.iter().fold(0_u16, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    });
    bytes.extend_from_slice(&crc.to_le_bytes());
    let bits: Vec<u8> =
        bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| (byte >> bit) & 1)).collect();
    bits.chunks(5)
        .map(|chunk| (0..5).fold(0, |value, at| (value << 1) | chunk.get(at).unwrap_or(&0)))
        .map(|value: u8| char::from(ALPHABET[usize::from(value)]))
        .collect()
}
