//! What is told of collectors for good.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde_json::Value;
use sqlx::PgExecutor;

use crate::auth::{COMMAND_LINE, Entry, record};

/// What a collector that tries again every minute is refused for is told once in so long.
const AGAIN: Duration = Duration::from_secs(3_600);

/// An entry about a collector, made on the command line.
pub(super) async fn by_command(
    db: impl PgExecutor<'_>,
    action: &'static str,
    name: &str,
    detail: Value,
) -> sqlx::Result<()> {
    record(db, Entry { actor: Some(COMMAND_LINE), action, subject: Some(name), detail }).await
}

/// An entry about something that a collector did itself.
pub(super) async fn by_collector(
    db: impl PgExecutor<'_>,
    action: &'static str,
    name: &str,
    detail: Value,
) -> sqlx::Result<()> {
    record(db, Entry { actor: Some(&format!("collector/{name}")), action, subject: Some(name), detail }).await
}

/// An entry about something that nobody knows who did.
pub(super) async fn by_stranger(db: impl PgExecutor<'_>, action: &'static str, detail: Value) -> sqlx::Result<()> {
    record(db, Entry { actor: None, action, subject: None, detail }).await
}

/// What was told lately. Names come from certificates of our own, so there are few.
#[derive(Debug, Default)]
pub(super) struct Told(Mutex<HashMap<(String, &'static str), Instant>>);

impl Told {
    /// Whether this is to be told now.
    pub fn is_new(&self, name: &str, kind: &'static str) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        told.retain(|_, at| now.duration_since(*at) < AGAIN);
        let key = (name.to_owned(), kind);
        let new = !told.contains_key(&key);
        if new {
            told.insert(key, now);
        }
        new
    }
}
