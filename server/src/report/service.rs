use std::{collections::BTreeMap, sync::Arc};

use gemba_contract::report::{
    Compared, Figures, Lane, LaneSegment, Reliability, Report, Restatement, RestatementCause, RowsBy, TrendPoint,
};
use gemba_domain::{
    Interval, Timestamp,
    equipment::EquipmentPath,
    line::PROPAGATION_MICROS,
    oee::{Elements, Profile, failures},
    reason::Stretch,
};
use sqlx::PgPool;

use super::{
    ReportError,
    losses::{self, Lost, Rate},
    node::Node,
    period::{self, Chosen},
    rows::{self, Part, target_pieces},
    stops::{LineStates, lost_of, stops},
};
use crate::{
    calendar::Calendar,
    oee::{self, GroupBy, PeriodFacts},
    overview,
    plant::{self, Plant},
    reason,
};

/// Shifts of the trend.
const TREND_SHIFTS: i64 = 20;
/// Segments of one lane.
const MOST_SEGMENTS: usize = 600;

/// Makes reports of facts.
#[derive(Clone)]
pub struct Service {
    pub(super) pool: PgPool,
    pub(super) plant: plant::Service,
    pub(super) oee: oee::Service,
    overview: overview::Service,
}

/// What was asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    pub profile: Profile,
}

/// Facts of a period, exact or by whole hours.
pub(super) struct Slice {
    pub elements: Elements,
    pub lost: Vec<Lost>,
    pub parts: BTreeMap<Timestamp, Part>,
    pub rows_by: RowsBy,
    /// Up to where the figures reach.
    pub known: Interval,
    pub known_to: Timestamp,
    pub states: Vec<Stretch>,
}

impl Service {
    pub fn new(pool: PgPool, plant: plant::Service, oee: oee::Service, overview: overview::Service) -> Self {
        Self { pool, plant, oee, overview }
    }

    pub(super) fn calendar(&self, node: &Node<'_>) -> Result<Arc<Calendar>, ReportError> {
        let calendar = self.oee.board().calendar(node.unit.id);
        calendar.ok_or_else(|| ReportError::NoEquipment(node.path().to_string()))
    }

    /// The report of a line or unit.
    ///
    /// # Errors
    /// Nothing at that path; a period that cannot be; the historian and the database.
    pub async fn report(&self, path: &EquipmentPath, asked: Asked, now: Timestamp) -> Result<Report, ReportError> {
        let plant = self.plant.current();
        let node = Node::find(&plant, path)?;
        let calendar = self.calendar(&node)?;
        let chosen = period::choose(&calendar, (asked.from, asked.to), now)?;
        let slice = self.slice(&node, &chosen, now).await?;
        let running = chosen.interval.contains(now);
        let tile = self.overview.tile_now(node.unit, node.line, now);
        let pri = self.pri_seconds(&plant, &node, &slice, now);
        let rate = self.rate(&plant, &node, &slice, pri);
        let period = chosen.view(&node, &calendar, now);
        let before = Interval::new(period.previous.0, period.previous.1);
        let mut notes = reason::notes(&self.pool, node.id(), Interval::new(before.from, chosen.interval.to)).await?;
        notes.retain(|note| {
            let written = Interval::new(note.from, note.to);
            written == before || written.intersection(&chosen.interval).is_some()
        });
        let around = Interval::new(chosen.interval.from.plus_micros(-PROPAGATION_MICROS), slice.known.to);
        let mut line_states = Vec::new();
        for unit in &node.line.units {
            line_states.push(self.oee.stretches(unit.id, around, now).await?);
        }
        let said = reason::said(&self.pool, &plant.reasons, node.unit.id, chosen.interval).await?;
        let shifts = calendar.shifts(slice.known);
        let line = LineStates { line: node.line, states: &line_states };
        let (stops, stops_total) =
            stops(node.unit, &slice.states, &shifts, &said, &plant.reasons, &line, slice.known_to);
        let ends: Vec<(Timestamp, Timestamp)> = row_ends(&slice, &node, &chosen);
        let end_of = |from: Timestamp| ends.iter().find(|(begin, _)| *begin == from).map_or(from, |(_, end)| *end);
        let target_oee = node.line.target_oee;
        Ok(Report {
            id: node.id(),
            path: node.path().clone(),
            name: node.name().to_owned(),
            level: node.level,
            around: node.around(),
            time_zone: node.zone().name().to_owned(),
            utc_offset_minutes: node.offset_minutes(chosen.interval.from),
            period,
            profile: asked.profile,
            profile_version: asked.profile.version(),
            now: running.then_some(tile),
            figures: figures(&slice, asked.profile, target_oee, pri, &rate, &plant),
            compared: self.compared(&node, &calendar, &chosen, asked.profile, now).await?,
            restated: self.restated(&node, &chosen, asked.profile).await?,
            rows: rows::board(
                slice.parts.clone(),
                end_of,
                target_oee,
                pri,
                &plant.reasons,
                &notes,
                running.then_some(now),
            ),
            rows_by: slice.rows_by,
            lanes: lanes(&node, &plant, &line_states, slice.known),
            losses: losses::waterfall(&slice.elements, asked.profile, &slice.lost, &plant.reasons, &rate),
            reasons: losses::pareto(&slice.lost, &plant.reasons, &rate),
            stops,
            stops_total,
            trend: self.trend(&node, &chosen, asked.profile).await?,
            notes,
            currency: plant.currency.clone(),
            at: now,
        })
    }

    /// The facts of a period.
    pub(super) async fn slice(&self, node: &Node<'_>, chosen: &Chosen, now: Timestamp) -> Result<Slice, ReportError> {
        if chosen.by_hours {
            return self.stored(node, chosen, now).await;
        }
        let facts = self.oee.facts(node.unit.id, chosen.interval, now).await?;
        let elements = facts.elements();
        let PeriodFacts { period: known, accounted, known_to, .. } = facts;
        let (mut lost, mut parts) = (Vec::new(), BTreeMap::<Timestamp, Part>::new());
        for row in &accounted.rows {
            let part = parts.entry(row.hour.max(known.from)).or_default();
            part.elements += row.elements;
            part.lost.extend(lost_of(row));
            lost.extend(lost_of(row));
        }
        // Hours outside every shift have nothing to say.
        parts.retain(|_, part| part.elements.pot() > 0 || part.elements.pq > 0.0);
        Ok(Slice { elements, lost, parts, rows_by: RowsBy::Hour, known, known_to, states: accounted.states })
    }

    async fn stored(&self, node: &Node<'_>, chosen: &Chosen, now: Timestamp) -> Result<Slice, ReportError> {
        let (unit, period) = (node.unit.id, chosen.interval);
        let known = Interval::new(period.from, period.to.min(now));
        let all = self.oee.sums(&[unit], period, GroupBy::All).await?;
        let lost = self.oee.losses(&[unit], period).await?.iter().filter_map(Lost::stored).collect();
        let mut parts = BTreeMap::new();
        for sum in self.oee.sums(&[unit], period, GroupBy::Day).await? {
            let Ok(day) = sum.key.parse::<chrono::NaiveDate>() else { continue };
            let begin = gemba_domain::shift::moment(&node.zone(), day.and_time(chrono::NaiveTime::MIN));
            if let Some(begin) = begin {
                parts.insert(begin, Part { elements: sum.elements, lost: Vec::new() });
            }
        }
        Ok(Slice {
            elements: all.iter().map(|sum| sum.elements).sum(),
            lost,
            parts,
            rows_by: RowsBy::Day,
            known,
            known_to: now,
            states: self.oee.stretches(unit, known, now).await?,
        })
    }

    /// Seconds a piece takes ideally in a period: of what was made, else of what is in force.
    fn pri_seconds(&self, plant: &Plant, node: &Node<'_>, slice: &Slice, now: Timestamp) -> Option<f64> {
        let e = &slice.elements;
        let made = (e.pq > 0.0 && e.pri_pq > 0.0).then(|| e.pri_pq / e.pq / 1e6);
        made.or_else(|| {
            let at = slice.known.to.min(now);
            let found = self.oee.board().now(node.unit.id, now)?;
            let product = found.work.and_then(|work| work.product);
            Some(plant.catalogue.pri(node.unit.id, product, at)? as f64 / 1e6)
        })
    }

    fn rate(&self, plant: &Plant, node: &Node<'_>, slice: &Slice, pri: Option<f64>) -> Rate {
        // What an hour at the ideal cycle would have earned, of the product that is made now.
        let product = self.oee.board().now(node.unit.id, slice.known.to).and_then(|it| it.work?.product);
        let margin = product.and_then(|id| plant.catalogue.products.get(&id)?.margin_cents);
        let per_hour = margin.zip(pri).map(|(cents, pri)| cents as f64 * 3600.0 / pri);
        Rate { cents_per_hour: node.cents_per_hour(), margin_cents_per_hour: per_hour }
    }

    async fn compared(
        &self,
        node: &Node<'_>,
        calendar: &Calendar,
        chosen: &Chosen,
        profile: Profile,
        now: Timestamp,
    ) -> Result<Vec<Compared>, ReportError> {
        let mut out = Vec::new();
        for (label, interval) in chosen.comparable(calendar, now) {
            let elements = if chosen.by_hours {
                let sums = self.oee.sums(&[node.unit.id], interval, GroupBy::All).await?;
                sums.iter().map(|sum| sum.elements).sum()
            } else {
                self.oee.facts(node.unit.id, interval, now).await?.elements()
            };
            let e: &Elements = &elements;
            if e.known_pbt() == 0 {
                continue;
            }
            out.push(Compared {
                label: label.to_owned(),
                from: interval.from,
                to: interval.to,
                factors: profile.factors(e),
                good: e.gq,
                coverage: e.coverage(),
            });
        }
        Ok(out)
    }

    async fn restated(
        &self,
        node: &Node<'_>,
        chosen: &Chosen,
        profile: Profile,
    ) -> Result<Vec<Restatement>, ReportError> {
        let reported = self.oee.reported(node.unit.id, chosen.interval).await?;
        let restated = reported.into_iter().filter_map(|it| {
            let after = it.changes.last()?.after;
            Some(Restatement {
                shift: gemba_contract::overview::ShiftView {
                    name: it.shift_name,
                    from: it.shift_from,
                    to: it.shift_to,
                },
                reported_at: it.reported_at,
                reported: profile.factors(&it.elements),
                now: profile.factors(&after),
                changes: it
                    .changes
                    .into_iter()
                    .rev()
                    .map(|change| RestatementCause { at: change.at, cause: change.cause.text, by: change.cause.by })
                    .collect(),
            })
        });
        Ok(restated.collect())
    }

    async fn trend(&self, node: &Node<'_>, chosen: &Chosen, profile: Profile) -> Result<Vec<TrendPoint>, ReportError> {
        let shifts = self.oee.last_shifts(node.unit.id, chosen.interval.to, TREND_SHIFTS).await?;
        let point = |shift: oee::ShiftSum| TrendPoint {
            from: shift.from,
            to: shift.to,
            shift: shift.name,
            team: shift.team,
            factors: profile.factors(&shift.elements),
            good: shift.elements.gq,
            coverage: shift.elements.coverage(),
        };
        Ok(shifts.into_iter().map(point).collect())
    }
}

fn row_ends(slice: &Slice, node: &Node<'_>, chosen: &Chosen) -> Vec<(Timestamp, Timestamp)> {
    let begins = slice.parts.keys().copied();
    match slice.rows_by {
        RowsBy::Hour => begins
            .map(|from| {
                let hour = from.micros().div_euclid(3_600_000_000) * 3600;
                (from, Timestamp::from_seconds(hour + 3600).min(chosen.interval.to))
            })
            .collect(),
        RowsBy::Day => begins
            .map(|from| {
                let next =
                    node.local(from).date_naive().succ_opt().and_then(|day| {
                        gemba_domain::shift::moment(&node.zone(), day.and_time(chrono::NaiveTime::MIN))
                    });
                (from, next.unwrap_or(from.plus_seconds(86_400)))
            })
            .collect(),
    }
}

fn figures(
    slice: &Slice,
    profile: Profile,
    target_oee: Option<f64>,
    pri: Option<f64>,
    rate: &Rate,
    plant: &Plant,
) -> Figures {
    let e = &slice.elements;
    let found = failures(&slice.states, &plant.reasons.categories, slice.known, slice.known_to);
    let mut factors = profile.factors(e);
    if pri.is_none() {
        (factors.oee, factors.performance) = (None, None);
    }
    let lost = pri.and(Some(profile.planned(e) - e.pri_gq.round() as i64)).unwrap_or(profile.planned(e) - e.apt);
    Figures {
        factors,
        coverage: e.coverage(),
        target_oee,
        target_pieces: target_pieces(e, target_oee, pri),
        nee: e.nee().filter(|_| pri.is_some()),
        teep: e.teep().filter(|_| pri.is_some()),
        lost_cents: rate.cents(lost),
        ideal_cycle_suspect: e.ideal_cycle_suspect(),
        elements: *e,
        reliability: Reliability {
            failures: found.between.len() as u64,
            mtbf_seconds: found.mtbf_seconds(),
            mttr_seconds: found.mttr_seconds(),
            restored: found.restore.len() as u64,
            censored_seconds: found.censored as f64 / 1e6,
        },
    }
}

fn lanes(node: &Node<'_>, plant: &Plant, states: &[Vec<Stretch>], period: Interval) -> Vec<Lane> {
    let key = node.line.constraint().map(|unit| unit.id);
    let shown = node.lanes();
    node.line
        .units
        .iter()
        .zip(states)
        .filter(|(unit, _)| shown.iter().any(|it| it.id == unit.id))
        .map(|(unit, states)| Lane {
            path: unit.path.clone(),
            name: unit.name.clone(),
            key_unit: key == Some(unit.id),
            segments: segments(states, period, plant),
        })
        .collect()
}

/// The states of a period, thinned: where there are too many, each slice of time shows what filled most of it.
fn segments(states: &[Stretch], period: Interval, plant: &Plant) -> Vec<LaneSegment> {
    let segment = |state: &Stretch, interval: Interval| {
        let reason = state.reason.and_then(|id| plant.reasons.get(id)).map(|reason| reason.name.to_string());
        let word = reason.or_else(|| state.cause.as_deref().map(str::to_owned));
        LaneSegment { from: interval.from, to: interval.to, state: state.state, word }
    };
    let within: Vec<(Interval, &Stretch)> =
        states.iter().filter_map(|state| Some((state.interval.intersection(&period)?, state))).collect();
    let mut out: Vec<LaneSegment> = Vec::new();
    let mut push = |next: LaneSegment| match out.last_mut() {
        Some(last) if last.to == next.from && last.state == next.state && last.word == next.word => last.to = next.to,
        _ => out.push(next),
    };
    if within.len() <= MOST_SEGMENTS {
        within.iter().for_each(|(interval, state)| push(segment(state, *interval)));
        return out;
    }
    let slot = period.micros() / MOST_SEGMENTS as i64 + 1;
    let mut at = 0;
    let mut from = period.from;
    while from < period.to {
        let slice = Interval::new(from, from.plus_micros(slot).min(period.to));
        while within.get(at).is_some_and(|(interval, _)| interval.to <= slice.from) {
            at += 1;
        }
        let inside = within.iter().skip(at).take_while(|(interval, _)| interval.from < slice.to);
        let most = inside
            .filter_map(|(interval, state)| Some((interval.intersection(&slice)?.micros(), *state)))
            .max_by_key(|(micros, _)| *micros);
        if let Some((_, state)) = most {
            push(LaneSegment { word: None, ..segment(state, slice) });
        }
        from = slice.to;
    }
    out
}
