//! TLS to a broker: rustls with ring. Which certificates are trusted is set; none is trusted because it was the first one seen.

use std::{fs, path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use super::broker::Broker;
use crate::collector::Failure;

/// What is trusted, and who we are. The files are read at each attempt: a new one needs no restart.
pub(super) fn config(broker: &Broker) -> Result<Arc<ClientConfig>, Failure> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let wrong = |error: rustls::Error| Failure::Unusable(format!("no TLS client can be made: {error}"));
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(wrong)?;
    let builder = builder.with_root_certificates(trusted(broker.ca_file.as_deref())?);
    let config = match &broker.identity {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = certificates("certificate", certificate)?;
            let unusable = |why: &dyn std::fmt::Display| {
                Failure::Unusable(format!("`key` {} cannot be used: {why}", key.display()))
            };
            let pem = fs::read(key).map_err(|error| unusable(&error))?;
            let parsed =
                PrivateKeyDer::from_pem_slice(&pem).map_err(|_| unusable(&"it holds no private key as PEM"))?;
            builder.with_client_auth_cert(chain, parsed).map_err(|error| unusable(&error))?
        }
    };
    Ok(Arc::new(config))
}

fn trusted(ca_file: Option<&Path>) -> Result<RootCertStore, Failure> {
    let mut roots = RootCertStore::empty();
    let found = match ca_file {
        Some(path) => certificates("ca_file", path)?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    let (added, _) = roots.add_parsable_certificates(found);
    if added == 0 {
        let text = match ca_file {
            Some(path) => format!("`ca_file` {} holds no certificate that can be trusted", path.display()),
            None => "the system has no certificates: install its CA certificates, or name a `ca_file`".to_owned(),
        };
        return Err(Failure::Unusable(text));
    }
    Ok(roots)
}

fn certificates(key: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let unusable =
        |why: &dyn std::fmt::Display| Failure::Unusable(format!("`{key}` {} cannot be used: {why}", path.display()));
    let pem = fs::read(path).map_err(|error| unusable(&error))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(unusable(&"it holds no certificate as PEM")),
    }
}
