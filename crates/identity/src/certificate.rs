//! What a certificate says, and whether the authority said it.

use data_encoding::BASE64;
use rustls::pki_types::{CertificateDer, UnixTime};
use sha2::{Digest, Sha256};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_parser::prelude::{FromDer, X509Certificate};

use std::time::Duration;

/// What a collector's certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Whom it names.
    pub name: String,
    /// Its number, which no other certificate has.
    pub serial: Vec<u8>,
    /// SHA-256 of the public key.
    pub key: [u8; 32],
    /// Seconds since 1970: good from here …
    pub not_before: i64,
    /// … until here.
    pub not_after: i64,
}

/// Why a certificate is not trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// It cannot be read.
    #[error("the certificate cannot be read")]
    Unreadable,
    /// Another authority signed it, or nobody.
    #[error(
        "the server shows a certificate of another authority than the one this collector was given. Either this is not the \
         right server (look at `server.url`), or the server was set up anew: then make a new code there by \
         `gemba collector add NAME` and run `gemba-edge enrol` with it"
    )]
    Authority,
    /// It is for other names.
    #[error(
        "the server's certificate is not for `{asked}` but for: {names}. Use one of these in `server.url`, or have `{asked}` \
         added to the server's setting `ingest.names`"
    )]
    Name {
        /// What the collector dialled.
        asked: String,
        /// What the certificate is for.
        names: String,
    },
    /// It was made for another purpose.
    #[error("the certificate was made for another purpose")]
    Purpose,
}

/// Certificates begin this much before they are made, for clocks that are a little behind.
pub(crate) const BACKDATED_SECONDS: i64 = 300;

/// What a certificate was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// To be a server.
    Server,
    /// To be a collector.
    Collector,
}

impl Facts {
    /// Reads them; nothing is verified.
    ///
    /// # Errors
    /// It is no certificate, or names nobody.
    pub fn read(certificate: &CertificateDer<'_>) -> Result<Self, Distrust> {
        let parsed = parse(certificate)?;
        let name = parsed.subject().iter_common_name().next().and_then(|name| name.as_str().ok());
        Ok(Self {
            name: name.ok_or(Distrust::Unreadable)?.to_owned(),
            serial: parsed.raw_serial().to_vec(),
            key: Sha256::digest(parsed.public_key().raw).into(),
            not_before: parsed.validity().not_before.timestamp(),
            not_after: parsed.validity().not_after.timestamp(),
        })
    }
}

impl Facts {
    /// Reads them of a certificate that `authority` signed for a collector.
    ///
    /// # Errors
    /// It cannot be read, or is another one's.
    pub fn verified(certificate: &CertificateDer<'_>, authority: &CertificateDer<'_>) -> Result<Self, Distrust> {
        signed_by(certificate, authority, Usage::Collector)?;
        Self::read(certificate)
    }

    /// When it was made, seconds since 1970.
    pub fn made_at(&self) -> i64 {
        self.not_before + BACKDATED_SECONDS
    }

    /// When half of its life is over, seconds since 1970.
    pub fn renew_at(&self) -> i64 {
        self.made_at() + (self.not_after - self.made_at()) / 2
    }
}

fn parse<'a>(certificate: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, Distrust> {
    X509Certificate::from_der(certificate).map(|(_, parsed)| parsed).map_err(|_| Distrust::Unreadable)
}

/// Whether `authority` signed the certificate for this use. No clock is asked.
pub(crate) fn signed_by(
    certificate: &CertificateDer<'_>,
    authority: &CertificateDer<'_>,
    usage: Usage,
) -> Result<(), Distrust> {
    let issued = parse(certificate)?.validity().not_before.timestamp();
    let at = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(issued).map_err(|_| Distrust::Unreadable)?));
    let anchor = anchor_from_trusted_cert(authority).map_err(|_| Distrust::Unreadable)?;
    let purpose = match usage {
        Usage::Server => KeyUsage::server_auth(),
        Usage::Collector => KeyUsage::client_auth(),
    };
    let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms.all;
    let entity = EndEntityCert::try_from(certificate).map_err(|_| Distrust::Unreadable)?;
    match entity.verify_for_usage(algorithms, &[anchor], &[], at, purpose, None, None) {
        Ok(_) => Ok(()),
        Err(webpki::Error::RequiredEkuNotFoundContext(_)) => Err(Distrust::Purpose),
        Err(_) => Err(Distrust::Authority),
    }
}

/// The names a server's certificate is for, in words.
pub(crate) fn names(certificate: &CertificateDer<'_>) -> String {
    use x509_parser::extensions::GeneralName;
    let Ok(parsed) = parse(certificate) else { return String::new() };
    let Ok(Some(names)) = parsed.subject_alternative_name() else { return String::new() };
    let word = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|bytes| std::net::IpAddr::from(bytes).to_string()),
            _ => <[u8; 16]>::try_from(*bytes).ok().map(|bytes| std::net::IpAddr::from(bytes).to_string()),
        },
        _ => None,
    };
    names.value.general_names.iter().filter_map(word).collect::<Vec<_>>().join(", ")
}

/// A certificate as text.
pub fn pem(certificate: &CertificateDer<'_>) -> String {
    let body = BASE64.encode(certificate);
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in body.as_bytes().chunks(64) {
        text.push_str(&String::from_utf8_lossy(line));
        text.push('\n');
    }
    text.push_str("-----END CERTIFICATE-----\n");
    text
}
