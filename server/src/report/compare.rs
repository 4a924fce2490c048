//! Figures side by side: units, shifts, teams, products, orders, days.

use chrono::{NaiveTime, Offset as _, TimeZone as _};
use chrono_tz::Tz;
use gemba_contract::report::{CompareBy, Comparison, ComparisonRow};
use gemba_domain::{
    Interval, Timestamp,
    equipment::{EquipmentId, EquipmentPath},
    order::{OrderId, ProductId},
    shift::moment,
};

use super::{ReportError, Service, period::EXACT_SECONDS, service::Asked};
use crate::{
    oee::{GroupBy, Sum},
    plant::Plant,
};

/// Without a period: so many days up to now.
const DAYS: i64 = 30;

impl Service {
    /// The figures of a node (site, area, line or unit; the enterprise for the whole plant) by what is asked for. A line is
    /// its key unit; what lies above sums the key units of its lines. Longer than 26 hours: by whole production days.
    ///
    /// # Errors
    /// Nothing at that path; a period that cannot be; the database.
    pub async fn compare(
        &self,
        path: &EquipmentPath,
        by: CompareBy,
        asked: Asked,
        now: Timestamp,
    ) -> Result<Comparison, ReportError> {
        let plant = self.plant.current();
        let units = units_below(&plant, path, by)?;
        let period = Interval::new(asked.from.unwrap_or(now.plus_seconds(-DAYS * 86_400)), asked.to.unwrap_or(now));
        if period.is_empty() || period.micros() > 400 * 86_400_000_000 {
            let told = "`from` must be earlier than `to`, by 400 days at most".to_owned();
            return Err(ReportError::Refused(told));
        }
        let group = match by {
            CompareBy::Unit => GroupBy::Unit,
            CompareBy::Shift => GroupBy::Shift,
            CompareBy::Team => GroupBy::Team,
            CompareBy::Product => GroupBy::Product,
            CompareBy::Order => GroupBy::Order,
            CompareBy::Day => GroupBy::Day,
        };
        let place = Place::of(&plant, path, period.from);
        let (period, sums) = if period.micros() <= EXACT_SECONDS * 1_000_000 {
            (period, self.oee.sums(&units, period, group).await?)
        } else {
            let day = |at: Timestamp| at.to_utc().with_timezone(&place.zone).date_naive();
            let (first, last) = (day(period.from), day(period.to.plus_micros(-1)));
            let after = last.succ_opt().unwrap_or(last);
            let begin = moment(&place.zone, first.and_time(NaiveTime::MIN)).unwrap_or(period.from);
            (Interval::new(begin, period.to), self.oee.day_sums(&units, (first, after), group).await?)
        };
        let order_codes = if by == CompareBy::Order { self.order_codes().await? } else { Vec::new() };
        let mut rows: Vec<ComparisonRow> =
            sums.into_iter().map(|sum| row(sum, by, &plant, &order_codes, asked)).collect();
        match by {
            CompareBy::Day => rows.sort_by(|a, b| a.key.cmp(&b.key)),
            _ => rows.sort_by(|a, b| {
                let oee = |row: &ComparisonRow| row.factors.oee.unwrap_or(f64::INFINITY);
                oee(a).total_cmp(&oee(b)).then_with(|| a.name.cmp(&b.name))
            }),
        }
        Ok(Comparison {
            path: path.clone(),
            name: place.name,
            utc_offset_minutes: place.utc_offset_minutes,
            by,
            from: period.from,
            to: period.to,
            profile: asked.profile,
            profile_version: asked.profile.version(),
            rows,
            at: now,
        })
    }

    async fn order_codes(&self) -> Result<Vec<(OrderId, String)>, ReportError> {
        Ok(crate::order::codes(&self.pool).await?)
    }
}

fn row(sum: Sum, by: CompareBy, plant: &Plant, orders: &[(OrderId, String)], asked: Asked) -> ComparisonRow {
    let id = sum.key.parse::<uuid::Uuid>().unwrap_or_default();
    let (key, name) = match by {
        CompareBy::Unit => match plant.unit_of(EquipmentId(id)) {
            Some(found) => (found.unit.path.to_string(), found.unit.name.clone()),
            None => (sum.key.clone(), "a unit that is gone".to_owned()),
        },
        CompareBy::Product => match plant.catalogue.products.get(&ProductId(id)) {
            Some(product) => (product.code.to_string(), product.name.to_string()),
            None => (String::new(), "no product".to_owned()),
        },
        CompareBy::Order => match orders.iter().find(|(order, _)| order.0 == id) {
            Some((_, code)) => (code.clone(), code.clone()),
            None => (String::new(), "no order".to_owned()),
        },
        CompareBy::Shift | CompareBy::Team | CompareBy::Day => (sum.key.clone(), sum.key.clone()),
    };
    let coverage = sum.elements.coverage();
    ComparisonRow { key, name, factors: asked.profile.factors(&sum.elements), coverage, elements: sum.elements }
}

/// What is told of a node: its name and its clocks; those of the first site for what lies above sites.
struct Place {
    name: String,
    zone: Tz,
    utc_offset_minutes: i32,
}

impl Place {
    fn of(plant: &Plant, path: &EquipmentPath, at: Timestamp) -> Self {
        let mut name = path.leaf().to_owned();
        let mut zone = plant.sites.first().map_or(Tz::UTC, |site| site.time_zone);
        for site in &plant.sites {
            if site.path == *path || path.as_str().starts_with(&format!("{}/", site.path)) {
                zone = site.time_zone;
            }
            let areas = site.areas.iter().map(|area| (&area.path, &area.name));
            let lines = site.lines().map(|(_, line)| (&line.path, &line.name));
            let units = site.lines().flat_map(|(_, line)| &line.units).map(|unit| (&unit.path, &unit.name));
            let mut all = std::iter::once((&site.path, &site.name)).chain(areas).chain(lines).chain(units);
            if let Some((_, found)) = all.find(|(at, _)| **at == *path) {
                name.clone_from(found);
            }
        }
        let utc_offset_minutes = zone.offset_from_utc_datetime(&at.to_utc().naive_utc()).fix().local_minus_utc() / 60;
        Self { name, zone, utc_offset_minutes }
    }
}

/// The units whose facts are summed at a node: of a unit itself, of a line its key unit (all units where units are
/// compared), above that the key units of all lines.
fn units_below(plant: &Plant, path: &EquipmentPath, by: CompareBy) -> Result<Vec<EquipmentId>, ReportError> {
    if let Some(found) = plant.unit(path) {
        return Ok(vec![found.unit.id]);
    }
    if let Some(line) = plant.line(path) {
        let units: Vec<EquipmentId> = match by {
            CompareBy::Unit => line.units.iter().map(|unit| unit.id).collect(),
            _ => line.constraint().map(|unit| unit.id).into_iter().collect(),
        };
        return Ok(units);
    }
    let below = |of: &EquipmentPath| of.as_str().starts_with(&format!("{path}/"));
    let lines = plant.sites.iter().flat_map(|site| site.lines()).map(|(_, line)| line);
    let units: Vec<EquipmentId> =
        lines.filter(|line| below(&line.path)).filter_map(|line| line.constraint()).map(|unit| unit.id).collect();
    if units.is_empty() { Err(ReportError::NoEquipment(path.to_string())) } else { Ok(units) }
}
