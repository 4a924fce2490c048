//! The collectors' port: TLS with this server's own authority, and who is at the other end.

use std::{
    any::Any,
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use gemba_identity::{AuthorityError, Credentials, Facts, Lifetime, server_config};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::sync::CancellationToken;

use super::{Connections, Peer, Service};
use crate::{
    clock,
    config::Settings,
    state::AppState,
    web::{
        self,
        server::{Limits, Opened, Opening},
    },
};

/// How long the server's certificate lasts; a new one with a new key is made at half of it, and at each start.
const CERTIFICATE_LASTS: Duration = Duration::from_secs(30 * 86_400);
/// How long somebody may stay who shows no certificate: time to use a code.
const STRANGER_STAYS: Duration = Duration::from_secs(30);
/// How many of those from one address, handshakes too.
const STRANGERS_PER_ADDRESS: usize = 32;

/// The port cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The authority.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// TLS.
    #[error("TLS for collectors cannot be set up")]
    Tls(#[from] rustls::Error),
    /// The port.
    #[error("the collectors' port cannot be used")]
    Port(#[from] io::Error),
}

/// The collectors' port, ready to be served.
pub struct Listener {
    listener: Arc<TcpListener>,
    opening: TlsOpening,
    service: Service,
    credentials: Arc<Credentials>,
    names: Vec<String>,
}

impl Listener {
    /// On a port that was bound; makes the authority at the first start, and the server's certificate at each.
    ///
    /// # Errors
    /// The authority's file cannot be read or written; a name cannot stand in a certificate.
    pub fn new(listener: TcpListener, state: &AppState) -> Result<Self, ListenError> {
        let service = state.identities.clone();
        let names = names(&state.settings, listener.local_addr()?.ip());
        let authority = service.authority(clock::now())?;
        let (chain, key) = authority.server(&names, life())?;
        let credentials = Arc::new(Credentials::new(chain, &key)?);
        let config = server_config(authority.certificate().clone(), Arc::clone(&credentials))?;
        let opening = TlsOpening {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            connections: service.0.connections.clone(),
            strangers: Strangers::default(),
            patience: state.settings.http.header_timeout,
        };
        Ok(Self { listener: Arc::new(listener), opening, service, credentials, names })
    }

    /// What the server's certificate is for.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Serves until the server stops.
    pub async fn serve(self, state: &AppState) {
        let stop = state.shutdown.clone();
        let renewed = renew(self.service, self.credentials, self.names);
        tokio::spawn({
            let stop = stop.clone();
            async move { stop.run_until_cancelled(renewed).await }
        });
        let limits =
            Limits { max_connections: state.settings.ingest.max_connections, ..Limits::from(&state.settings.http) };
        web::server::serve(self.listener, web::ingest_router(state.clone()), limits, self.opening, stop).await;
    }
}

fn life() -> Lifetime {
    Lifetime { now: clock::now().to_utc().into(), lasts: CERTIFICATE_LASTS }
}

async fn renew(service: Service, credentials: Arc<Credentials>, names: Vec<String>) {
    loop {
        tokio::time::sleep(CERTIFICATE_LASTS / 2).await;
        let fresh = || -> Result<(), ListenError> {
            let (chain, key) = service.authority(clock::now())?.server(&names, life())?;
            Ok(credentials.replace(chain, &key)?)
        };
        match fresh() {
            Ok(()) => tracing::info!("the server's certificate for collectors was renewed"),
            Err(error) => tracing::error!(%error, "the server's certificate for collectors was not renewed"),
        }
    }
}

/// Under which names collectors may dial: those set, this machine's, and the address listened on.
fn names(settings: &Settings, listens: IpAddr) -> Vec<String> {
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    names.extend(nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok()));
    if !listens.is_unspecified() {
        names.push(listens.to_string());
    }
    names.extend(settings.ingest.names.0.iter().cloned());
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| !name.is_empty() && seen.insert(name.to_lowercase()));
    names
}

/// Begins connections with TLS.
#[derive(Clone)]
struct TlsOpening {
    acceptor: TlsAcceptor,
    connections: Connections,
    strangers: Strangers,
    patience: Duration,
}

impl Opening for TlsOpening {
    type Stream = TlsStream<TcpStream>;

    async fn open(&self, stream: TcpStream, peer: SocketAddr) -> Option<Opened<Self::Stream>> {
        let address = peer.ip().to_canonical();
        let stranger = self.strangers.enter(address)?;
        let stream = match tokio::time::timeout(self.patience, self.acceptor.accept(stream)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                tracing::debug!(%peer, %error, "no TLS on the collectors' port");
                return None;
            }
            Err(_) => return None,
        };
        let (_, tls) = stream.get_ref();
        let http2 = tls.alpn_protocol() == Some(b"h2");
        let facts = match tls.peer_certificates().and_then(|chain| chain.first()) {
            Some(certificate) => Some(Arc::new(Facts::read(certificate).ok()?)),
            None => None,
        };
        let over = CancellationToken::new();
        let held: Option<Box<dyn Any + Send>> = if let Some(facts) = &facts {
            self.connections.note(&facts.name, &over);
            None
        } else {
            let leave = over.clone();
            tokio::spawn(async move {
                if leave.run_until_cancelled(tokio::time::sleep(STRANGER_STAYS)).await.is_some() {
                    leave.cancel();
                }
            });
            Some(Box::new(stranger))
        };
        let mut extensions = http::Extensions::new();
        extensions.insert(Peer { facts, address });
        Some(Opened { stream, http2, extensions, over, held })
    }
}

/// How many of an address have not shown who they are.
#[derive(Clone, Default)]
struct Strangers(Arc<Mutex<HashMap<IpAddr, usize>>>);

impl Strangers {
    /// One more; `None` when there are too many from there.
    fn enter(&self, address: IpAddr) -> Option<Stranger> {
        let mut here = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = here.entry(address).or_default();
        if *count >= STRANGERS_PER_ADDRESS {
            return None;
        }
        *count += 1;
        Some(Stranger { of: self.clone(), address })
    }
}

/// One who is counted until he shows a certificate or leaves.
struct Stranger {
    of: Strangers,
    address: IpAddr,
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let mut here = self.of.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = here.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                here.remove(&self.address);
            }
        }
    }
}
