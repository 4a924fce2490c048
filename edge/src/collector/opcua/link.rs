//! One session with a server, over one connection. What breaks ends it; a new one is begun from the start.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures::future::BoxFuture;
use opcua::{
    client::{Client, ClientBuilder, IdentityToken, Session, UARequest},
    core::sync::RwLock,
    crypto::CertificateStore,
    types::{
        ByteString, ChannelSecurityToken, DateTime, EndpointDescription, Error, NamespaceMap, StatusCode, TypeLoader,
        Variant,
    },
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    dial::{Dial, MAX_CHUNK},
    pki::{Own, Pki},
    security::{self, Security},
    settings::{Identity, Settings},
    words,
};
use crate::collector::Failure;

/// Pieces of one message: 32 MiB at most.
const MAX_CHUNKS: usize = 512;
/// Elements of one array, bytes of one text.
const MAX_ARRAY: usize = 100_000;
const MAX_STRING: usize = 16 << 20;
/// No token of a channel is believed to hold longer than this, milliseconds.
const MAX_LIFETIME: u32 = 24 * 3_600_000;
/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_millis(800);

/// A session that is open.
pub(super) struct Link {
    session: Arc<Session>,
    dial: Dial,
    token: AtomicU32,
    timeout: Duration,
    /// Ends with it.
    _running: AbortOnDropHandle<StatusCode>,
}

/// An answer on its way.
pub(super) type Answering<'a, T> = BoxFuture<'a, Result<Result<T, StatusCode>, Failure>>;

/// What was found out while connecting, for a person.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Remarks(pub(super) Vec<String>);

impl Link {
    /// Asks for the server's endpoints, checks its certificate, and opens a session.
    pub(super) async fn open(settings: &Settings) -> Result<(Self, Remarks), Failure> {
        let pki = Pki::new(&settings.pki);
        let secure = settings.security != Security::None;
        let own = match secure {
            true => {
                let pki = pki.clone();
                let made = tokio::task::spawn_blocking(move || pki.own()).await;
                Some(made.map_err(|error| Failure::Unusable(format!("no certificate of its own: {error}")))??)
            }
            false => None,
        };
        let client = client(settings, &pki, own.as_ref())?;
        let endpoints = endpoints(settings, &client).await?;
        let endpoint = security::choose(endpoints, settings.security, &settings.identity, &settings.url)?;
        let mut remarks = Remarks::default();
        if secure {
            remarks.certificate(&pki, &settings.url, &endpoint.server_certificate)?;
        } else {
            remarks.insecure(settings);
        }
        let identity = identity(&settings.identity)?;
        let link = Self::begin(settings, &client, &pki, own.as_ref(), endpoint, identity).await?;
        Ok((link, remarks))
    }

    async fn begin(
        settings: &Settings,
        client: &Client,
        pki: &Pki,
        own: Option<&Own>,
        endpoint: EndpointDescription,
        identity: IdentityToken,
    ) -> Result<Self, Failure> {
        let dial = Dial::new(endpoint.endpoint_url.as_ref(), settings.timeout);
        let built = client
            .session_builder()
            .with_connector(dial.clone())
            .connect_to_endpoint_directly(endpoint)
            .map(|builder| builder.user_identity_token(identity))
            .and_then(|builder| builder.build(store(pki)));
        let (session, running) = built.map_err(|error| words::connecting(settings, own, error.status()))?;
        session.disable_reconnects();
        let mut running = AbortOnDropHandle::new(tokio::spawn(running.run()));
        let failure = tokio::select! {
            true = session.wait_for_connection() => None,
            ended = &mut running => Some(dial.failure().unwrap_or_else(|| match ended {
                Ok(status) => words::connecting(settings, own, status),
                Err(_) => Failure::Refused(format!("{} sent something that cannot be read", settings.url)),
            })),
            () = tokio::time::sleep(settings.timeout) => Some(words::silent(settings)),
        };
        match failure {
            Some(failure) => Err(failure),
            None => Ok(Self { session, dial, token: AtomicU32::new(0), timeout: settings.timeout, _running: running }),
        }
    }

    /// Sends a request and waits for its answer. The outer error ends the session, the inner one is the answer.
    pub(super) fn call<'a, R>(&'a self, request: R) -> Answering<'a, R::Out>
    where
        R: UARequest + Send + 'a,
    {
        self.call_within(request, self.timeout)
    }

    /// As [`Link::call`], within another time.
    pub(super) fn call_within<'a, R>(&'a self, request: R, within: Duration) -> Answering<'a, R::Out>
    where
        R: UARequest + Send + 'a,
    {
        self.date_token();
        let answer = request.send(self.session.channel());
        Box::pin(async move {
            match tokio::time::timeout(within, answer).await {
                Ok(Ok(answer)) => Ok(Ok(answer)),
                Ok(Err(error)) => match words::ended(error.status()) {
                    Some(failure) => Err(failure),
                    None => Ok(Err(error.status())),
                },
                Err(_) => Err(Failure::Silent(format!("no answer for {} s", within.as_secs_f64()))),
            }
        })
    }

    /// For the builders of requests.
    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    /// Time that one answer may take.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// What the server calls its namespaces, for decoding.
    pub(super) fn set_namespaces(&self, uris: &[String]) {
        let uris: Vec<_> = uris.iter().map(|uri| Variant::from(uri.as_str())).collect();
        if let Ok(map) = NamespaceMap::new_from_variant_array(&uris) {
            self.session.set_namespaces(map);
        }
    }

    /// Types of structures that the server defines itself.
    pub(super) fn add_types(&self, loader: Arc<dyn TypeLoader>) {
        self.session.add_type_loader(loader);
    }

    /// The library renews the channel by the server's clock. Where that is hours off, it would do so with every request, or too
    /// late: the token's age is counted from when it was seen here.
    fn date_token(&self) {
        let Some(state) = self.dial.channel() else { return };
        let mut channel = state.secure_channel().write();
        let token = channel.token_id();
        if self.token.swap(token, Ordering::Relaxed) != token {
            let token = ChannelSecurityToken {
                channel_id: channel.secure_channel_id(),
                token_id: token,
                created_at: DateTime::now(),
                revised_lifetime: channel.token_lifetime().min(MAX_LIFETIME),
            };
            channel.set_security_token(token);
        }
    }

    /// Closes the session, so that the server need not keep it.
    pub(super) async fn close(&self) {
        let _ = tokio::time::timeout(FAREWELL, self.session.disconnect()).await;
    }
}

impl Remarks {
    fn certificate(&mut self, pki: &Pki, url: &str, shown: &ByteString) -> Result<(), Failure> {
        let certificate = pki.check(url, shown.as_ref())?;
        let now: chrono::DateTime<chrono::Utc> = std::time::SystemTime::now().into();
        if certificate.is_time_valid(&now).is_err() {
            self.0.push("its certificate has expired or is not valid yet; it is trusted all the same, because it lies in trusted/".to_owned());
        }
        Ok(())
    }

    fn insecure(&mut self, settings: &Settings) {
        let mut words =
            "not secure: anyone in the network can read and forge its values (`security` is none)".to_owned();
        if matches!(settings.identity, Identity::User { .. }) {
            words.push_str("; the password may travel unprotected");
        }
        self.0.push(words);
    }
}

/// One connection of its own, without protection, as the protocol has it.
async fn endpoints(settings: &Settings, client: &Client) -> Result<Vec<EndpointDescription>, Failure> {
    let dial = Dial::new(&settings.url, settings.timeout);
    let asking = client.get_endpoints(dial.clone(), &[], &[]);
    match tokio::time::timeout(settings.timeout, asking).await {
        Ok(Ok(endpoints)) => Ok(endpoints),
        Ok(Err(error)) => Err(dial.failure().unwrap_or_else(|| words::no_endpoints(settings, &error))),
        Err(_) => Err(words::silent(settings)),
    }
}

fn client(settings: &Settings, pki: &Pki, own: Option<&Own>) -> Result<Client, Failure> {
    let millis = |duration: Duration| u32::try_from(duration.as_millis()).unwrap_or(u32::MAX);
    ClientBuilder::new()
        .application_name("gemba-edge")
        .application_uri(own.map_or("urn:gemba-edge", |own| own.uri.as_str()))
        .product_uri("urn:gemba-edge")
        .session_name("gemba-edge")
        .pki_dir(&settings.pki)
        .certificate_path(pki.certificate_file())
        .private_key_path(pki.key_file())
        .trust_server_certs(false)
        // Who is trusted is trusted byte for byte: names and dates in the certificate add nothing to that.
        .verify_server_certs(false)
        .session_retry_limit(0)
        .recreate_subscriptions(false)
        .session_timeout(millis((3 * settings.timeout).max(Duration::from_secs(60))))
        .request_timeout(settings.timeout)
        .publish_timeout(settings.timeout)
        // What keeps the session alive, and notices a silent server, are the publish answers and a look at its state now and then.
        .keep_alive_interval(Duration::from_secs(3_600))
        .max_failed_keep_alive_count(0)
        .channel_lifetime(3_600_000)
        .max_chunk_count(MAX_CHUNKS)
        .max_message_size(MAX_CHUNKS * MAX_CHUNK)
        .max_incoming_chunk_size(MAX_CHUNK)
        .max_chunk_size(MAX_CHUNK)
        .max_array_length(MAX_ARRAY)
        .max_string_length(MAX_STRING)
        .max_byte_string_length(MAX_STRING)
        .client()
        .map_err(|errors| Failure::Unusable(errors.join("; ")))
}

fn store(pki: &Pki) -> Arc<RwLock<CertificateStore>> {
    let none = None::<opcua::crypto::X509Data>;
    let (store, _, _) = CertificateStore::new_with_x509_data(
        pki.directory(),
        false,
        Some(&pki.certificate_file()),
        Some(&pki.key_file()),
        none,
    );
    let mut store = store;
    store.set_skip_verify_certs(true);
    Arc::new(RwLock::new(store))
}

fn identity(identity: &Identity) -> Result<IdentityToken, Failure> {
    match identity {
        Identity::Anonymous => Ok(IdentityToken::Anonymous),
        Identity::User { name, password_file } => {
            let password = std::fs::read_to_string(password_file).map_err(|error| {
                Failure::Unusable(format!("`password_file` {} cannot be read: {error}", password_file.display()))
            })?;
            Ok(IdentityToken::new_user_name(name.clone(), password.trim_end_matches(['\r', '\n'])))
        }
        Identity::Certificate { certificate, key } => {
            IdentityToken::new_x509_path(certificate, key).map_err(|error: Error| {
                let files = format!("{} and {}", certificate.display(), key.display());
                Failure::Unusable(format!("`user_certificate` and `user_key` ({files}) cannot be used: {error}"))
            })
        }
    }
}
