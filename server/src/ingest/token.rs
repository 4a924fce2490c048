//! Collector tokens: 256 random bits; only their SHA-256 is kept.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

/// A fresh token, and what is stored of it.
pub fn generate() -> (String, Vec<u8>) {
    let secret: [u8; 32] = rand::random();
    let token = format!("gmb_{}", URL_SAFE_NO_PAD.encode(secret));
    let hash = digest(&token);
    (token, hash)
}

/// What is stored of a token.
pub fn digest(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}
