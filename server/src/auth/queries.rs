//! The only SQL about users and sessions.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use sqlx::{PgExecutor, types::Uuid};

pub(super) struct Credentials {
    pub id: Uuid,
    pub username: String,
    pub role: String,
    pub password_hash: String,
    pub must_change_password: bool,
    pub known_address: bool,
}

pub(super) async fn credentials(
    db: impl PgExecutor<'_>,
    username: &str,
    address: IpAddr,
) -> Result<Option<Credentials>, sqlx::Error> {
    sqlx::query_as!(
        Credentials,
        r#"select id, username, role, password_hash, must_change_password,
               exists (select from user_known_address k where k.user_id = u.id and k.address = ($2::text)::inet)
                   as "known_address!"
           from user_account u where username = $1"#,
        username,
        address.to_string(),
    )
    .fetch_optional(db)
    .await
}

pub(super) struct SessionRow {
    pub id: Uuid,
    pub user_id: Uuid,
    pub username: String,
    pub role: String,
    pub must_change_password: bool,
    /// Last seen more than a minute ago.
    pub stale: bool,
}

/// The session of a token, unless it is over. All times are the database's.
pub(super) async fn session(
    db: impl PgExecutor<'_>,
    token_sha256: &[u8],
    idle_seconds: f64,
    absolute_seconds: f64,
) -> Result<Option<SessionRow>, sqlx::Error> {
    sqlx::query_as!(
        SessionRow,
        r#"select s.id, s.user_id, u.username, u.role, u.must_change_password,
               s.last_seen_at < now() - interval '1 minute' as "stale!"
           from user_session s join user_account u on u.id = s.user_id
           where s.token_sha256 = $1
               and s.last_seen_at > now() - make_interval(secs => $2)
               and s.created_at > now() - make_interval(secs => $3)"#,
        token_sha256,
        idle_seconds,
        absolute_seconds,
    )
    .fetch_optional(db)
    .await
}

/// Notes that a session is used. `false` when it is over.
pub(super) async fn touch(
    db: impl PgExecutor<'_>,
    session: Uuid,
    idle_seconds: f64,
    absolute_seconds: f64,
) -> Result<bool, sqlx::Error> {
    sqlx::query!(
        "update user_session set last_seen_at = now() where id = $1
            and last_seen_at > now() - make_interval(secs => $2)
            and created_at > now() - make_interval(secs => $3)",
        session,
        idle_seconds,
        absolute_seconds,
    )
    .execute(db)
    .await
    .map(|done| done.rows_affected() == 1)
}

pub(super) struct NewSession<'a> {
    pub id: Uuid,
    pub user: Uuid,
    pub token_sha256: &'a [u8],
    pub address: IpAddr,
    pub user_agent: &'a str,
}

pub(super) async fn insert_session(db: impl PgExecutor<'_>, new: NewSession<'_>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into user_session (id, user_id, token_sha256, address, user_agent)
         values ($1, $2, $3, ($4::text)::inet, $5)",
        new.id,
        new.user,
        new.token_sha256,
        new.address.to_string(),
        new.user_agent,
    )
    .execute(db)
    .await
    .map(|_| ())
}

pub(super) async fn remember_address(db: impl PgExecutor<'_>, user: Uuid, address: IpAddr) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into user_known_address (user_id, address) values ($1, ($2::text)::inet)
         on conflict (user_id, address) do update set last_sign_in_at = now()",
        user,
        address.to_string(),
    )
    .execute(db)
    .await
    .map(|_| ())
}

pub(super) async fn delete_session_of_token(db: impl PgExecutor<'_>, token_sha256: &[u8]) -> Result<(), sqlx::Error> {
    sqlx::query!("delete from user_session where token_sha256 = $1", token_sha256).execute(db).await.map(|_| ())
}

pub(super) async fn delete_session(db: impl PgExecutor<'_>, session: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!("delete from user_session where id = $1", session).execute(db).await.map(|_| ())
}

pub(super) async fn delete_sessions_of_user(db: impl PgExecutor<'_>, user: Uuid) -> Result<u64, sqlx::Error> {
    sqlx::query!("delete from user_session where user_id = $1", user).execute(db).await.map(|done| done.rows_affected())
}

pub(super) async fn delete_ended_sessions(
    db: impl PgExecutor<'_>,
    idle_seconds: f64,
    absolute_seconds: f64,
) -> Result<u64, sqlx::Error> {
    sqlx::query!(
        "delete from user_session where last_seen_at <= now() - make_interval(secs => $1)
            or created_at <= now() - make_interval(secs => $2)",
        idle_seconds,
        absolute_seconds,
    )
    .execute(db)
    .await
    .map(|done| done.rows_affected())
}

pub(super) async fn replace_hash(db: impl PgExecutor<'_>, user: Uuid, hash: &str) -> Result<(), sqlx::Error> {
    sqlx::query!("update user_account set password_hash = $2 where id = $1", user, hash).execute(db).await.map(|_| ())
}

pub(super) async fn set_password(
    db: impl PgExecutor<'_>,
    user: Uuid,
    hash: &str,
    must_change: bool,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update user_account set password_hash = $2, must_change_password = $3, password_changed_at = now() where id = $1",
        user,
        hash,
        must_change,
    )
    .execute(db)
    .await
    .map(|_| ())
}

/// `false` when there is a user of that name.
pub(super) async fn insert_user(
    db: impl PgExecutor<'_>,
    id: Uuid,
    username: &str,
    role: &str,
    hash: &str,
) -> Result<bool, sqlx::Error> {
    sqlx::query!(
        "insert into user_account (id, username, role, password_hash, must_change_password)
         values ($1, $2, $3, $4, true) on conflict (username) do nothing",
        id,
        username,
        role,
        hash,
    )
    .execute(db)
    .await
    .map(|done| done.rows_affected() == 1)
}

pub(super) async fn user_id(db: impl PgExecutor<'_>, username: &str) -> Result<Option<Uuid>, sqlx::Error> {
    sqlx::query_scalar!("select id from user_account where username = $1", username).fetch_optional(db).await
}

pub(super) async fn any_user(db: impl PgExecutor<'_>) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(r#"select exists (select from user_account) as "any!""#).fetch_one(db).await
}

pub(super) struct UserRow {
    pub id: Uuid,
    pub username: String,
    pub role: String,
    pub must_change_password: bool,
    pub last_seen_at: Option<DateTime<Utc>>,
}

pub(super) async fn users(db: impl PgExecutor<'_>) -> Result<Vec<UserRow>, sqlx::Error> {
    sqlx::query_as!(
        UserRow,
        r#"select u.id, u.username, u.role, u.must_change_password, max(s.last_seen_at) as last_seen_at
           from user_account u left join user_session s on s.user_id = u.id
           group by u.id order by u.username"#,
    )
    .fetch_all(db)
    .await
}
