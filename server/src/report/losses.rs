//! Where planned time went: the waterfall and the Pareto of reasons, and what it costs.

use std::collections::BTreeMap;

use gemba_contract::report::{LossKind, LossStep, ReasonRow};
use gemba_domain::{
    oee::{Bucket, Elements, Profile},
    reason::{LossCategory, ReasonId},
    state::UnitState,
};

use crate::{oee::LossSum, reason::Reasons};

/// What standing costs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rate {
    /// Of an hour, in hundredths of the currency.
    pub cents_per_hour: Option<i64>,
    /// What the good pieces would have earned that an hour at the ideal cycle gives.
    pub margin_cents_per_hour: Option<f64>,
}

impl Rate {
    /// Cost of so much lost time.
    pub fn cents(&self, micros: i64) -> Option<i64> {
        let own = self.cents_per_hour.map(|cents| i128::from(cents) * i128::from(micros) / 3_600_000_000);
        let margin = self.margin_cents_per_hour.map(|cents| (cents * micros as f64 / 3.6e9).round() as i128);
        if own.is_none() && margin.is_none() {
            return None;
        }
        i64::try_from(own.unwrap_or_default() + margin.unwrap_or_default()).ok()
    }
}

/// A loss of time, parsed.
#[derive(Clone, Copy, Debug)]
pub struct Lost {
    pub bucket: Bucket,
    pub state: UnitState,
    pub reason: Option<ReasonId>,
    pub minor: bool,
    pub micros: i64,
    pub begun: u64,
}

impl Lost {
    /// Of a stored sum; `None` for words that this program does not know.
    pub fn stored(sum: &LossSum) -> Option<Self> {
        Some(Self {
            bucket: Bucket::from_word(&sum.bucket)?,
            state: UnitState::from_word(&sum.state)?,
            reason: sum.reason.map(ReasonId),
            minor: sum.minor,
            micros: sum.micros,
            begun: sum.begun,
        })
    }

    /// Which step of the waterfall it is; `None`: it is no loss of planned time.
    pub fn kind(&self, reasons: &Reasons) -> Option<LossKind> {
        let category = self.reason.and_then(|id| reasons.categories.get(&id)).copied();
        match self.bucket {
            Bucket::Setup => Some(LossKind::Category(LossCategory::Setup)),
            Bucket::NoOrder => Some(LossKind::Category(LossCategory::NotScheduled)),
            Bucket::Delay => Some(match (category, self.state) {
                (Some(category), _) => LossKind::Category(category),
                (None, UnitState::Blocked | UnitState::Starved) => LossKind::External,
                (None, _) if self.minor => LossKind::Category(LossCategory::MinorStops),
                (None, UnitState::Maintenance) => LossKind::Category(LossCategory::Planned),
                (None, _) => LossKind::Unexplained,
            }),
            Bucket::NotScheduled | Bucket::Break | Bucket::PlannedStop | Bucket::Producing | Bucket::Unknown => None,
        }
    }
}

/// From planned to good. The steps between the first and the last sum to their difference.
pub fn waterfall(e: &Elements, profile: Profile, lost: &[Lost], reasons: &Reasons, rate: &Rate) -> Vec<LossStep> {
    let mut by_kind: BTreeMap<u8, (LossKind, i64)> = BTreeMap::new();
    for loss in lost {
        if let Some(kind) = loss.kind(reasons) {
            by_kind.entry(order_of(kind)).or_insert((kind, 0)).1 += loss.micros;
        }
    }
    if profile == Profile::Vorne && e.planned_stops > 0 {
        let kind = LossKind::Category(LossCategory::Planned);
        by_kind.entry(order_of(kind)).or_insert((kind, 0)).1 += e.planned_stops;
    }
    let step = |kind: LossKind, micros: i64| {
        let cents = if matches!(kind, LossKind::Planned | LossKind::Good) { None } else { rate.cents(micros) };
        LossStep { kind, name: name_of(kind).to_owned(), micros, cents }
    };
    let mut steps = vec![step(LossKind::Planned, profile.planned(e))];
    steps.extend(by_kind.into_values().map(|(kind, micros)| step(kind, micros)));
    if e.pri_pq > 0.0 {
        let (made, good) = (e.pri_pq.round() as i64, e.pri_gq.round() as i64);
        steps.push(step(LossKind::Speed, e.apt - made));
        steps.push(step(LossKind::Quality, made - good));
        steps.push(step(LossKind::Good, good));
    } else {
        // Without an ideal cycle nothing is known of speed.
        steps.push(LossStep { name: "Producing".to_owned(), ..step(LossKind::Good, e.apt) });
    }
    steps
}

const fn order_of(kind: LossKind) -> u8 {
    match kind {
        LossKind::Planned => 0,
        LossKind::Category(LossCategory::NotScheduled) => 1,
        LossKind::Category(LossCategory::Planned) => 2,
        LossKind::Category(LossCategory::Breakdown) => 3,
        LossKind::Unexplained => 4,
        LossKind::Category(LossCategory::Setup) => 5,
        LossKind::External => 6,
        LossKind::Category(LossCategory::MinorStops) => 7,
        LossKind::Category(LossCategory::ReducedSpeed) => 8,
        LossKind::Category(LossCategory::ProcessDefects) => 9,
        LossKind::Category(LossCategory::StartupYield) => 10,
        LossKind::Speed => 11,
        LossKind::Quality => 12,
        LossKind::Good => 13,
    }
}

const fn name_of(kind: LossKind) -> &'static str {
    match kind {
        LossKind::Planned => "Planned",
        LossKind::Category(category) => category.title(),
        LossKind::Unexplained => "No reason yet",
        LossKind::External => "Blocked, starved",
        LossKind::Speed => "Speed",
        LossKind::Quality => "Scrap",
        LossKind::Good => "Good",
    }
}

/// Reasons by time lost, most first.
pub fn pareto(lost: &[Lost], reasons: &Reasons, rate: &Rate) -> Vec<ReasonRow> {
    // By reason; without one by state, short stops apart.
    type Bar = (Option<ReasonId>, Option<UnitState>, bool);
    let mut rows: BTreeMap<Bar, (i64, u64, UnitState)> = BTreeMap::new();
    for loss in lost.iter().filter(|loss| loss.kind(reasons).is_some()) {
        let key = match loss.reason {
            Some(reason) => (Some(reason), None, false),
            None => (None, Some(loss.state), loss.minor),
        };
        let row = rows.entry(key).or_insert((0, 0, loss.state));
        row.0 += loss.micros;
        row.1 += loss.begun;
    }
    let mut rows: Vec<ReasonRow> = rows
        .into_iter()
        .map(|((reason, state, minor), (micros, stops, counted))| {
            let known = reason.and_then(|id| reasons.get(id));
            ReasonRow {
                reason: known.map(|reason| reason.code.to_string()),
                name: known.map_or_else(
                    || unexplained(state.unwrap_or(counted), minor).to_owned(),
                    |reason| reason.name.to_string(),
                ),
                state: counted,
                category: known.map(|reason| reason.category).or_else(|| minor.then_some(LossCategory::MinorStops)),
                micros,
                stops,
                cents: rate.cents(micros),
            }
        })
        .collect();
    rows.sort_by(|a, b| b.micros.cmp(&a.micros).then_with(|| a.name.cmp(&b.name)));
    rows
}

/// What is said of a state without a reason.
pub const fn unexplained(state: UnitState, minor: bool) -> &'static str {
    match (state, minor) {
        (UnitState::Blocked, _) => "Blocked",
        (UnitState::Starved, _) => "Starved",
        (_, true) => "Short stops, no reason",
        (UnitState::Setup, _) => "Set-up",
        (UnitState::Idle, _) => "Idle, no order",
        (UnitState::Maintenance, _) => "Maintenance",
        (UnitState::Off, _) => "Switched off",
        (UnitState::Stopped | UnitState::Producing | UnitState::Unknown, _) => "Stopped, no reason yet",
    }
}
