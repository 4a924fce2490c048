//! The identity in use. A new certificate takes the place of the old one without a restart.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use gemba_contract::edge::Enrolled;
use gemba_identity::{Key, KeyError, Trust, client_config};
use tokio::sync::Notify;

use super::{Identity, IdentityError};
use crate::{
    config::ServerConfig,
    tls::{self, ClientError},
};

/// This collector, as the server's member.
pub struct Member {
    /// The server's root.
    pub url: String,
    directory: PathBuf,
    current: Mutex<Option<Arc<Current>>>,
    /// Told when the certificate is to be renewed at once.
    pub(super) wake: Notify,
}

/// An identity and the connections made with it.
pub struct Current {
    /// Who it is.
    pub identity: Identity,
    /// Shows it.
    pub http: reqwest::Client,
    /// When this program was given the certificate; `None`: it was read from the disk.
    pub given: Option<(Instant, std::time::Duration)>,
}

impl Member {
    /// With what is in the identity's directory, if anything.
    ///
    /// # Errors
    /// No HTTP client.
    pub fn new(config: &ServerConfig) -> Result<Self, ClientError> {
        tls::https_only(&config.url)?;
        let member = Self {
            url: config.url.clone(),
            directory: config.identity.clone(),
            current: Mutex::default(),
            wake: Notify::new(),
        };
        if let Err(error) = member.current() {
            tracing::warn!("{error}");
        }
        Ok(member)
    }

    /// The identity in use; read from the disk where there is none yet.
    ///
    /// # Errors
    /// There is none, or it cannot be used.
    pub fn current(&self) -> Result<Arc<Current>, IdentityError> {
        if let Some(current) = &*self.lock() {
            return Ok(Arc::clone(current));
        }
        let identity = Identity::load(&self.directory)?;
        tracing::info!(name = identity.facts().name, "identity read");
        self.put(identity, None)
    }

    /// Forgets what is in use where the disk has another one: somebody enrolled this collector anew.
    pub fn look_again(&self) {
        let Ok(there) = Identity::load(&self.directory) else { return };
        let mut current = self.lock();
        if current.as_ref().is_some_and(|current| current.identity.facts() != there.facts()) {
            *current = None;
        }
    }

    /// Asks for a new certificate at once.
    pub fn renew_now(&self) {
        self.wake.notify_one();
    }

    /// Takes the next certificate into use, and keeps it.
    pub(super) fn take(&self, before: &Current, answer: &Enrolled) -> Result<(), IdentityError> {
        let key = again(&before.identity.key).map_err(|error| IdentityError::Answer(error.to_string()))?;
        let identity = Identity::given(key, answer)?;
        if identity.authority() != before.identity.authority() {
            return Err(gemba_identity::Distrust::Authority.into());
        }
        let lasts = std::time::Duration::from_secs(answer.lasts_seconds);
        identity.store(&self.directory)?;
        self.put(identity, Some((Instant::now(), lasts)))?;
        Ok(())
    }

    fn put(
        &self,
        identity: Identity,
        given: Option<(Instant, std::time::Duration)>,
    ) -> Result<Arc<Current>, IdentityError> {
        let config = client_config(Trust::Authority(identity.authority().clone()), Some(identity.shown()));
        let config = config.map_err(|error| IdentityError::Answer(error.to_string()))?;
        let http = tls::server_client(&self.url, config).map_err(|error| IdentityError::Answer(error.to_string()))?;
        let current = Arc::new(Current { identity, http, given });
        *self.lock() = Some(Arc::clone(&current));
        Ok(current)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Arc<Current>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The key stays the same for the collector's life: who can read it could read any other.
fn again(key: &Key) -> Result<Key, KeyError> {
    Key::from_pem(&key.to_pem())
}
