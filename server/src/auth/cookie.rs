//! The session's cookie and the token in it.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue, header};
use rand::{TryRngCore, rngs::OsRng};
use sha2::{Digest, Sha256};

use super::AuthError;

/// 256 random bits as they stand in the cookie. Never stored, never logged.
pub(super) struct Token(String);

impl Token {
    pub(super) fn new() -> Result<Self, AuthError> {
        let mut bytes = [0; 32];
        OsRng.try_fill_bytes(&mut bytes)?;
        Ok(Self(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// What the database knows of it.
    pub(super) fn sha256(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }

    /// From the request's cookies. Nothing that has not the form of a token reaches the database.
    pub(super) fn from_headers(headers: &HeaderMap, secure: bool) -> Option<Self> {
        headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(name, value)| *name == cookie_name(secure) && value.len() == 43)
            .map(|(_, value)| Self(value.to_owned()))
    }

    /// The `Set-Cookie` that hands it to the browser.
    pub(super) fn set_cookie(&self, secure: bool, max_age_seconds: u64) -> Option<HeaderValue> {
        cookie(&self.0, secure, max_age_seconds)
    }
}

/// The `Set-Cookie` that makes the browser forget it.
pub(super) fn clear_cookie(secure: bool) -> Option<HeaderValue> {
    cookie("", secure, 0)
}

/// With https the prefix makes browsers refuse the cookie from any other host or path.
fn cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-gemba" } else { "gemba" }
}

fn cookie(value: &str, secure: bool, max_age_seconds: u64) -> Option<HeaderValue> {
    let name = cookie_name(secure);
    let tail = if secure { "; Secure" } else { "" };
    HeaderValue::from_str(&format!("{name}={value}; Path=/; Max-Age={max_age_seconds}; HttpOnly; SameSite=Lax{tail}"))
        .ok()
}

/// A one-time password: 25 characters in groups of five, 123 bits, without letters that look alike.
pub(super) fn one_time_password() -> Result<String, AuthError> {
    const LETTERS: &[u8; 31] = b"abcdefghjkmnpqrstuvwxyz23456789";
    let mut letters = Vec::with_capacity(25);
    while letters.len() < 25 {
        let mut bytes = [0u8; 32];
        OsRng.try_fill_bytes(&mut bytes)?;
        // Bytes from 248 on are left out: with them some letters would be likelier than others.
        letters
            .extend(bytes.iter().filter(|byte| **byte < 248).map(|byte| char::from(LETTERS[usize::from(byte % 31)])));
    }
    letters.truncate(25);
    Ok(letters.chunks(5).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-"))
}
