//! The first certificate, for a code that a person brought.

use std::{fs, time::Duration};

use gemba_contract::{
    edge::{Enrol, Enrolled},
    problem::Problem,
};
use gemba_identity::{Code, Fingerprint, Key, Trust, client_config, private_directory, write_private};

use super::{Identity, IdentityError, PENDING_FILE};
use crate::{
    config::ServerConfig,
    tls::{self, ClientError},
};

/// How long the server may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The collector was not let in.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// No HTTP client.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The files.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// No key.
    #[error(transparent)]
    Key(#[from] gemba_identity::KeyError),
    /// No answer.
    #[error("{url} does not answer as a Gemba server: {reason}")]
    NoAnswer {
        /// Who was asked.
        url: String,
        /// Why.
        reason: String,
    },
    /// The server says no.
    #[error("the server refuses: {0}")]
    Refused(String),
}

/// Shows the code to the server that it names, and keeps what that gives. The key is made here and never leaves.
///
/// # Errors
/// The code is no longer good, the server is another one than the code says, or something cannot be written. It can be
/// tried again with the same code while that is good.
pub async fn enrol(server: &ServerConfig, code: &Code) -> Result<Identity, EnrolError> {
    let key = pending_key(server)?;
    let config = client_config(Trust::Code(code.authority), None).map_err(ClientError::from)?;
    let http = tls::server_client(&server.url, config)?;
    let body = Enrol { secret: code.secret(), request: key.request(None)? };
    let no_answer = |reason: String| EnrolError::NoAnswer { url: server.url.clone(), reason };
    let sent = http.post(format!("{}/api/v1/edge/enrol", server.url)).timeout(TIMEOUT).json(&body).send().await;
    let response = sent.map_err(|error| no_answer(tls::in_words(&error)))?;
    let status = response.status();
    let bytes = tls::read_bounded(response).await.map_err(&no_answer)?;
    if !status.is_success() {
        let problem = serde_json::from_slice::<Problem>(&bytes).ok().and_then(|problem| problem.detail);
        return Err(problem.map_or_else(|| no_answer(format!("it answers {status}")), EnrolError::Refused));
    }
    let answer: Enrolled = serde_json::from_slice(&bytes).map_err(|error| no_answer(error.to_string()))?;
    let identity = Identity::given(key, &answer)?;
    if Fingerprint::of(identity.authority()) != code.authority {
        return Err(IdentityError::from(gemba_identity::Distrust::Authority).into());
    }
    identity.store(&server.identity)?;
    // The identity holds it now.
    let _ = fs::remove_file(server.identity.join(PENDING_FILE));
    Ok(identity)
}

/// The key that an earlier try left, or a fresh one: a code lets one key in.
fn pending_key(server: &ServerConfig) -> Result<Key, EnrolError> {
    let path = server.identity.join(PENDING_FILE);
    if let Some(key) = fs::read_to_string(&path).ok().and_then(|text| Key::from_pem(&text).ok()) {
        return Ok(key);
    }
    let key = Key::generate()?;
    let written = private_directory(&server.identity).and_then(|()| write_private(&path, key.to_pem().as_bytes()));
    written.map_err(|error| IdentityError::File { path, error })?;
    Ok(key)
}
