//! The gap ledger: of which stretches nothing is known of a signal, and why.

use serde::{Deserialize, Serialize};

use crate::{Interval, Timestamp, signal::words};

/// Why nothing is known of a stretch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum GapCause {
    /// No collector has told of it yet: it may have read it and keep it in its queue.
    NotArrived,
    /// No collector was watching: none ran, or its sources had no place to go on from.
    NotWatched,
    /// It was read, and given up before the server had it.
    GivenUp,
    /// It was stored, and cannot be read any more.
    Damaged,
    /// A collector was watching, and the source could not tell: it was lost, or said so itself.
    SourceLost,
    /// A collector was watching, and the source had not said anything of this signal yet.
    NothingSaid,
}

words!(GapCause {
    NotArrived => "not_arrived", NotWatched => "not_watched", GivenUp => "given_up", Damaged => "damaged",
    SourceLost => "source_lost", NothingSaid => "nothing_said",
});

/// One stretch of which nothing is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The stretch; never empty.
    pub stretch: Interval,
    /// Why.
    pub cause: GapCause,
}

/// What is known of a signal's past.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'a> {
    /// When a collector that delivers it was watching: in order, apart from each other.
    pub watched: &'a [Interval],
    /// What collectors gave up, in any order.
    pub given_up: &'a [Interval],
    /// What was stored and cannot be read, in any order.
    pub damaged: &'a [Interval],
    /// Until when its collectors have told anything at all.
    pub told_to: Option<Timestamp>,
    /// Its readings in order, the one in force at the begin first: when, and whether the source could tell.
    pub readings: &'a [(Timestamp, bool)],
}

/// The gaps of a period: in order, apart from each other. The rest of the period is known.
pub fn gaps(period: Interval, known: &Known<'_>) -> Vec<Gap> {
    let mut out: Vec<Gap> = Vec::new();
    let mut at = period.from;
    for watched in known.watched.iter().filter_map(|watched| watched.intersection(&period)) {
        unwatched(Interval::new(at, watched.from), known, &mut out);
        of_readings(watched, known, &mut out);
        at = watched.to;
    }
    unwatched(Interval::new(at, period.to), known, &mut out);
    out
}

/// Nobody was watching: what was given up in between is told apart, and what may still come.
fn unwatched(hole: Interval, known: &Known<'_>, out: &mut Vec<Gap>) {
    let arrived = known.told_to.map_or(hole.from, |told| told.clamp(hole.from, hole.to.max(hole.from)));
    let (past, open) = (Interval::new(hole.from, arrived), Interval::new(arrived, hole.to));
    let given_up = known.given_up.iter().any(|lost| lost.intersection(&past).is_some());
    put(out, past, if given_up { GapCause::GivenUp } else { GapCause::NotWatched });
    put(out, open, GapCause::NotArrived);
}

/// A collector was watching: the source may not have told, or what it told is damaged.
fn of_readings(watched: Interval, known: &Known<'_>, out: &mut Vec<Gap>) {
    let begin = known.readings.partition_point(|(time, _)| *time <= watched.from);
    let mut in_force = begin.checked_sub(1).map(|index| known.readings[index].1);
    let mut at = watched.from;
    let later = known.readings[begin..].iter().take_while(|(time, _)| *time < watched.to);
    for (time, tells) in later.map(|(time, tells)| (*time, Some(*tells))).chain([(watched.to, None)]) {
        told(Interval::new(at, time), in_force, known, out);
        (at, in_force) = (time, tells);
    }
}

fn told(stretch: Interval, in_force: Option<bool>, known: &Known<'_>, out: &mut Vec<Gap>) {
    match in_force {
        None => put(out, stretch, GapCause::NothingSaid),
        Some(false) => put(out, stretch, GapCause::SourceLost),
        Some(true) => {
            let mut damaged: Vec<_> = known.damaged.iter().filter_map(|it| it.intersection(&stretch)).collect();
            damaged.sort_unstable();
            let mut at = stretch.from;
            for piece in damaged {
                put(out, Interval::new(piece.from.max(at), piece.to), GapCause::Damaged);
                at = at.max(piece.to);
            }
        }
    }
}

/// Adds a stretch; what touches and has the same cause becomes one.
fn put(out: &mut Vec<Gap>, stretch: Interval, cause: GapCause) {
    if stretch.is_empty() {
        return;
    }
    match out.last_mut() {
        Some(last) if last.cause == cause && last.stretch.to == stretch.from => last.stretch.to = stretch.to,
        _ => out.push(Gap { stretch, cause }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    fn stretch(from: i64, to: i64) -> Interval {
        Interval::new(at(from), at(to))
    }

    #[test]
    fn each_cause_is_told() {
        let known = Known {
            watched: &[stretch(10, 40), stretch(50, 80)],
            given_up: &[stretch(42, 45)],
            damaged: &[stretch(70, 75)],
            told_to: Some(at(80)),
            readings: &[(at(15), true), (at(20), false), (at(30), true)],
        };
        let found: Vec<_> = gaps(stretch(0, 100), &known)
            .iter()
            .map(|gap| (gap.stretch.from.micros(), gap.stretch.to.micros(), gap.cause.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                (0, 10, "not_watched"),
                (10, 15, "nothing_said"),
                (20, 30, "source_lost"),
                (40, 50, "given_up"),
                (70, 75, "damaged"),
                (80, 100, "not_arrived"),
            ]
        );
    }

    proptest! {
        #[test]
        fn every_moment_is_known_or_in_one_gap(
            watched in prop::collection::btree_set(0i64..60, 0..8),
            readings in prop::collection::btree_map(0i64..60, any::<bool>(), 0..12),
            damaged in prop::collection::vec((0i64..60, 1i64..10), 0..3),
            told in prop::option::of(0i64..60),
        ) {
            let edges: Vec<i64> = watched.into_iter().collect();
            let watched: Vec<_> = edges.chunks_exact(2).map(|pair| stretch(pair[0], pair[1])).collect();
            let damaged: Vec<_> = damaged.into_iter().map(|(from, length)| stretch(from, from + length)).collect();
            let readings: Vec<_> = readings.into_iter().map(|(time, tells)| (at(time), tells)).collect();
            let told_to = told.map(at).max(watched.last().map(|last| last.to));
            let known = Known { watched: &watched, given_up: &[], damaged: &damaged, told_to, readings: &readings };
            let found = gaps(stretch(0, 60), &known);
            prop_assert!(found.windows(2).all(|two| two[0].stretch.to <= two[1].stretch.from));
            for moment in (0..60).map(at) {
                let here: Vec<_> = found.iter().filter(|gap| gap.stretch.contains(moment)).map(|gap| gap.cause).collect();
                let in_force = readings.iter().rfind(|(time, _)| *time <= moment).map(|(_, tells)| *tells);
                let expected = if !watched.iter().any(|it| it.contains(moment)) {
                    Some(if told_to.is_some_and(|told| moment < told) { GapCause::NotWatched } else { GapCause::NotArrived })
                } else {
                    match in_force {
                        None => Some(GapCause::NothingSaid),
                        Some(false) => Some(GapCause::SourceLost),
                        Some(true) => damaged.iter().any(|it| it.contains(moment)).then_some(GapCause::Damaged),
                    }
                };
                prop_assert_eq!(here, expected.into_iter().collect::<Vec<_>>(), "at {}", moment.micros());
            }
        }
    }
}
