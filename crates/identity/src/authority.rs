//! The server's own certificate authority: it signs the server's certificate and those of its collectors, nothing else.

use std::{fmt, fs, io, path::Path, time::Duration};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SerialNumber,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};

use crate::{
    Fingerprint, Key, Request, Time,
    certificate::{BACKDATED_SECONDS, pem},
    files::{private_directory, write_private_new},
};

/// How long an authority lasts. It is named by its fingerprint, and no clock is asked about it.
const AUTHORITY_LASTS: Duration = Duration::from_secs(30 * 365 * 86_400);

/// The authority cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// Its file.
    #[error("the certificate authority {file} cannot be used: {error}")]
    File {
        /// Which.
        file: String,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// What is in the file.
    #[error(
        "the certificate authority {file} is damaged. Put it back from a backup; without one move it away: a new one is made at \
         the next start, and every collector must be enrolled again"
    )]
    Damaged {
        /// Which.
        file: String,
    },
    /// It cannot sign.
    #[error("a certificate could not be made: {0}")]
    Sign(#[from] rcgen::Error),
}

/// From when to when a certificate is good.
#[derive(Clone, Copy, Debug)]
pub struct Lifetime {
    /// Now.
    pub now: Time,
    /// For so long.
    pub lasts: Duration,
}

/// A certificate for a collector.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The certificate.
    pub certificate: CertificateDer<'static>,
    /// Its number.
    pub serial: Vec<u8>,
}

/// Holds the authority's key.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("fingerprint", &self.fingerprint()).finish_non_exhaustive()
    }
}

impl Authority {
    /// The one in this file, which only its owner can read; made when there is none. Of several that make one at the same
    /// time the first is taken by all.
    ///
    /// # Errors
    /// The file cannot be read, written or understood.
    pub fn open(file: &Path, now: Time) -> Result<Self, AuthorityError> {
        let failed = |error| AuthorityError::File { file: file.display().to_string(), error };
        let damaged = || AuthorityError::Damaged { file: file.display().to_string() };
        match fs::read_to_string(file) {
            Ok(text) => return Self::from_pem(&text).ok_or_else(damaged),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            Err(_) => {}
        }
        if let Some(directory) = file.parent() {
            private_directory(directory).map_err(failed)?;
        }
        let text = Self::generate(now)?;
        write_private_new(file, text.as_bytes()).map_err(failed)?;
        Self::from_pem(&fs::read_to_string(file).map_err(failed)?).ok_or_else(damaged)
    }

    /// A fresh one, as text: certificate and key.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub fn generate(now: Time) -> Result<String, AuthorityError> {
        let key = KeyPair::generate()?;
        let mut params = params("Gemba collectors' authority", Lifetime { now, lasts: AUTHORITY_LASTS });
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        Ok(params.self_signed(&key)?.pem() + &key.serialize_pem())
    }

    /// From its text; `None` when that is damaged.
    pub fn from_pem(text: &str) -> Option<Self> {
        let certificate = CertificateDer::from_pem_slice(text.as_bytes()).ok()?;
        let key = KeyPair::try_from(&PrivateKeyDer::from_pem_slice(text.as_bytes()).ok()?).ok()?;
        let issuer = Issuer::from_ca_cert_der(&certificate, key).ok()?;
        Some(Self { issuer, certificate })
    }

    /// Its certificate: what collectors keep of it.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// What codes carry of it.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.certificate)
    }

    /// A key and a certificate, with the authority's behind it, for a server that is reached under these names and addresses.
    ///
    /// # Errors
    /// A name cannot stand in a certificate.
    pub fn server(
        &self,
        names: &[String],
        life: Lifetime,
    ) -> Result<(Vec<CertificateDer<'static>>, Key), AuthorityError> {
        let key = KeyPair::generate()?;
        let mut params = params("Gemba server", life);
        params.subject_alt_names = CertificateParams::new(names)?.subject_alt_names;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok((vec![certificate.der().clone(), self.certificate.clone()], Key(key)))
    }

    /// Signs a collector's key under this name. Of the request nothing but its key counts.
    ///
    /// # Errors
    /// The name cannot stand in a certificate.
    pub fn sign(&self, request: &Request, name: &str, life: Lifetime) -> Result<Issued, AuthorityError> {
        let mut params = params(name, life);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let mut serial: [u8; 16] = rand::random();
        // Neither negative nor with leading zeros, so that it reads as it was written.
        serial[0] = serial[0] & 0x7f | 0x40;
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        let certificate = params.signed_by(&request.public, &self.issuer)?.der().clone();
        Ok(Issued { certificate, serial: serial.to_vec() })
    }

    /// Its certificate as text.
    pub fn certificate_pem(&self) -> String {
        pem(&self.certificate)
    }
}

fn params(name: &str, life: Lifetime) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before =
        life.now.checked_sub(Duration::from_secs(BACKDATED_SECONDS.unsigned_abs())).unwrap_or(life.now).into();
    params.not_after = (life.now + life.lasts).into();
    params
}
