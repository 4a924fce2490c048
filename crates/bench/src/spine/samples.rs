//! Stored samples beside what was said.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use gemba_contract::unit::UnitDetail;
use gemba_domain::{
    Timestamp,
    signal::{SignalId, Value},
};

use super::{Account, Kind, machines::Said};
use crate::rig::Session;

/// All samples of a unit's signals, by signal.
pub(super) type Stored = BTreeMap<SignalId, Vec<(i64, Value)>>;

/// Moments at which a collector was killed, microseconds, and when it was started again.
pub(super) type CollectorKills = [(i64, i64)];

/// Whether both are the same to the bit.
fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.to_bits() == b.to_bits(),
        _ => a == b,
    }
}

/// Reads all samples of a unit and compares them with what was said; notes what differs.
pub(super) async fn check(
    session: &Session,
    unit: &UnitDetail,
    said: &BTreeMap<String, Said>,
    kills: &CollectorKills,
    account: &mut Account,
) -> Result<Stored> {
    let (from, to) = (Timestamp::from_seconds(0), unit.at.plus_seconds(100 * 86_400));
    let mut all = Stored::new();
    for signal in &unit.signals {
        let about = |time: i64| format!("{}:{} {}", unit.tile.path, signal.code, Timestamp::from_micros(time));
        let said = said.get(&signal.code).with_context(|| format!("nothing was said by {}", signal.code))?;
        let stored = session.samples(signal.id, from, to).await?;
        for pair in stored.windows(2) {
            if pair[0].0 == pair[1].0 {
                account.note(Kind::Twice, about(pair[0].0), || format!("{:?} and {:?}", pair[0].1, pair[1].1));
            }
        }
        let found: BTreeMap<i64, &Value> = stored.iter().map(|(time, value)| (*time, value)).collect();
        for (time, value) in said {
            match found.get(time) {
                None => missing(*time, kills, &about(*time), value, account),
                Some(stored) if !equal(stored, value) => {
                    account.note(Kind::Changed, about(*time), || format!("said {value:?}, stored {stored:?}"));
                }
                Some(_) => {}
            }
        }
        for (time, value) in found.iter().filter(|(time, _)| !said.contains_key(time)) {
            account.note(Kind::Unsent, about(*time), || format!("stored {value:?}"));
        }
        let newest = said.last_key_value().map(|(time, value)| (*time, value));
        let latest = signal.latest.as_ref().map(|latest| (latest.time.micros(), &latest.value));
        let same = matches!((newest, latest), (Some(n), Some(l)) if n.0 == l.0 && equal(n.1, l.1));
        if !same {
            account.note(Kind::NotNewest, about(0), || format!("newest {newest:?}, shown as latest {latest:?}"));
        }
        all.insert(signal.id, stored);
    }
    Ok(all)
}

/// What was said within a second before a kill of the collector, and until it was back, may have been its one scan.
fn missing(time: i64, kills: &CollectorKills, about: &str, value: &Value, account: &mut Account) {
    match kills.iter().find(|(killed, back)| (killed - 1_000_000..*back).contains(&time)) {
        Some((killed, _)) => {
            account.note(Kind::MissedScan, format!("kill at {}", Timestamp::from_micros(*killed)), || about.to_owned());
        }
        None => account.note(Kind::Lost, about, || format!("said {value:?}")),
    }
}
