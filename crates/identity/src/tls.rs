//! TLS on both ends: rustls with ring, one authority, no clock.

use std::sync::{Arc, PoisonError, RwLock};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, OtherError, ServerConfig,
    SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::{
        ClientHello, NoServerSessionStorage, ResolvesServerCert,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
    sign::CertifiedKey,
};

use crate::{
    Distrust, Fingerprint, Key, Usage,
    certificate::{names, signed_by},
};

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Which servers a collector trusts.
#[derive(Clone, Debug)]
pub enum Trust {
    /// Those of the authority that it keeps.
    Authority(CertificateDer<'static>),
    /// At first contact: those of the authority that its code names.
    Code(Fingerprint),
}

/// A collector's side. `identity`: its certificate and key, once it has them.
///
/// # Errors
/// Certificate and key do not belong together.
pub fn client_config(trust: Trust, identity: Option<(CertificateDer<'static>, &Key)>) -> Result<ClientConfig, Error> {
    let provider = provider();
    let verifier = Arc::new(Verifier { provider: Arc::clone(&provider), role: trust });
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match identity {
        Some((certificate, key)) => builder.with_client_auth_cert(vec![certificate], key.der())?,
        None => builder.with_no_client_auth(),
    };
    // One request at a time.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Each connection shows its certificate anew.
    config.resumption = rustls::client::Resumption::disabled();
    Ok(config)
}

/// The server's side. Who shows a certificate must show one of `authority`; who shows none is a stranger.
///
/// # Errors
/// The authority's certificate cannot be read.
pub fn server_config(authority: CertificateDer<'static>, credentials: Arc<Credentials>) -> Result<ServerConfig, Error> {
    let provider = provider();
    let subject = webpki::anchor_from_trusted_cert(&authority).map_err(|_| CertificateError::BadEncoding)?;
    let hints = vec![DistinguishedName::in_sequence(&subject.subject)];
    let verifier = Arc::new(Verifier { provider: Arc::clone(&provider), role: Members { authority, hints } });
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(credentials);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // Each connection shows its certificate anew.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// What a server shows; may be replaced while it serves.
#[derive(Debug)]
pub struct Credentials(RwLock<Arc<CertifiedKey>>);

impl Credentials {
    /// Begins with these.
    ///
    /// # Errors
    /// Certificate and key do not belong together.
    pub fn new(chain: Vec<CertificateDer<'static>>, key: &Key) -> Result<Self, Error> {
        Ok(Self(RwLock::new(certified(chain, key)?)))
    }

    /// From the next connection on these.
    ///
    /// # Errors
    /// Certificate and key do not belong together: nothing is replaced.
    pub fn replace(&self, chain: Vec<CertificateDer<'static>>, key: &Key) -> Result<(), Error> {
        let fresh = certified(chain, key)?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }
}

fn certified(chain: Vec<CertificateDer<'static>>, key: &Key) -> Result<Arc<CertifiedKey>, Error> {
    CertifiedKey::from_der(chain, key.der(), &provider()).map(Arc::new)
}

impl ResolvesServerCert for Credentials {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// Judges the other end's certificate.
#[derive(Debug)]
struct Verifier<R> {
    provider: Arc<CryptoProvider>,
    role: R,
}

/// Which collectors a server trusts.
#[derive(Debug)]
struct Members {
    authority: CertificateDer<'static>,
    hints: Vec<DistinguishedName>,
}

fn refused(reason: Distrust) -> Error {
    Error::Other(OtherError(Arc::new(reason)))
}

impl<R> Verifier<R> {
    fn tls12(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn tls13(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl ServerCertVerifier for Verifier<Trust> {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let authority = match &self.role {
            Trust::Authority(authority) => Some(authority),
            Trust::Code(print) => chain.iter().find(|certificate| Fingerprint::of(certificate) == *print),
        };
        let authority = authority.ok_or_else(|| refused(Distrust::Authority))?;
        signed_by(certificate, authority, Usage::Server).map_err(refused)?;
        let entity = webpki::EndEntityCert::try_from(certificate).map_err(|_| refused(Distrust::Unreadable))?;
        let asked = || Distrust::Name { asked: name.to_str().into_owned(), names: names(certificate) };
        entity.verify_is_valid_for_subject_name(name).map_err(|_| refused(asked()))?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.tls12(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.tls13(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes()
    }
}

impl ClientCertVerifier for Verifier<Members> {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.role.hints
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _chain: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        signed_by(certificate, &self.role.authority, Usage::Collector).map_err(|reason| match reason {
            // What the other end is told by its alert.
            Distrust::Authority => Error::InvalidCertificate(CertificateError::UnknownIssuer),
            Distrust::Purpose => Error::InvalidCertificate(CertificateError::InvalidPurpose),
            Distrust::Unreadable | Distrust::Name { .. } => Error::InvalidCertificate(CertificateError::BadEncoding),
        })?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.tls12(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.tls13(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes()
    }
}
