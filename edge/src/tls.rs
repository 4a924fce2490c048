//! HTTP clients. TLS is rustls with ring: to the server with its own authority alone, to agents with the system's certificates.

use std::{fs, path::Path, time::Duration};

use reqwest::{Certificate, Client, ClientBuilder, Response, redirect};

/// How long a connection to the server may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest answer that is read.
const MAX_ANSWER: usize = 4 << 20;

/// No client can be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The file of certificates.
    #[error("the certificates in {path} cannot be used: {reason}")]
    CaFile {
        /// Which.
        path: String,
        /// Why.
        reason: String,
    },
    /// The system's certificates, usually.
    #[error("no TLS client can be made: {0}. Install the system's CA certificates")]
    Tls(String),
    /// The server is spoken to by TLS alone.
    #[error(
        "`server.url` is {0}, and must begin with https:// and name the port that the server keeps for collectors, such as \
         https://gemba.example:8443"
    )]
    Plain(String),
}

impl From<rustls::Error> for ClientError {
    fn from(error: rustls::Error) -> Self {
        Self::Tls(error.to_string())
    }
}

/// A client for this URL. Plain HTTP needs no certificates.
pub fn client(url: &str, ca_file: Option<&Path>, connect: Duration) -> Result<Client, ClientError> {
    // Fails only when a provider is installed already, which is what is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
    with_certificates(builder(connect), url, ca_file)?.build().map_err(|error| ClientError::Tls(chain(&error)))
}

/// A client for the Gemba server, that trusts whom `config` trusts.
pub fn server_client(url: &str, config: rustls::ClientConfig) -> Result<Client, ClientError> {
    https_only(url)?;
    let builder = builder(CONNECT_TIMEOUT).https_only(true).tls_backend_preconfigured(config);
    builder.build().map_err(|error| ClientError::Tls(chain(&error)))
}

/// Complains about a server's URL without TLS.
pub fn https_only(url: &str) -> Result<(), ClientError> {
    if url.starts_with("https://") { Ok(()) } else { Err(ClientError::Plain(url.to_owned())) }
}

fn builder(connect: Duration) -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("gemba-edge/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(connect)
        .tcp_nodelay(true)
        .no_proxy()
        .redirect(redirect::Policy::none())
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

/// Why the server could not be asked, and what to do about it.
pub fn in_words(error: &reqwest::Error) -> String {
    let text = chain(error);
    // What our own judge of certificates says stands at the end, after what rustls and HTTP put before it.
    if let Some((_, words)) = text.split_once("other error: ") {
        return words.to_owned();
    }
    if text.contains("UnknownCA") {
        return "the server does not know the authority of this collector's certificate: the server was set up anew, or is another \
                one. Make a code there by `gemba collector add NAME`, then run `gemba-edge enrol`"
            .to_owned();
    }
    if text.contains("InvalidContentType") {
        return "no TLS is spoken there: `server.url` must name the port that the server keeps for collectors \
                (`ingest.listen`, 8443 when nothing is set), not the one for browsers"
            .to_owned();
    }
    text
}

/// An answer's body, if it is not too long.
pub async fn read_bounded(mut response: Response) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if out.len() + chunk.len() <= MAX_ANSWER => out.extend_from_slice(&chunk),
            Ok(Some(_)) => return Err("the server's answer is longer than 4 MiB".to_owned()),
            Ok(None) => return Ok(out),
            Err(error) => return Err(format!("the server's answer broke off: {}", chain(&error))),
        }
    }
}
