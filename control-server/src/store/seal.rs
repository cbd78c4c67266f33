//! Seals secrets for the database: XChaCha20-Poly1305 under the master key, bound to the row that they belong to.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretBox, SecretString};

use super::error::StoreError;

pub const MASTER_KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
/// Begins every sealed text, so that another format can follow.
const FORMAT: &str = "x1.";

/// Opens and seals every secret in the database.
pub struct MasterKey(SecretBox<[u8; MASTER_KEY_BYTES]>);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a master key is {MASTER_KEY_BYTES} bytes, written as 64 hexadecimal digits or as base64")]
pub struct InvalidMasterKey;

impl MasterKey {
    pub fn generate() -> Self {
        Self::from_bytes(rand::random())
    }

    pub fn from_bytes(bytes: [u8; MASTER_KEY_BYTES]) -> Self {
        Self(SecretBox::new(Box::new(bytes)))
    }

    /// Reads 64 hexadecimal digits or base64.
    pub fn parse(text: &str) -> Result<Self, InvalidMasterKey> {
        let text = text.trim();
        let bytes = Zeroizing::new(hex(text).or_else(|| BASE64.decode(text).ok()).ok_or(InvalidMasterKey)?);
        bytes.as_slice().try_into().map(Self::from_bytes).map_err(|_| InvalidMasterKey)
    }

    /// The key as `parse` reads it, for the key file.
    pub fn to_text(&self) -> SecretString {
        BASE64.encode(self.0.expose_secret()).into()
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(*self.0.expose_secret()))
    }

    /// Seals a secret for `owner`; it opens for the same owner alone.
    pub(super) fn seal(&self, owner: &str, secret: &str) -> Result<String, StoreError> {
        let nonce: [u8; NONCE_BYTES] = rand::random();
        let payload = Payload { msg: secret.as_bytes(), aad: owner.as_bytes() };
        let sealed = self.cipher().encrypt(&XNonce::from(nonce), payload).map_err(|_| StoreError::MasterKey)?;
        Ok(format!("{FORMAT}{}", BASE64.encode([nonce.as_slice(), &sealed].concat())))
    }

    pub(super) fn open(&self, owner: &str, sealed: &str) -> Result<SecretString, StoreError> {
        let malformed = || StoreError::Corrupt(format!("sealed value of {owner}"));
        let bytes = sealed.strip_prefix(FORMAT).and_then(|text| BASE64.decode(text).ok()).ok_or_else(malformed)?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or_else(malformed)?;
        let payload = Payload { msg: sealed, aad: owner.as_bytes() };
        let opened = self.cipher().decrypt(&XNonce::from(*nonce), payload).map_err(|_| StoreError::MasterKey)?;
        String::from_utf8(opened).map(SecretString::from).map_err(|_| malformed())
    }
}

impl Clone for MasterKey {
    fn clone(&self) -> Self {
        Self::from_bytes(*self.0.expose_secret())
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("MasterKey")
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 2 * MASTER_KEY_BYTES || !text.is_ascii() {
        return None;
    }
    text.as_bytes()
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_for_its_owner_alone() {
        let key = MasterKey::generate();
        let sealed = key.seal("provider:1", "sk-secret").unwrap();
        assert!(!sealed.contains("sk-secret"));
        assert_ne!(sealed, key.seal("provider:1", "sk-secret").unwrap());
        assert_eq!(key.open("provider:1", &sealed).unwrap().expose_secret(), "sk-secret");
        assert!(key.open("provider:2", &sealed).is_err());
        assert!(MasterKey::generate().open("provider:1", &sealed).is_err());
        assert!(key.open("provider:1", "x1.AAAA").is_err());
        assert!(key.open("provider:1", "sk-secret").is_err());
    }

    #[test]
    fn a_master_key_reads_as_hexadecimal_or_base64() {
        let key = MasterKey::generate();
        let again = MasterKey::parse(key.to_text().expose_secret()).unwrap();
        let sealed = key.seal("a", "b").unwrap();
        assert!(again.open("a", &sealed).is_ok());
        assert!(MasterKey::parse(&"0f".repeat(32)).is_ok());
        for text in ["", "0f", &"0g".repeat(32), &"é".repeat(32)] {
            assert!(MasterKey::parse(text).is_err(), "{text}");
        }
    }
}
