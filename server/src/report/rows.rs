//! Hour by hour: target, made, gap, and what happened.

use std::collections::BTreeMap;

use gemba_contract::report::{BoardRow, Note};
use gemba_domain::{Interval, Timestamp, oee::Elements};

use super::losses::{Lost, unexplained};
use crate::reason::Reasons;

/// One row before it is told.
#[derive(Clone, Debug, Default)]
pub struct Part {
    pub elements: Elements,
    pub lost: Vec<Lost>,
}

/// How many causes a row names.
const NAMED: usize = 2;
/// Losses shorter than this are not worth a word, microseconds.
const WORTH_A_WORD: i64 = 60_000_000;

/// The rows of a board, by begin.
pub fn board(
    parts: BTreeMap<Timestamp, Part>,
    ends: impl Fn(Timestamp) -> Timestamp,
    target_oee: Option<f64>,
    pri_seconds: Option<f64>,
    reasons: &Reasons,
    notes: &[Note],
    running_from: Option<Timestamp>,
) -> Vec<BoardRow> {
    let mut total_gap = None;
    parts
        .into_iter()
        .map(|(from, part)| {
            let to = ends(from);
            let e = &part.elements;
            let target = target_pieces(e, target_oee, pri_seconds);
            total_gap = target.map(|target| total_gap.unwrap_or(0.0) + e.gq - target).or(total_gap);
            BoardRow {
                from,
                to,
                target,
                good: e.gq,
                scrap: e.sq,
                total_gap,
                oee: e.oee().filter(|_| pri_seconds.is_some()),
                coverage: e.coverage(),
                happened: happened(&part.lost, e, reasons),
                comment: notes.iter().find(|note| note.from == from && note.to == to).cloned(),
                running: running_from.is_some_and(|at| Interval::new(from, to).contains(at)),
            }
        })
        .collect()
}

/// Good pieces that the known planned time should have given: known PBT / PRI x target OEE.
pub fn target_pieces(e: &Elements, target_oee: Option<f64>, pri_seconds: Option<f64>) -> Option<f64> {
    let own = (e.pq > 0.0 && e.pri_pq > 0.0).then(|| e.pri_pq / e.pq / 1e6);
    Some(e.known_pbt() as f64 / 1e6 / own.or(pri_seconds)? * target_oee?)
}

fn happened(lost: &[Lost], e: &Elements, reasons: &Reasons) -> Vec<(String, i64)> {
    let mut words: BTreeMap<String, i64> = BTreeMap::new();
    for loss in lost.iter().filter(|loss| loss.kind(reasons).is_some()) {
        let known = loss.reason.and_then(|id| reasons.get(id)).map(|reason| reason.name.to_string());
        let word = known.unwrap_or_else(|| unexplained(loss.state, loss.minor).to_owned());
        *words.entry(word).or_default() += loss.micros;
    }
    if e.unknown > 0 {
        words.insert("No data".to_owned(), e.unknown);
    }
    if e.pri_pq > 0.0 {
        words.insert("Slow".to_owned(), e.apt - e.pri_pq.round() as i64);
    }
    let mut words: Vec<(String, i64)> = words.into_iter().filter(|(_, micros)| *micros >= WORTH_A_WORD).collect();
    words.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    words.truncate(NAMED);
    words
}
