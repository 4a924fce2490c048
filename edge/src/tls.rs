//! HTTP clients. TLS is rustls with ring; the system's certificates, or those of `server.ca_file`.

use std::{fs, path::Path, time::Duration};

use reqwest::{Certificate, Client, ClientBuilder, redirect};

/// No client can be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The file of certificates.
    #[error("`server.ca_file` {path} cannot be used: {reason}")]
    CaFile {
        /// Which.
        path: String,
        /// Why.
        reason: String,
    },
    /// The system's certificates, usually.
    #[error("no TLS client can be made: {0}. Install the system's CA certificates, or name a `server.ca_file`")]
    Tls(String),
}

/// A client for this URL. Plain HTTP needs no certificates.
pub fn client(url: &str, ca_file: Option<&Path>, connect: Duration) -> Result<Client, ClientError> {
    // Fails only when a provider is installed already, which is what is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .user_agent(concat!("gemba-edge/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(connect)
        .tcp_nodelay(true)
        .no_proxy()
        .redirect(redirect::Policy::none());
    with_certificates(builder, url, ca_file)?.build().map_err(|error| ClientError::Tls(chain(&error)))
}

fn with_certificates(builder: ClientBuilder, url: &str, ca_file: Option<&Path>) -> Result<ClientBuilder, ClientError> {
    let Some(path) = ca_file else {
        return Ok(if url.starts_with("https:") { builder } else { builder.tls_certs_only([]) });
    };
    let wrong = |reason: String| ClientError::CaFile { path: path.display().to_string(), reason };
    let pem = fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let certificates = Certificate::from_pem_bundle(&pem).map_err(|error| wrong(chain(&error)))?;
    if certificates.is_empty() {
        return Err(wrong("it holds no PEM certificate".to_owned()));
    }
    Ok(builder.tls_certs_only(certificates))
}

/// An error with all its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
