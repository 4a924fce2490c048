//! Which signal an item of a log is.

use std::collections::HashMap;

use gemba_contract::edge::{LocalSignal, OfferedSignal};
use gemba_domain::{
    equipment::EquipmentPath,
    signal::{SignalKind, SignalRole},
};

use super::{
    guess::{code_of, kind_of, role_of},
    survey::Survey,
};
use crate::{nearest::nearest, plant};

/// A signal that the unit lacks.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Missing {
    pub item: String,
    pub code: String,
    pub kind: SignalKind,
    pub role: Option<SignalRole>,
}

/// Items by the numbers of the import.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    /// Number = position.
    pub offered: Vec<OfferedSignal>,
    pub locals: HashMap<String, LocalSignal>,
}

/// The code that stands for each item, and what is missing. `sources` are codes with the sources they are read from.
pub(super) fn codes(
    survey: &Survey,
    signals: &[plant::Signal],
    sources: &[(String, String)],
) -> (Vec<(String, String)>, Vec<Missing>) {
    let mut found = Vec::new();
    let mut missing: Vec<Missing> = Vec::new();
    for (item, seen) in &survey.items {
        let code = code_of(item);
        let by_code = code.as_ref().filter(|code| signals.iter().any(|signal| signal.code == **code)).cloned();
        let by_source =
            || sources.iter().find(|(_, s)| s.split_whitespace().last() == Some(item)).map(|(c, _)| c.clone());
        match by_code.or_else(by_source) {
            Some(code) => found.push((item.clone(), code)),
            None => {
                let code = code.unwrap_or_default();
                let role = role_of(&code);
                missing.push(Missing { item: item.clone(), kind: kind_of(&code, seen, role), role, code });
            }
        }
    }
    // The item with most events gets a role that several claim.
    let events = |item: &str| survey.items.iter().find(|(name, _)| name == item).map_or(0, |(_, seen)| seen.events);
    let claims: Vec<(Option<SignalRole>, u64)> = missing.iter().map(|m| (m.role, events(&m.item))).collect();
    for (i, one) in missing.iter_mut().enumerate() {
        let (role, own) = claims[i];
        let better = |(j, (other, events)): (usize, &(Option<SignalRole>, u64))| {
            *other == role && j != i && (*events > own || (*events == own && j < i))
        };
        if role.is_some() && claims.iter().enumerate().any(better) {
            one.role = None;
        }
    }
    (found, missing)
}

/// One line for each missing signal, with the nearest one that exists.
pub(super) fn explain(missing: &[Missing], signals: &[plant::Signal]) -> Vec<String> {
    missing
        .iter()
        .map(|m| {
            let near = nearest(&m.code, signals.iter().map(|signal| signal.code.as_str()));
            let hint = near.map(|near| format!("; nearest is `{near}`")).unwrap_or_default();
            format!("  {} (signal `{}`, looks like a {}{hint})", m.item, m.code, m.kind.as_str())
        })
        .collect()
}

/// Numbers the items. Items that mean the same signal share a number.
pub(super) fn table(
    unit: &EquipmentPath,
    codes: &[(String, String)],
    signals: &[plant::Signal],
    source: &str,
) -> Table {
    let mut table = Table::default();
    let mut by_code: HashMap<&str, LocalSignal> = HashMap::new();
    for (item, code) in codes {
        let Some(signal) = signals.iter().find(|signal| signal.code == *code) else { continue };
        let next = LocalSignal::try_from(table.offered.len()).unwrap_or(LocalSignal::MAX);
        let local = *by_code.entry(code).or_insert_with(|| {
            table.offered.push(OfferedSignal {
                address: format!("{unit}:{code}"),
                kind: signal.kind,
                uom: signal.uom.clone(),
                source: Some(format!("{source} {item}")),
            });
            next
        });
        table.locals.insert(item.clone(), local);
    }
    table
}
