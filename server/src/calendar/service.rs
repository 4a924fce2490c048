use gemba_contract::calendar::{CalendarView, PutCalendar, PutClosure, WhichClosure};
use gemba_domain::{
    Interval, Timestamp,
    equipment::EquipmentId,
    shift::{ClosureKind, moment},
};
use serde_json::json;
use sqlx::{PgConnection, PgPool};

use super::{
    CalendarError,
    definition::{definition, local_time, roster},
    queries::{self, ClosureRow},
    view::{kinds, local, view},
};
use crate::{
    auth::audit,
    nearest::nearest,
    oee,
    plant::{self, Plant, Site},
};

/// How far back a version may be valid from, days: what is older was reported long ago.
const MOST_DAYS_BACK: i64 = 90;
const LONGEST_NAME: usize = 120;

/// Calendars of sites.
#[derive(Clone)]
pub struct Service {
    pool: PgPool,
    plant: plant::Service,
    oee: oee::Service,
}

impl Service {
    pub fn new(pool: PgPool, plant: plant::Service, oee: oee::Service) -> Self {
        Self { pool, plant, oee }
    }

    /// A site's calendar.
    ///
    /// # Errors
    /// No such site; the database.
    pub async fn calendar(&self, site: &str, now: Timestamp) -> Result<CalendarView, CalendarError> {
        let plant = self.plant.current();
        let site = find(&plant, site)?;
        let mut rows = queries::versions(&self.pool).await?;
        rows.retain(|row| row.site_id == site.id.0);
        Ok(view(site, rows, now))
    }

    /// Adds a version. Valid from the past, it makes the figures since then anew: the shifts reported meanwhile stay beside
    /// them, with the user's name. The same definition as is valid then changes nothing.
    ///
    /// # Errors
    /// A definition that cannot be; a valid time too far back; no such site; the database.
    pub async fn put(
        &self,
        site: &str,
        put: &PutCalendar,
        by: &str,
        now: Timestamp,
    ) -> Result<CalendarView, CalendarError> {
        let roster = roster(&put.definition).map_err(|told| CalendarError::Refused(told.join("; ")))?;
        self.plant.refresh().await?;
        let plant = self.plant.current();
        let site = find(&plant, site)?;
        let valid_from = put.valid_from.as_deref().map(|text| moment_of(site, text)).transpose()?.unwrap_or(now);
        if valid_from < now.plus_seconds(-MOST_DAYS_BACK * 86_400) {
            let told = format!(
                "valid from {} is more than {MOST_DAYS_BACK} days ago; figures that old stay as they are",
                local(valid_from, site.time_zone)
            );
            return Err(CalendarError::Refused(told));
        }
        if site.calendar.version_at(valid_from).is_some_and(|valid| *valid.roster == roster) {
            return self.calendar(site.path.as_str(), now).await;
        }
        let units: Vec<EquipmentId> = site.lines().flat_map(|(_, line)| &line.units).map(|unit| unit.id).collect();
        let cause = oee::Cause::by("calendar changed", by);
        let stated = definition(&roster);
        let mut tx = self.pool.begin().await?;
        plant::begin_change(&mut tx).await?;
        queries::put_version(&mut tx, site.id.0, Some(valid_from.to_utc()), &stated, by, now.to_utc()).await?;
        if valid_from < now {
            for unit in &units {
                oee::note_stale(&mut tx, *unit, Interval::new(valid_from, now.plus_micros(1)), &cause).await?;
            }
        }
        let detail = json!({ "valid_from": valid_from, "definition": stated });
        record(&mut tx, by, "calendar.put", site.path.as_str(), detail).await?;
        tx.commit().await?;
        if valid_from < now {
            // What is in memory changes with the plant, for this cause.
            self.oee.because_of(&units, &cause);
        }
        self.plant.refresh().await?;
        self.calendar(site.path.as_str(), now).await
    }

    /// Adds a closure ahead, or alters the one of this name and begin.
    ///
    /// # Errors
    /// It has begun; a value that cannot be; no such site; the database.
    pub async fn put_closure(
        &self,
        site: &str,
        put: &PutClosure,
        by: &str,
        now: Timestamp,
    ) -> Result<CalendarView, CalendarError> {
        let plant = self.plant.current();
        let site = find(&plant, site)?;
        let name = put.name.trim();
        if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
            let told = format!("a closure's name has 1 to {LONGEST_NAME} characters, none of them control characters");
            return Err(CalendarError::Refused(told));
        }
        if ClosureKind::from_word(&put.kind).is_none() {
            let hint = nearest(&put.kind, kinds().into_iter())
                .map(|near| format!("; did you mean `{near}`?"))
                .unwrap_or_default();
            let told = format!("`{}` is not a kind of closure{hint} Valid: {}", put.kind, kinds().join(", "));
            return Err(CalendarError::Refused(told));
        }
        let (from, to) = (moment_of(site, &put.from)?, moment_of(site, &put.to)?);
        let told = |time: Timestamp| local(time, site.time_zone);
        if from >= to {
            let told = format!(
                "closure `{name}` ends at {}, which is not after its begin, {}; its end itself is not included",
                told(to),
                told(from)
            );
            return Err(CalendarError::Refused(told));
        }
        if from <= now {
            return Err(CalendarError::Begun { name: name.to_owned(), from: told(from) });
        }
        let row = ClosureRow {
            site_id: site.id.0,
            name: name.to_owned(),
            closed_from: from.to_utc(),
            closed_to: to.to_utc(),
            kind: put.kind.clone(),
            entered_by: Some(by.to_owned()),
        };
        let mut tx = self.pool.begin().await?;
        plant::begin_change(&mut tx).await?;
        queries::put_closure(&mut tx, &row).await?;
        let detail = json!({ "name": name, "from": from, "to": to, "kind": put.kind });
        record(&mut tx, by, "closure.put", site.path.as_str(), detail).await?;
        tx.commit().await?;
        self.plant.refresh().await?;
        self.calendar(site.path.as_str(), now).await
    }

    /// Removes a closure that has not begun.
    ///
    /// # Errors
    /// It has begun; there is none; no such site; the database.
    pub async fn delete_closure(
        &self,
        site: &str,
        which: &WhichClosure,
        by: &str,
        now: Timestamp,
    ) -> Result<CalendarView, CalendarError> {
        let plant = self.plant.current();
        let site = find(&plant, site)?;
        let from = moment_of(site, &which.from)?;
        let (name, told) = (which.name.trim(), local(from, site.time_zone));
        let mut tx = self.pool.begin().await?;
        plant::begin_change(&mut tx).await?;
        if !queries::delete_closure(&mut tx, site.id.0, from.to_utc(), name).await? {
            return Err(CalendarError::NoClosure { name: name.to_owned(), from: told });
        }
        if from <= now {
            // Taken back with the transaction.
            return Err(CalendarError::Begun { name: name.to_owned(), from: told });
        }
        record(&mut tx, by, "closure.delete", site.path.as_str(), json!({ "name": name, "from": from })).await?;
        tx.commit().await?;
        self.plant.refresh().await?;
        self.calendar(site.path.as_str(), now).await
    }
}

fn find<'a>(plant: &'a Plant, path: &str) -> Result<&'a Site, CalendarError> {
    let found = plant.sites.iter().find(|site| site.path.as_str() == path);
    found.ok_or_else(|| CalendarError::NoSite(path.to_owned()))
}

/// RFC 3339 with an offset, or a time of the site's clock.
fn moment_of(site: &Site, text: &str) -> Result<Timestamp, CalendarError> {
    told_moment(site, text).map_err(CalendarError::Refused)
}

/// RFC 3339 with an offset, or a time of the site's clock.
///
/// # Errors
/// It is neither: what was expected.
pub fn told_moment(site: &Site, text: &str) -> Result<Timestamp, String> {
    let text = text.trim();
    let exact = text.parse::<Timestamp>().ok();
    let found = exact.or_else(|| moment(&site.time_zone, local_time(text)?));
    found.ok_or_else(|| {
        let expected =
            "expected a time of the site's clock such as 2026-12-24 or 2026-12-24 18:00, or RFC 3339 with an offset";
        format!("`{text}` is not a time; {expected}")
    })
}

async fn record(
    tx: &mut PgConnection,
    by: &str,
    action: &str,
    subject: &str,
    detail: serde_json::Value,
) -> sqlx::Result<()> {
    audit::record(tx, audit::Entry { actor: Some(by), action, subject: Some(subject), detail }).await
}
