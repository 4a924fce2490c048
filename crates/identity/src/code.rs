//! The code that a person carries from the server to a collector, once.

use std::{fmt, str::FromStr};

use data_encoding::{BASE32_NOPAD_VISUAL, HEXLOWER};
use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};

const SECRET: usize = 16;
const PRINT: usize = 16;
const CHECK: usize = 2;
/// Characters in a group, for eyes and telephones.
const GROUP: usize = 5;

/// Names an authority: the first 128 bits of its certificate's SHA-256. Nobody can make another one that has the same.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; PRINT]);

impl Fingerprint {
    /// Of a certificate.
    pub fn of(certificate: &CertificateDer<'_>) -> Self {
        let mut print = [0; PRINT];
        print.copy_from_slice(&Sha256::digest(certificate.as_ref())[..PRINT]);
        Self(print)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// Lets one collector in, once. Printed as eleven groups of five characters; read without regard to case, spaces and hyphens.
///
/// It holds 128 random bits, whose hash alone the server keeps, and the fingerprint of the server's authority, so that the
/// collector knows the right server at first sight.
#[derive(Clone, PartialEq, Eq)]
pub struct Code {
    secret: [u8; SECRET],
    /// The authority of the server that made the code.
    pub authority: Fingerprint,
}

/// These characters are no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// Too short, too long, or with characters that no code has.
    #[error(
        "this is no enrolment code: one has eleven groups of five letters and digits. Copy the whole of what \
         `gemba collector add NAME` printed"
    )]
    Form,
    /// A typing error.
    #[error("the enrolment code has a typing error: its check does not fit. Copy it again")]
    Check,
}

impl Code {
    /// A fresh one.
    pub fn generate(authority: Fingerprint) -> Self {
        Self { secret: rand::random(), authority }
    }

    /// What the collector shows the server.
    pub fn secret(&self) -> String {
        HEXLOWER.encode(&self.secret)
    }

    /// What the server keeps.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.secret).into()
    }

    /// The hash of what a collector shows; `None` when that is no secret.
    pub fn hash_of(shown: &str) -> Option<[u8; 32]> {
        let secret = HEXLOWER.decode(shown.as_bytes()).ok().filter(|secret| secret.len() == SECRET)?;
        Some(Sha256::digest(secret).into())
    }

    fn check(bytes: &[u8]) -> [u8; CHECK] {
        let [a, b, ..] = crc32fast::hash(bytes).to_le_bytes();
        [a, b]
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [self.secret.as_slice(), &self.authority.0].concat();
        bytes.extend(Self::check(&bytes));
        let text = BASE32_NOPAD_VISUAL.encode(&bytes).to_lowercase();
        for (at, character) in text.chars().enumerate() {
            if at > 0 && at % GROUP == 0 {
                f.write_str("-")?;
            }
            write!(f, "{character}")?;
        }
        Ok(())
    }
}

/// The secret never reaches a log.
impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Code").field("authority", &self.authority).finish_non_exhaustive()
    }
}

impl FromStr for Code {
    type Err = CodeError;

    fn from_str(text: &str) -> Result<Self, CodeError> {
        let plain: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
        let bytes = BASE32_NOPAD_VISUAL.decode(plain.to_uppercase().as_bytes()).map_err(|_| CodeError::Form)?;
        let (secret, rest) = bytes.split_first_chunk::<SECRET>().ok_or(CodeError::Form)?;
        let (authority, check) = rest.split_first_chunk::<PRINT>().ok_or(CodeError::Form)?;
        if check.len() != CHECK {
            return Err(CodeError::Form);
        }
        if check != Self::check(&bytes[..SECRET + PRINT]) {
            return Err(CodeError::Check);
        }
        Ok(Self { secret: *secret, authority: Fingerprint(*authority) })
    }
}
