//! Stops as people see them, with what stands behind a stop of the line's constraint.

use gemba_contract::{
    reason::Said,
    report::{CausedBy, Stop},
};
use gemba_domain::{
    Interval, Timestamp,
    line::{LineUnit, cause_of},
    reason::{GivenBy, Stretch},
    shift::ShiftInstance,
    state::UnitState,
};

use super::losses::{Lost, unexplained};
use crate::{
    plant::{Line, Unit},
    reason::Reasons,
};

/// Stops of one answer.
pub const MOST_STOPS: usize = 200;

/// The states of a line's units over a period.
pub struct LineStates<'a> {
    pub line: &'a Line,
    /// By the line's units.
    pub states: &'a [Vec<Stretch>],
}

/// The stops of a unit in planned time, newest first: neighbouring stretches of one state and reason are one. With how many
/// there are.
pub fn stops(
    unit: &Unit,
    states: &[Stretch],
    shifts: &[ShiftInstance],
    said: &[Said],
    reasons: &Reasons,
    line: &LineStates<'_>,
    known_to: Timestamp,
) -> (Vec<Stop>, u64) {
    let stands = |s: &Stretch| !matches!(s.state, UnitState::Producing | UnitState::Unknown);
    let planned = |s: &Stretch| shifts.iter().any(|shift| shift.interval().intersection(&s.interval).is_some());
    let mut merged: Vec<Stretch> = Vec::new();
    for state in states.iter().filter(|state| stands(state) && planned(state)) {
        match merged.last_mut() {
            Some(last)
                if last.interval.to == state.interval.from
                    && (last.state, last.reason, last.given_by) == (state.state, state.reason, state.given_by) =>
            {
                last.interval.to = state.interval.to;
            }
            _ => merged.push(state.clone()),
        }
    }
    let total = merged.len() as u64;
    let newest = merged.iter().rev().take(MOST_STOPS);
    let stop = |stretch: &Stretch| {
        let reason = stretch.reason.and_then(|id| reasons.get(id));
        let Interval { from, to } = stretch.interval;
        let overlaps = |it: &&Said| it.from < to && it.to.is_none_or(|end| end > from);
        Stop {
            unit: unit.path.clone(),
            unit_name: unit.name.clone(),
            from,
            to,
            running: to >= known_to,
            state: stretch.state,
            cause: stretch.cause.as_deref().map(str::to_owned),
            reason: reason.map(|reason| reason.code.to_string()),
            reason_name: reason.map(|reason| reason.name.to_string()),
            category: reason.map(|reason| reason.category),
            by_rule: stretch.given_by == Some(GivenBy::Rule),
            said: said.iter().filter(overlaps).cloned().collect(),
            minor: stretch.minor,
            caused_by: caused_by(unit, stretch, line, reasons),
        }
    };
    (newest.map(stop).collect(), total)
}

/// What stands behind a unit that is blocked or starved.
fn caused_by(unit: &Unit, stop: &Stretch, line: &LineStates<'_>, reasons: &Reasons) -> Option<CausedBy> {
    if !matches!(stop.state, UnitState::Blocked | UnitState::Starved) {
        return None;
    }
    let units = &line.line.units;
    let at = units.iter().position(|it| it.id == unit.id)?;
    let position = |code: &String| units.iter().position(|it| it.path.leaf() == code);
    let feeds: Vec<Vec<usize>> = units.iter().map(|it| it.feeds.iter().filter_map(position).collect()).collect();
    let flow: Vec<LineUnit<'_>> =
        line.states.iter().zip(&feeds).map(|(states, feeds)| LineUnit { states, feeds }).collect();
    let Some(cause) = cause_of(&flow, at, stop.interval, stop.state) else {
        return Some(CausedBy { unit: None, text: format!("{} for unknown reason", stop.state.as_str()) });
    };
    let culprit = units.get(cause.unit)?;
    let why = match cause.stop.reason.and_then(|id| reasons.get(id)) {
        Some(reason) => reason.name.to_lowercase(),
        None => unexplained(cause.stop.state, cause.stop.minor).to_lowercase(),
    };
    Some(CausedBy { unit: Some(culprit.path.clone()), text: format!("{}: {why}", culprit.name) })
}

/// The time of rows, by where it went.
pub fn lost_of(row: &gemba_domain::oee::Row) -> impl Iterator<Item = Lost> + '_ {
    row.losses.iter().map(|loss| Lost {
        bucket: loss.bucket,
        state: loss.state,
        reason: loss.reason,
        minor: loss.minor,
        micros: loss.micros,
        begun: u64::from(loss.begun),
    })
}
