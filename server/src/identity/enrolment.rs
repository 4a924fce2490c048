//! Certificates: the first one for a code, the next ones for the one before.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use gemba_contract::edge::{Enrol, Enrolled, Renew};
use gemba_domain::Timestamp;
use gemba_identity::{Code, Facts, Issued, Lifetime, Request, pem};
use serde_json::json;

use super::{
    CollectorError, Service, audit,
    queries::{self, CodeRow},
    service::{judge, moment},
};

impl Service {
    /// Lets a collector in that has a code. The same code lets the same key in again while it is good: an answer may get lost.
    ///
    /// # Errors
    /// The code or the request is not good; the authority; Postgres.
    pub async fn enrol(&self, enrol: &Enrol, from: IpAddr, now: Timestamp) -> Result<Enrolled, CollectorError> {
        self.0.throttle.permits(from, Instant::now()).map_err(CollectorError::TooMany)?;
        let done = self.use_code(enrol, from, now).await;
        if let Err(error) = &done
            && !matches!(error, CollectorError::Database(_) | CollectorError::Authority(_))
        {
            self.0.throttle.refused(from);
            tracing::warn!(%from, "an enrolment was refused: {error}");
            let detail = json!({ "from": from, "reason": error.kind() });
            audit::by_stranger(&self.0.pool, "collector.code_refused", detail).await?;
        }
        done
    }

    async fn use_code(&self, enrol: &Enrol, from: IpAddr, now: Timestamp) -> Result<Enrolled, CollectorError> {
        let request = read(&enrol.request)?;
        let hash = Code::hash_of(&enrol.secret).ok_or(CollectorError::CodeUnknown)?;
        let mut tx = self.0.pool.begin().await?;
        let code = queries::lock_code(&mut tx, &hash).await?.ok_or(CollectorError::CodeUnknown)?;
        check_code(&code, &request, now)?;
        check_name(&request, &code.name)?;
        let (issued, until) = self.sign(&request, &code.name, now)?;
        queries::let_in(&mut tx, &code, &hash, &request.key, &issued.serial, (now.to_utc(), until.to_utc())).await?;
        queries::bump_claims(&mut tx).await?;
        let detail = json!({ "from": from, "scope": code.scope });
        audit::by_collector(&mut *tx, "collector.code_used", &code.name, detail).await?;
        audit::by_collector(&mut *tx, "collector.certificate_issued", &code.name, told(&issued, until)).await?;
        tx.commit().await?;
        tracing::info!(collector = code.name, %from, "enrolled");
        self.answer(&code.name, &issued, now)
    }

    /// Gives a collector its next certificate. One whose time is over still serves for this, for a while: after a long outage
    /// nobody has to go there.
    ///
    /// # Errors
    /// The collector is shut out, its certificate is too old or not the newest, the request is not good; Postgres.
    pub async fn renew(&self, facts: &Facts, renew: &Renew, now: Timestamp) -> Result<Enrolled, CollectorError> {
        let done = self.next_certificate(facts, renew, now).await;
        if let Err(error) = &done
            && !matches!(error, CollectorError::Database(_) | CollectorError::Authority(_))
            && self.0.told.is_new(&facts.name, error.kind())
        {
            tracing::warn!(collector = facts.name, "a certificate was not renewed: {error}");
            let detail = json!({ "reason": error.kind() });
            audit::by_collector(&self.0.pool, "collector.renewal_refused", &facts.name, detail).await?;
        }
        done
    }

    async fn next_certificate(&self, facts: &Facts, renew: &Renew, now: Timestamp) -> Result<Enrolled, CollectorError> {
        let request = read(&renew.request)?;
        let mut tx = self.0.pool.begin().await?;
        let (row, _) = judge(queries::lock_by_name(&mut tx, &facts.name).await?, facts)?;
        let within = i64::try_from(self.0.renew_within.as_secs()).unwrap_or(i64::MAX);
        if Timestamp::from_seconds(facts.not_after.saturating_add(within)) <= now {
            return Err(CollectorError::TooLate(moment(facts.not_after)));
        }
        check_name(&request, &row.name)?;
        if request.key != facts.key {
            return Err(CollectorError::Key);
        }
        let (issued, until) = self.sign(&request, &row.name, now)?;
        let times = (now.to_utc(), until.to_utc());
        queries::renew(&mut tx, row.id, &facts.serial, &issued.serial, times).await?;
        audit::by_collector(&mut *tx, "collector.certificate_renewed", &row.name, told(&issued, until)).await?;
        tx.commit().await?;
        tracing::info!(collector = row.name, %until, "certificate renewed");
        self.answer(&row.name, &issued, now)
    }

    fn sign(&self, request: &Request, name: &str, now: Timestamp) -> Result<(Issued, Timestamp), CollectorError> {
        let life = Lifetime { now: now.to_utc().into(), lasts: self.0.lasts };
        let issued = self.authority(now)?.sign(request, name, life)?;
        Ok((issued, now.plus_micros(micros(self.0.lasts))))
    }

    fn answer(&self, name: &str, issued: &Issued, now: Timestamp) -> Result<Enrolled, CollectorError> {
        Ok(Enrolled {
            name: name.to_owned(),
            certificate: pem(&issued.certificate),
            authority: self.authority(now)?.certificate_pem(),
            lasts_seconds: self.0.lasts.as_secs(),
            at: now,
        })
    }
}

pub(super) fn micros(length: Duration) -> i64 {
    i64::try_from(length.as_micros()).unwrap_or(i64::MAX)
}

fn read(request: &str) -> Result<Request, CollectorError> {
    Request::read(request).map_err(|error| CollectorError::Request(error.to_string()))
}

fn check_code(code: &CodeRow, request: &Request, now: Timestamp) -> Result<(), CollectorError> {
    match code.used_at {
        Some(at) if code.used_key.as_deref() != Some(&request.key) => Err(CollectorError::CodeUsed(at)),
        _ if code.expires_at <= now.to_utc() => Err(CollectorError::CodeExpired(code.expires_at)),
        _ => Ok(()),
    }
}

fn check_name(request: &Request, name: &str) -> Result<(), CollectorError> {
    match &request.name {
        Some(asked) if asked != name => Err(CollectorError::Name { name: name.to_owned(), asked: asked.clone() }),
        _ => Ok(()),
    }
}

fn told(issued: &Issued, until: Timestamp) -> serde_json::Value {
    let serial: String = issued.serial.iter().map(|byte| format!("{byte:02x}")).collect();
    json!({ "serial": serial, "until": until })
}
