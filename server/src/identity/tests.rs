//! Who is let in, and who is not, against a real database; over TLS in `tls`.

mod tls;

use std::{net::IpAddr, sync::Arc, time::Duration};

use gemba_contract::edge::{Enrol, Enrolled, Renew};
use gemba_domain::Timestamp;
use gemba_identity::{Code, Facts, Key};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use sqlx::PgPool;

use super::*;
use crate::{
    clock,
    ingest::tests::{EPOCH, Rig, UNIT},
    state::AppState,
};

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 7));

/// A code for a collector.
async fn code(app: &AppState, name: &str, scope: &[&str]) -> Code {
    let scope = scope.iter().map(|path| path.parse().unwrap()).collect();
    app.identities.add(name, scope, &app.plant.current(), clock::now()).await.unwrap().unwrap().code
}

async fn enrol(app: &AppState, code: &Code, key: &Key, now: Timestamp) -> Result<Enrolled, CollectorError> {
    let enrol = Enrol { secret: code.secret(), request: key.request(None).unwrap() };
    app.identities.enrol(&enrol, HERE, now).await
}

async fn renew(app: &AppState, facts: &Facts, key: &Key, now: Timestamp) -> Result<Enrolled, CollectorError> {
    let renew = Renew { request: key.request(Some(&facts.name)).unwrap() };
    app.identities.renew(facts, &renew, now).await
}

fn facts(enrolled: &Enrolled) -> Facts {
    let read = |text: &str| CertificateDer::from_pem_slice(text.as_bytes()).unwrap();
    Facts::verified(&read(&enrolled.certificate), &read(&enrolled.authority)).unwrap()
}

/// A collector with its first certificate.
pub(crate) async fn enrolled(app: &AppState, name: &str, scope: &[&str]) -> Peer {
    let code = code(app, name, scope).await;
    let answer = enrol(app, &code, &Key::generate().unwrap(), clock::now()).await.unwrap();
    Peer { facts: Some(Arc::new(facts(&answer))), address: HERE }
}

fn later(now: Timestamp, length: Duration) -> Timestamp {
    now.plus_micros(i64::try_from(length.as_micros()).unwrap())
}

const HOUR: Duration = Duration::from_secs(3_600);

async fn told(pool: &PgPool) -> Vec<(String, Option<String>, Option<String>)> {
    let rows =
        sqlx::query_as("select action, actor, subject from audit_entry where action like 'collector.%' order by id");
    rows.fetch_all(pool).await.unwrap()
}

#[sqlx::test(migrations = "../migrations")]
async fn a_code_works_once_in_its_time_and_each_refusal_says_what_to_do(pool: PgPool) {
    let rig = Rig::new(pool.clone()).await;
    let (app, now) = (&rig.app, clock::now());
    let code_b = code(app, "b", &[]).await;
    let key = Key::generate().unwrap();
    let first = enrol(app, &code_b, &key, now).await.unwrap();
    assert_eq!((first.name.as_str(), first.lasts_seconds), ("b", 86_400));
    assert!(facts(&first).not_after - now.micros() / 1_000_000 <= 86_400);
    // An answer that got lost: the same key is let in again, another one is not.
    let again = enrol(app, &code_b, &key, now).await.unwrap();
    assert_ne!(facts(&again).serial, facts(&first).serial);
    let thief = enrol(app, &code_b, &Key::generate().unwrap(), now).await.unwrap_err();
    assert!(
        matches!(thief, CollectorError::CodeUsed(_)) && thief.to_string().contains("gemba collector revoke"),
        "{thief}"
    );

    let late = enrol(app, &code(app, "c", &[]).await, &key, later(now, HOUR)).await.unwrap_err();
    assert!(
        matches!(late, CollectorError::CodeExpired(_)) && late.to_string().contains("gemba collector add"),
        "{late}"
    );
    let unknown = Code::generate(app.identities.authority(now).unwrap().fingerprint());
    let unknown = enrol(app, &unknown, &key, now).await.unwrap_err();
    assert!(matches!(unknown, CollectorError::CodeUnknown), "{unknown}");
    // A newer code voids the one before.
    let (old, new) = (code(app, "c", &[]).await, code(app, "c", &[]).await);
    assert!(matches!(enrol(app, &old, &key, now).await, Err(CollectorError::CodeUnknown)));
    // A request under another name lets nobody in, and does not use up the code.
    let enrol_as = |name: &str| Enrol { secret: new.secret(), request: key.request(Some(name)).unwrap() };
    let wrong = app.identities.enrol(&enrol_as("b"), HERE, now).await.unwrap_err();
    assert!(matches!(wrong, CollectorError::Name { .. }) && wrong.to_string().contains("this one is `c`"), "{wrong}");
    let rubbish = Enrol { secret: new.secret(), request: "rubbish".to_owned() };
    assert!(matches!(app.identities.enrol(&rubbish, HERE, now).await, Err(CollectorError::Request(_))));
    app.identities.enrol(&enrol_as("c"), HERE, now).await.unwrap();

    let told = told(&pool).await;
    let count = |action: &str| told.iter().filter(|(its, ..)| its == action).count();
    assert_eq!((count("collector.add"), count("collector.code_used")), (5, 4));
    assert_eq!((count("collector.certificate_issued"), count("collector.code_refused")), (4, 6));
    assert!(told.contains(&("collector.code_used".to_owned(), Some("collector/c".to_owned()), Some("c".to_owned()))));
    let details: Vec<String> =
        sqlx::query_scalar("select detail::text from audit_entry").fetch_all(&pool).await.unwrap();
    assert!(details.iter().all(|detail| !detail.contains(&new.secret())), "no secret is kept");
}

#[sqlx::test(migrations = "../migrations")]
async fn guesses_are_bounded(pool: PgPool) {
    let rig = Rig::new(pool.clone()).await;
    let (app, key) = (&rig.app, Key::generate().unwrap());
    let print = app.identities.authority(clock::now()).unwrap().fingerprint();
    let mut refused = 0;
    let wait = loop {
        match enrol(app, &Code::generate(print), &key, clock::now()).await {
            Err(CollectorError::CodeUnknown) => refused += 1,
            Err(CollectorError::TooMany(seconds)) => break seconds,
            other => panic!("{other:?}"),
        }
    };
    assert!(refused == 10 && (1..=61).contains(&wait), "{refused} {wait}");
    let entries = told(&pool).await.iter().filter(|(action, ..)| action == "collector.code_refused").count();
    assert_eq!(entries, 10, "the audit is not flooded");
}

#[sqlx::test(migrations = "../migrations")]
async fn certificates_are_renewed_and_an_expired_one_serves_for_that_alone(pool: PgPool) {
    let rig = Rig::new(pool.clone()).await;
    let (app, now, key) = (&rig.app, clock::now(), Key::generate().unwrap());
    let first = facts(&enrol(app, &code(app, "b", &[]).await, &key, now).await.unwrap());
    assert_eq!(app.identities.admit(&first, now).await.unwrap().name, "b");
    // Lost on its way: the one before is good until the new one is shown.
    renew(app, &first, &key, later(now, 12 * HOUR)).await.unwrap();
    app.identities.admit(&first, later(now, 13 * HOUR)).await.unwrap();
    let second = facts(&renew(app, &first, &key, later(now, 14 * HOUR)).await.unwrap());
    app.identities.admit(&second, later(now, 14 * HOUR)).await.unwrap();
    let copied = app.identities.admit(&first, later(now, 14 * HOUR)).await.unwrap_err();
    assert!(matches!(copied, CollectorError::Copied(_)) && copied.to_string().contains("was copied"), "{copied}");
    assert!(matches!(renew(app, &first, &key, now).await, Err(CollectorError::Copied(_))));

    let over = later(now, 40 * HOUR);
    assert!(matches!(app.identities.admit(&second, over).await, Err(CollectorError::Expired(_))));
    let another = renew(app, &second, &Key::generate().unwrap(), over).await.unwrap_err();
    assert!(matches!(another, CollectorError::Key), "{another}");
    let third = facts(&renew(app, &second, &key, later(now, 29 * 24 * HOUR)).await.unwrap());
    let too_late = renew(app, &third, &key, later(now, 61 * 24 * HOUR)).await.unwrap_err();
    assert!(
        matches!(too_late, CollectorError::TooLate(_)) && too_late.to_string().contains("gemba-edge enrol"),
        "{too_late}"
    );

    app.identities.revoke("b", now).await.unwrap();
    let revoked = renew(app, &third, &key, later(now, 30 * 24 * HOUR)).await.unwrap_err();
    assert!(
        matches!(revoked, CollectorError::Revoked { .. }) && revoked.to_string().contains("collector add b"),
        "{revoked}"
    );
    let told = told(&pool).await;
    let count = |action: &str| told.iter().filter(|(its, ..)| its == action).count();
    assert_eq!(
        (count("collector.certificate_renewed"), count("collector.revoke"), count("collector.copied")),
        (3, 1, 1)
    );
    assert_eq!(count("collector.renewal_refused"), 3, "each reason once: {told:?}");
}

#[sqlx::test(migrations = "../migrations")]
async fn a_database_that_was_set_back_locks_nobody_out(pool: PgPool) {
    let rig = Rig::new(pool.clone()).await;
    let (app, now, key) = (&rig.app, clock::now(), Key::generate().unwrap());
    let first = facts(&enrol(app, &code(app, "b", &[]).await, &key, now).await.unwrap());
    let (serial, at): (Vec<u8>, chrono::DateTime<chrono::Utc>) =
        sqlx::query_as("select serial, certificate_at from collector where name = 'b'").fetch_one(&pool).await.unwrap();
    let second = facts(&renew(app, &first, &key, later(now, HOUR)).await.unwrap());
    app.identities.admit(&second, later(now, HOUR)).await.unwrap();
    sqlx::query("update collector set serial = $1, certificate_at = $2 where name = 'b'")
        .bind(serial)
        .bind(at)
        .execute(&pool)
        .await
        .unwrap();
    app.identities.admit(&second, later(now, HOUR)).await.unwrap();
    let copied = app.identities.admit(&first, later(now, HOUR)).await.unwrap_err();
    assert!(matches!(copied, CollectorError::Copied(_)), "{copied}");
    assert!(told(&pool).await.iter().any(|(action, ..)| action == "collector.certificate_adopted"));
}

#[sqlx::test(migrations = "../migrations")]
async fn what_lies_outside_of_the_scope_is_set_aside(pool: PgPool) {
    let rig = Rig::new(pool).await;
    let peer = enrolled(&rig.app, "b", &["acme/leeds/other"]).await;
    let other = Rig::with(rig.app.clone(), peer);
    let welcome = other.hello(EPOCH, &["temp"]).await.unwrap();
    assert!(welcome.unknown[0].reason.contains("outside of what this collector may write"), "{welcome:?}");
    let answer = other.send(other.temperatures(1, 0, &[1.0])).await.unwrap();
    assert_eq!((answer.acked, answer.quarantined[0].samples), (1, 1));
    assert!(answer.quarantined[0].reason.contains("outside"), "{answer:?}");
    assert!(other.stored().await.is_empty());
    // Permitted afterwards: from the next request on, and what was set aside can be stored.
    let unit = [UNIT.parse().unwrap()];
    assert!(rig.app.identities.put_scope("b", &unit).await.unwrap());
    assert!(other.send(other.temperatures(2, 1, &[2.0])).await.unwrap().quarantined.is_empty());
    assert_eq!(rig.app.ingest.retry_quarantined(clock::now()).await.unwrap(), (1, 0));
    assert_eq!(other.stored().await, [1.0, 2.0]);
    rig.app.identities.put_scope("b", &["acme/york".parse().unwrap()]).await.unwrap();
    assert_eq!(other.send(other.temperatures(3, 2, &[3.0])).await.unwrap().quarantined.len(), 1);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_signal_is_written_by_one_collector_until_it_is_released(pool: PgPool) {
    let rig = Rig::new(pool).await;
    let second = Rig::with(rig.app.clone(), enrolled(&rig.app, "b", &[]).await);
    assert!(rig.hello(EPOCH, &["temp"]).await.unwrap().unknown.is_empty());
    rig.send(rig.temperatures(1, 0, &[1.0])).await.unwrap();
    let welcome = second.hello(EPOCH, &["temp", "good"]).await.unwrap();
    assert_eq!(welcome.unknown.len(), 1);
    assert!(welcome.unknown[0].reason.contains("the collector `edge` writes it"), "{welcome:?}");
    let answer = second.send(second.temperatures(1, 5, &[9.0])).await.unwrap();
    assert!(answer.quarantined[0].reason.contains("`gemba collector release edge`"), "{answer:?}");
    assert_eq!(rig.stored().await, [1.0]);

    assert_eq!(rig.app.identities.release("edge").await.unwrap(), Some(1));
    assert_eq!(rig.app.identities.release("egde").await.unwrap(), None);
    assert!(second.hello(EPOCH, &["temp", "good"]).await.unwrap().unknown.is_empty());
    assert!(second.send(second.temperatures(2, 6, &[10.0])).await.unwrap().quarantined.is_empty());
    // Now it is the first one's turn to be refused, at once and without a hello.
    assert_eq!(rig.send(rig.temperatures(2, 1, &[2.0])).await.unwrap().quarantined.len(), 1);
    assert_eq!(rig.app.ingest.retry_quarantined(clock::now()).await.unwrap(), (1, 1));
    // Who is revoked holds nothing.
    rig.app.identities.revoke("b", clock::now()).await.unwrap();
    assert!(rig.hello(EPOCH, &["temp"]).await.unwrap().unknown.is_empty());
    assert!(rig.send(rig.temperatures(3, 2, &[3.0])).await.unwrap().quarantined.is_empty());
}
