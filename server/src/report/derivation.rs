//! How a figure is made: formula, elements, intervals and counts, gaps, and the signals to open as samples.

use gemba_contract::report::{Derivation, DerivedCount, DerivedInterval, DerivedSignal, Formula, Gap};
use gemba_domain::{
    Interval, Timestamp,
    equipment::EquipmentPath,
    oee::{Bucket, Elements, Failures, Plan, Profile, by_hour, failures},
    reason::Stretch,
    shift::ShiftInstance,
    state::UnitState,
};

use super::{ReportError, Service, node::Node, period, service::Asked};
use crate::oee::is_unwatched;

/// Rows of one table.
const MOST_ROWS: usize = 1_000;

impl Service {
    /// How a figure of a line or unit is made.
    ///
    /// # Errors
    /// Nothing at that path; a figure or period that cannot be; the historian and the database.
    pub async fn derivation(
        &self,
        path: &EquipmentPath,
        figure: &str,
        asked: Asked,
        now: Timestamp,
    ) -> Result<Derivation, ReportError> {
        let plant = self.plant.current();
        let node = Node::find(&plant, path)?;
        let calendar = self.calendar(&node)?;
        let chosen = period::choose(&calendar, (asked.from, asked.to), now)?;
        let facts = self.oee.facts(node.unit.id, chosen.interval, now).await?;
        let elements = facts.elements();
        let found = failures(&facts.accounted.states, &plant.reasons.categories, facts.period, facts.known_to);
        let mut formulas = formulas(&elements, asked.profile);
        formulas.extend(times_of(&found));
        if !formulas.iter().any(|formula| formula.figure == figure) {
            let known: Vec<&str> = formulas.iter().map(|formula| &*formula.figure).collect();
            let told = format!("there is no figure `{figure}`; there are {}", known.join(", "));
            return Err(ReportError::Refused(told));
        }
        let known = facts.period;
        let lost = self.oee.lost_samples(node.unit.id, known).await?;
        let states = &facts.accounted.states;
        let shifts = calendar.shifts(known);
        let buckets = |state: &Stretch| buckets_of(state, &facts.accounted.works, &shifts);
        let roles = node.unit.signals.iter().filter_map(|signal| Some((signal, signal.role?)));
        let mut signals = Vec::new();
        for (signal, role) in roles {
            let samples = self.samples(signal.id, known).await?;
            signals.push(DerivedSignal {
                id: signal.id,
                code: signal.code.clone(),
                name: signal.name.clone(),
                role,
                samples,
            });
        }
        Ok(Derivation {
            path: node.unit.path.clone(),
            name: node.unit.name.clone(),
            utc_offset_minutes: node.offset_minutes(known.from),
            from: known.from,
            to: known.to,
            figure: figure.to_owned(),
            profile: asked.profile,
            profile_version: asked.profile.version(),
            formulas,
            elements,
            intervals: states
                .iter()
                .take(MOST_ROWS)
                .map(|state| DerivedInterval {
                    from: state.interval.from,
                    to: state.interval.to,
                    state: state.state,
                    cause: state.cause.as_deref().map(str::to_owned),
                    reason: state.reason.and_then(|id| plant.reasons.get(id)).map(|reason| reason.name.to_string()),
                    buckets: buckets(state),
                })
                .collect(),
            intervals_total: states.len() as u64,
            counts: facts
                .counts
                .iter()
                .take(MOST_ROWS)
                .map(|count| DerivedCount {
                    from: count.interval.from,
                    to: count.interval.to,
                    good: count.good,
                    scrap: count.scrap,
                    total: count.total,
                    after_gap: count.after_gap,
                    known_share: count.known_share,
                })
                .collect(),
            counts_total: facts.counts.len() as u64,
            gaps: states
                .iter()
                .filter(|state| state.state == UnitState::Unknown)
                .map(|state| gap(state, &lost))
                .collect(),
            signals,
            at: now,
        })
    }

    async fn samples(&self, signal: gemba_domain::signal::SignalId, period: Interval) -> Result<u64, ReportError> {
        let counted = self.oee.samples(signal, period).await;
        Ok(counted.map_err(crate::oee::DeriveError::from)?)
    }
}

fn gap(state: &Stretch, lost: &[crate::oee::LostSamples]) -> Gap {
    let within = lost.iter().filter(|it| it.interval.intersection(&state.interval).is_some());
    let samples: i64 = within.map(|it| it.samples).sum();
    Gap {
        from: state.interval.from,
        to: state.interval.to,
        cause: state.cause.as_deref().unwrap_or("NO DATA").to_owned(),
        samples_lost: (is_unwatched(state) && samples > 0).then(|| samples.unsigned_abs()),
    }
}

/// One state by bucket.
fn buckets_of(state: &Stretch, works: &[gemba_domain::order::Work], shifts: &[ShiftInstance]) -> Vec<(Bucket, i64)> {
    let mut sums: std::collections::BTreeMap<Bucket, i64> = std::collections::BTreeMap::new();
    let plan = Plan { shifts, works, ..Plan::default() };
    for row in by_hour(std::slice::from_ref(state), &[], &plan, state.interval) {
        for loss in row.losses {
            *sums.entry(loss.bucket).or_default() += loss.micros;
        }
    }
    sums.into_iter().collect()
}

/// MTBF and MTTR with the numbers in them.
fn times_of(found: &Failures) -> [Formula; 2] {
    let row = |figure: &str, formula: &str, times: &[i64], value: Option<f64>| Formula {
        figure: figure.to_owned(),
        name: figure.to_uppercase(),
        formula: formula.to_owned(),
        numbers: format!("{} / {}", minutes(times.iter().sum()), times.len()),
        value,
        unit: "s".to_owned(),
    };
    [
        row("mtbf", "operating time before failures / failures", &found.between, found.mtbf_seconds()),
        row("mttr", "time to restore / failures that ended", &found.restore, found.mttr_seconds()),
    ]
}

fn minutes(micros: i64) -> String {
    format!("{:.1} min", micros as f64 / 6e7)
}

/// All figures of these elements with the numbers in them (ISO 22400-2, by the profile).
pub fn formulas(e: &Elements, profile: Profile) -> Vec<Formula> {
    let factors = profile.factors(e);
    let weighed = |pieces: f64| minutes(pieces.round() as i64);
    let (planned_name, planned) = match profile {
        Profile::Iso22400 | Profile::Tpm => ("known PBT", profile.planned(e)),
        Profile::Vorne => ("(known PBT + planned stops)", profile.planned(e)),
    };
    let (run_name, run) = match profile {
        Profile::Iso22400 | Profile::Vorne => ("APT", profile.run_time(e)),
        Profile::Tpm => ("(APT + short stops)", profile.run_time(e)),
    };
    let row = |figure: &str, name: &str, formula: String, numbers: String, value: Option<f64>, unit: &str| Formula {
        figure: figure.to_owned(),
        name: name.to_owned(),
        formula,
        numbers,
        value,
        unit: unit.to_owned(),
    };
    let over = |a: i64, b: i64| format!("{} / {}", minutes(a), minutes(b));
    vec![
        row(
            "oee",
            "OEE",
            format!("sum(PRI x GQ) / {planned_name}"),
            format!("{} / {}", weighed(e.pri_gq), minutes(planned)),
            factors.oee,
            "%",
        ),
        row(
            "availability",
            "Availability",
            format!("{run_name} / {planned_name}"),
            over(run, planned),
            factors.availability,
            "%",
        ),
        row(
            "performance",
            "Performance",
            format!("sum(PRI x PQ) / {run_name}"),
            format!("{} / {}", weighed(e.pri_pq), minutes(run)),
            factors.performance,
            "%",
        ),
        row(
            "quality",
            "Quality",
            "sum(PRI x GQ) / sum(PRI x PQ)".to_owned(),
            format!("{} / {}", weighed(e.pri_gq), weighed(e.pri_pq)),
            factors.quality,
            "%",
        ),
        row("good", "Good pieces", "PQ - SQ".to_owned(), format!("{} - {}", e.pq, e.sq), Some(e.gq), ""),
        row(
            "lost",
            "Lost time",
            format!("{planned_name} - sum(PRI x GQ)"),
            format!("{} - {}", minutes(planned), weighed(e.pri_gq)),
            e.is_rated().then_some((planned as f64 - e.pri_gq) / 1e6),
            "s",
        ),
        row("coverage", "Coverage", "known PBT / PBT".to_owned(), over(e.known_pbt(), e.pbt()), e.coverage(), "%"),
        row(
            "nee",
            "NEE",
            "(AUPT / known PBT) x sum(PRI x GQ) / APT".to_owned(),
            format!(
                "({} / {}) x {} / {}",
                minutes(e.aupt()),
                minutes(e.known_pbt()),
                weighed(e.pri_gq),
                minutes(e.apt)
            ),
            e.nee(),
            "%",
        ),
        row(
            "teep",
            "TEEP",
            "OEE x PBT / calendar time".to_owned(),
            format!("{} / {}", minutes(e.pbt()), minutes(e.calendar)),
            e.teep(),
            "%",
        ),
        row(
            "utilization_efficiency",
            "Utilization efficiency",
            "APT / AUBT".to_owned(),
            over(e.apt, e.aubt()),
            e.utilization_efficiency(),
            "%",
        ),
        row(
            "allocation_efficiency",
            "Allocation efficiency",
            "AUBT / known PBT".to_owned(),
            over(e.aubt(), e.known_pbt()),
            e.allocation_efficiency(),
            "%",
        ),
        row(
            "technical_efficiency",
            "Technical efficiency",
            "APT / (APT + ADET)".to_owned(),
            over(e.apt, e.apt + e.adet),
            e.technical_efficiency(),
            "%",
        ),
        row("setup_ratio", "Set-up ratio", "AUST / AUPT".to_owned(), over(e.aust, e.aupt()), e.setup_ratio(), "%"),
        row(
            "throughput_rate",
            "Throughput rate",
            "PQ / AOET".to_owned(),
            format!("{} / {}", e.pq, minutes(e.aoet())),
            e.throughput_rate(),
            "1/h",
        ),
        row("scrap_ratio", "Scrap ratio", "SQ / PQ".to_owned(), format!("{} / {}", e.sq, e.pq), e.scrap_ratio(), "%"),
        row(
            "rework_ratio",
            "Rework ratio",
            "RQ / PQ".to_owned(),
            format!("{} / {}", e.rq, e.pq),
            e.rework_ratio(),
            "%",
        ),
        row(
            "first_pass_yield",
            "First pass yield",
            "GQ / PQ".to_owned(),
            format!("{} / {}", e.gq, e.pq),
            e.first_pass_yield(),
            "%",
        ),
    ]
}
