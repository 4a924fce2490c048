//! Who this collector is: a key made here that never leaves, and certificates that the server signs for it
//! (`docs/decisions/0011-collector-identity.md`).
//!
//! All of it is one file, which is replaced whole: whatever happens, the old identity is there or the new one.

mod enrol;
mod member;
mod renewal;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use gemba_contract::edge::Enrolled;
use gemba_identity::{Distrust, Facts, Key, pem, private_directory, write_private};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};

pub use enrol::{EnrolError, enrol};
pub use member::Member;
pub(crate) use renewal::keep_renewed;

/// Key, certificate and the authority's certificate, in this order.
pub const IDENTITY_FILE: &str = "identity.pem";
/// A key that waits for its first certificate.
const PENDING_FILE: &str = "pending-key.pem";

/// A collector's identity.
#[derive(Debug)]
pub struct Identity {
    key: Key,
    certificate: CertificateDer<'static>,
    authority: CertificateDer<'static>,
    facts: Facts,
}

/// The identity cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// There is none.
    #[error(
        "this collector is not enrolled: run `gemba collector add NAME` on the server, and here \
         `gemba-edge enrol SETTINGS CODE` with the code that it prints"
    )]
    Missing,
    /// Its file cannot be read or written.
    #[error("the identity in {path} cannot be used: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// Its file is damaged.
    #[error(
        "the identity in {path} is damaged: enrol this collector anew, with a new code of `gemba collector add NAME`"
    )]
    Damaged {
        /// Which.
        path: PathBuf,
    },
    /// What the server gave does not fit.
    #[error("the server's answer cannot be used: {0}")]
    Answer(String),
}

impl From<Distrust> for IdentityError {
    fn from(reason: Distrust) -> Self {
        Self::Answer(reason.to_string())
    }
}

impl Identity {
    /// From this directory.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn load(directory: &Path) -> Result<Self, IdentityError> {
        let path = directory.join(IDENTITY_FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(IdentityError::Missing),
            Err(error) => return Err(IdentityError::File { path, error }),
        };
        Self::from_pem(&text).ok_or(IdentityError::Damaged { path })
    }

    fn from_pem(text: &str) -> Option<Self> {
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(text.as_bytes()).collect::<Result<_, _>>().ok()?;
        let [certificate, authority] = certificates.try_into().ok()?;
        let key = Key::from_pem(text).ok()?;
        let facts = Facts::verified(&certificate, &authority).ok().filter(|facts| facts.key == key.fingerprint())?;
        Some(Self { key, certificate, authority, facts })
    }

    /// What the server gave for this key.
    fn given(key: Key, answer: &Enrolled) -> Result<Self, IdentityError> {
        let read = |text: &str| {
            CertificateDer::from_pem_slice(text.as_bytes()).map_err(|_| IdentityError::from(Distrust::Unreadable))
        };
        let (certificate, authority) = (read(&answer.certificate)?, read(&answer.authority)?);
        let facts = Facts::verified(&certificate, &authority)?;
        if facts.key != key.fingerprint() {
            return Err(IdentityError::Answer("the certificate is for another key".to_owned()));
        }
        Ok(Self { key, certificate, authority, facts })
    }

    fn store(&self, directory: &Path) -> Result<(), IdentityError> {
        let path = directory.join(IDENTITY_FILE);
        let text = self.key.to_pem() + &pem(&self.certificate) + &pem(&self.authority);
        let written = private_directory(directory).and_then(|()| write_private(&path, text.as_bytes()));
        written.map_err(|error| IdentityError::File { path, error })
    }

    /// What the certificate says: name, number, times.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The server's authority.
    pub fn authority(&self) -> &CertificateDer<'static> {
        &self.authority
    }

    /// The certificate and its key, to be shown.
    pub fn shown(&self) -> (CertificateDer<'static>, &Key) {
        (self.certificate.clone(), &self.key)
    }
}
