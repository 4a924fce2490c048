use std::{
    net::IpAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use gemba_domain::access::Role;
use http::{HeaderMap, HeaderValue};
use prometheus_client::metrics::{counter::Counter, family::Family};
use serde_json::json;
use sqlx::PgPool;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    AuthError, Caller, PasswordRule, SessionId, UserId, Username, audit,
    audit::Entry,
    check_rules,
    cookie::{Token, clear_cookie},
    ended::{self, Ended},
    first::INITIAL_PASSWORD_FILE,
    password::{self, Hasher, Verdict},
    queries::{self, Credentials, NewSession},
    throttle::{Key, Throttle},
};
use crate::{config::Settings, state::Metrics};

/// How often an open connection is counted as use of its session, and ended sessions are looked for.
const TOUCH_EVERY: Duration = Duration::from_secs(60);
/// How often rows of ended sessions are removed.
const SWEEP_EVERY: Duration = Duration::from_secs(3600);

/// Users and sessions. Cheap to clone.
#[derive(Clone)]
pub struct Service(Arc<Inner>);

struct Inner {
    pool: PgPool,
    hasher: Hasher,
    throttle: Throttle,
    idle: Duration,
    absolute: Duration,
    secure: bool,
    initial_password_file: PathBuf,
    ended: broadcast::Sender<Ended>,
    sign_ins: Family<[(&'static str, &'static str); 1], Counter>,
}

/// A session just begun.
pub struct Begun {
    /// Who.
    pub caller: Caller,
    /// The `Set-Cookie` that carries it.
    pub cookie: Option<HeaderValue>,
}

/// Where a request comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// The browser's address, or the last one that is not a trusted proxy's.
    pub address: IpAddr,
    /// As it calls itself, at most 200 characters.
    pub user_agent: String,
}

impl Service {
    /// Over a pool; starts nothing.
    pub fn new(pool: PgPool, settings: &Settings, metrics: &Metrics) -> Self {
        let sign_ins = Family::default();
        metrics.register("sign_ins", "Attempts to sign in, by outcome", sign_ins.clone());
        Self(Arc::new(Inner {
            pool,
            hasher: Hasher::new(),
            throttle: Throttle::default(),
            idle: settings.session.idle_limit,
            absolute: settings.session.absolute_limit,
            secure: settings.http.public_url.as_ref().is_some_and(|url| url.https),
            initial_password_file: settings.data_directory.join(INITIAL_PASSWORD_FILE),
            ended: broadcast::channel(256).0,
            sign_ins,
        }))
    }

    /// Starts what runs beside the requests, until `stop`.
    pub fn spawn_jobs(&self, stop: &CancellationToken) {
        tokio::spawn(ended::listen(self.0.pool.clone(), self.0.ended.clone(), stop.clone()));
        let (service, stop) = (self.clone(), stop.clone());
        tokio::spawn(async move {
            if let Err(error) = service.0.hasher.warm_up().await {
                tracing::warn!(%error, "the first sign-in will take longer");
            }
            while !stop.is_cancelled() {
                let (idle, absolute) = service.limits();
                if let Err(error) = queries::delete_ended_sessions(&service.0.pool, idle, absolute).await {
                    tracing::debug!(%error, "ended sessions were not removed; trying again later");
                }
                tokio::select! { () = stop.cancelled() => {}, () = tokio::time::sleep(SWEEP_EVERY) => {} }
            }
        });
    }

    /// Who calls, by the cookie. `None` when there is no session or it is over.
    ///
    /// # Errors
    /// Postgres, or a row that cannot be.
    pub async fn caller(&self, headers: &HeaderMap) -> Result<Option<Caller>, AuthError> {
        let Some(token) = Token::from_headers(headers, self.0.secure) else { return Ok(None) };
        let (idle, absolute) = self.limits();
        let Some(row) = queries::session(&self.0.pool, &token.sha256(), idle, absolute).await? else {
            return Ok(None);
        };
        if row.stale {
            queries::touch(&self.0.pool, row.id, idle, absolute).await?;
        }
        Ok(Some(Caller {
            user: UserId(row.user_id),
            username: row.username.into(),
            role: role(row.user_id, row.role)?,
            must_change_password: row.must_change_password,
            session: SessionId(row.id),
        }))
    }

    /// Whether the request carries a token at all.
    pub fn has_cookie(&self, headers: &HeaderMap) -> bool {
        Token::from_headers(headers, self.0.secure).is_some()
    }

    /// Begins a session. The one in the request's cookie, if any, ends: an id never survives a sign-in.
    ///
    /// # Errors
    /// [`AuthError::WrongCredentials`] for a wrong password and an unknown user alike, after the same work;
    /// [`AuthError::TooManyAttempts`].
    pub async fn sign_in(
        &self,
        username: &str,
        password: &str,
        client: &Client,
        headers: &HeaderMap,
    ) -> Result<Begun, AuthError> {
        let address_key = Key::address(client.address);
        let by_address = self.take(address_key.clone());
        let name = username.parse::<Username>().ok();
        let found = match &name {
            Some(name) => queries::credentials(&self.0.pool, name.as_str(), client.address).await?,
            None => None,
        };
        let typed: String = username.trim().to_lowercase().chars().take(64).collect();
        let account_key = match &found {
            Some(found) if found.known_address => Key::Owner(found.username.clone(), client.address),
            _ => Key::Account(typed),
        };
        // Others' guesses from an address do not keep out those who signed in from there before.
        let owner = matches!(account_key, Key::Owner(..));
        let taken_of_address = match by_address {
            Err(error) if !owner => return Err(error),
            taken => taken.is_ok(),
        };
        self.take(account_key.clone())?;
        let stored = found.as_ref().map(|found| found.password_hash.as_str());
        let verdict =
            if password::plausible(password) { self.0.hasher.verify(password, stored).await? } else { Verdict::Wrong };
        let (Some(found), Verdict::Right | Verdict::RightButWeak) = (found.as_ref(), &verdict) else {
            self.refused(found.as_ref(), client).await?;
            return Err(AuthError::WrongCredentials);
        };
        for key in [account_key].into_iter().chain(taken_of_address.then_some(address_key)) {
            self.0.throttle.give_back(&key, Instant::now());
        }
        let rehashed = match verdict {
            Verdict::RightButWeak => Some(self.0.hasher.hash(password).await?),
            _ => None,
        };
        let mut tx = self.0.pool.begin().await?;
        if let Some(hash) = rehashed {
            queries::replace_hash(&mut *tx, found.id, &hash).await?;
        }
        if let Some(token) = Token::from_headers(headers, self.0.secure) {
            queries::delete_session_of_token(&mut *tx, &token.sha256()).await?;
        }
        let (session, token) = begin(&mut tx, found.id, client).await?;
        queries::remember_address(&mut *tx, found.id, client.address).await?;
        let entry = Entry {
            actor: Some(&found.username),
            action: "session.sign_in",
            subject: Some(&found.username),
            detail: json!({ "address": client.address, "user_agent": client.user_agent }),
        };
        audit::record(&mut *tx, entry).await?;
        tx.commit().await?;
        self.0.sign_ins.get_or_create(&[("outcome", "accepted")]).inc();
        let caller = Caller {
            user: UserId(found.id),
            username: found.username.as_str().into(),
            role: role(found.id, found.role.clone())?,
            must_change_password: found.must_change_password,
            session,
        };
        Ok(Begun { caller, cookie: token.set_cookie(self.0.secure, self.0.absolute.as_secs()) })
    }

    /// Ends the caller's session.
    ///
    /// # Errors
    /// Postgres.
    pub async fn sign_out(&self, caller: &Caller) -> Result<(), AuthError> {
        let mut tx = self.0.pool.begin().await?;
        queries::delete_session(&mut *tx, caller.session.0).await?;
        let entry = Entry {
            actor: Some(&caller.username),
            action: "session.sign_out",
            subject: Some(&caller.username),
            detail: json!({}),
        };
        audit::record(&mut *tx, entry).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The `Set-Cookie` that makes a browser forget its session.
    pub fn forget_cookie(&self) -> Option<HeaderValue> {
        clear_cookie(self.0.secure)
    }

    /// Replaces the caller's password. All the user's sessions end; the caller gets a new one.
    ///
    /// # Errors
    /// [`AuthError::WrongCurrentPassword`], [`AuthError::Password`] with the rule, [`AuthError::TooManyAttempts`].
    pub async fn change_password(
        &self,
        caller: &Caller,
        current: &str,
        new: &str,
        client: &Client,
    ) -> Result<Begun, AuthError> {
        let key = Key::Owner(caller.username.to_string(), client.address);
        self.take(key.clone())?;
        let found = queries::credentials(&self.0.pool, &caller.username, client.address).await?;
        let stored = found.as_ref().map(|found| found.password_hash.as_str());
        if !password::plausible(current) || self.0.hasher.verify(current, stored).await? == Verdict::Wrong {
            return Err(AuthError::WrongCurrentPassword);
        }
        self.0.throttle.give_back(&key, Instant::now());
        check_rules(new, &caller.username).map_err(AuthError::Password)?;
        if new == current {
            return Err(AuthError::Password(PasswordRule::Unchanged));
        }
        let hash = self.0.hasher.hash(new).await?;
        let mut tx = self.0.pool.begin().await?;
        queries::set_password(&mut *tx, caller.user.0, &hash, false).await?;
        let ended = queries::delete_sessions_of_user(&mut *tx, caller.user.0).await?;
        let (session, token) = begin(&mut tx, caller.user.0, client).await?;
        let entry = Entry {
            actor: Some(&caller.username),
            action: "user.change_password",
            subject: Some(&caller.username),
            detail: json!({ "sessions_ended": ended, "address": client.address }),
        };
        audit::record(&mut *tx, entry).await?;
        tx.commit().await?;
        if *caller.username == *super::first::FIRST_ADMINISTRATOR {
            let _ = tokio::fs::remove_file(&self.0.initial_password_file).await;
        }
        let caller = Caller { session, must_change_password: false, ..caller.clone() };
        Ok(Begun { caller, cookie: token.set_cookie(self.0.secure, self.0.absolute.as_secs()) })
    }

    /// Ends when the session does. For connections that outlive a request; that they are open counts as use.
    pub async fn until_ended(&self, session: SessionId) {
        let mut notices = self.0.ended.subscribe();
        let (idle, absolute) = self.limits();
        loop {
            match queries::touch(&self.0.pool, session.0, idle, absolute).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => tracing::debug!(%error, "cannot look a session up; trying again"),
            }
            let look_again = tokio::time::sleep(TOUCH_EVERY);
            tokio::pin!(look_again);
            loop {
                tokio::select! {
                    () = &mut look_again => break,
                    notice = notices.recv() => match notice {
                        Ok(Ended::Session(id)) if id == session.0 => return,
                        Ok(Ended::Session(_)) => {}
                        Ok(Ended::Perhaps) | Err(broadcast::error::RecvError::Lagged(_)) => break,
                        Err(broadcast::error::RecvError::Closed) => return,
                    },
                }
            }
        }
    }

    fn limits(&self) -> (f64, f64) {
        (self.0.idle.as_secs_f64(), self.0.absolute.as_secs_f64())
    }

    fn take(&self, key: Key) -> Result<(), AuthError> {
        self.0.throttle.take(key, Instant::now()).map_err(|wait| {
            self.0.sign_ins.get_or_create(&[("outcome", "throttled")]).inc();
            AuthError::TooManyAttempts { retry_after: wait.as_secs() + 1 }
        })
    }

    async fn refused(&self, found: Option<&Credentials>, client: &Client) -> Result<(), AuthError> {
        self.0.sign_ins.get_or_create(&[("outcome", "refused")]).inc();
        // An unknown name is not written down: people type passwords into the wrong field.
        let entry = Entry {
            actor: None,
            action: "session.refused",
            subject: found.map(|found| found.username.as_str()),
            detail: json!({ "address": client.address, "known_user": found.is_some() }),
        };
        Ok(audit::record(&self.0.pool, entry).await?)
    }
}

async fn begin(tx: &mut sqlx::PgTransaction<'_>, user: Uuid, client: &Client) -> Result<(SessionId, Token), AuthError> {
    let (id, token) = (Uuid::now_v7(), Token::new()?);
    let new =
        NewSession { id, user, token_sha256: &token.sha256(), address: client.address, user_agent: &client.user_agent };
    queries::insert_session(&mut **tx, new).await?;
    Ok((SessionId(id), token))
}

pub(super) fn role(user: Uuid, word: String) -> Result<Role, AuthError> {
    Role::from_word(&word).ok_or(AuthError::Inconsistent(user, word))
}
