//! A collector's key, and what it asks the authority to sign.

use std::fmt;

use rcgen::{
    CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType, DnValue, KeyPair,
    PKCS_ECDSA_P256_SHA256, PublicKeyData,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};

/// A key pair on P-256. It is made on the collector and never leaves it.
pub struct Key(pub(crate) KeyPair);

/// A key or a request cannot be made or read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct KeyError(String);

impl KeyError {
    fn new(what: &str, error: &dyn fmt::Display) -> Self {
        Self(format!("{what}: {error}"))
    }
}

impl Key {
    /// A fresh one.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub fn generate() -> Result<Self, KeyError> {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256);
        pair.map(Self).map_err(|error| KeyError::new("no key can be made", &error))
    }

    /// From its text.
    ///
    /// # Errors
    /// It is no key on P-256.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        // The text is a secret: what the parser says of it is not passed on.
        let pair = KeyPair::from_pem_and_sign_algo(text, &PKCS_ECDSA_P256_SHA256);
        pair.map(Self).map_err(|_| KeyError("this is no private key on P-256".to_owned()))
    }

    /// As text, to be kept where nobody else reads.
    pub fn to_pem(&self) -> String {
        self.0.serialize_pem()
    }

    /// For TLS.
    pub fn der(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.0.serialize_der()).into()
    }

    /// SHA-256 of the public key.
    pub fn fingerprint(&self) -> [u8; 32] {
        Sha256::digest(self.0.subject_public_key_info()).into()
    }

    /// Asks for a certificate (PKCS #10, PEM); under this name, or under the one that belongs to the code.
    ///
    /// # Errors
    /// It cannot be signed.
    pub fn request(&self, name: Option<&str>) -> Result<String, KeyError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        if let Some(name) = name {
            params.distinguished_name.push(DnType::CommonName, name);
        }
        let made = params.serialize_request(&self.0).and_then(|request| request.pem());
        made.map_err(|error| KeyError::new("no request for a certificate can be made", &error))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

/// What a collector asks to be signed. Who made it holds the key: it is signed by it.
#[derive(Debug)]
pub struct Request {
    /// The name it asks for, if any.
    pub name: Option<String>,
    /// SHA-256 of the public key.
    pub key: [u8; 32],
    pub(crate) public: rcgen::PublicKey,
}

impl Request {
    /// Reads and verifies it.
    ///
    /// # Errors
    /// It is no request, is not signed by its own key, or its key is not on P-256.
    pub fn read(pem: &str) -> Result<Self, KeyError> {
        let read = CertificateSigningRequestParams::from_pem(pem);
        let read = read.map_err(|error| KeyError::new("the request for a certificate cannot be read", &error))?;
        if read.public_key.algorithm() != &PKCS_ECDSA_P256_SHA256 {
            return Err(KeyError("the request's key is not on P-256".to_owned()));
        }
        let name = read.params.distinguished_name.get(&DnType::CommonName).and_then(|name| match name {
            DnValue::Utf8String(text) => Some(text.clone()),
            DnValue::PrintableString(text) => Some(text.as_str().to_owned()),
            _ => None,
        });
        let key = Sha256::digest(read.public_key.subject_public_key_info()).into();
        Ok(Self { name, key, public: read.public_key })
    }
}
