//! The collector's numbers for its signals.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use gemba_contract::edge::{LocalSignal, OfferedSignal};

/// Numbers are given in order of first sight and never again: the position in this list is the number.
/// Shared by the sources (which number), the queue (which keeps it) and the uplink (which offers it).
#[derive(Debug, Default)]
pub struct SignalTable {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    signals: Vec<OfferedSignal>,
    by_address: HashMap<String, LocalSignal>,
    generation: u64,
}

impl SignalTable {
    /// As stored.
    pub fn new(signals: Vec<OfferedSignal>) -> Self {
        let by_address = (0..).zip(&signals).map(|(number, signal)| (signal.address.clone(), number)).collect();
        Self { inner: Mutex::new(Inner { signals, by_address, generation: 1 }) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change below is complete before anything can panic.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of this address. What the source says of an address already numbered (kind, unit, origin) replaces
    /// what was said before; the address and its number stay.
    pub fn number(&self, signal: &OfferedSignal) -> LocalSignal {
        let mut inner = self.lock();
        if let Some(&number) = inner.by_address.get(&signal.address) {
            let known = inner.signals.get_mut(number as usize);
            if let Some(known) = known.filter(|known| *known != signal) {
                known.clone_from(signal);
                inner.generation += 1;
            }
            return number;
        }
        let number = LocalSignal::try_from(inner.signals.len()).unwrap_or(LocalSignal::MAX);
        inner.signals.push(signal.clone());
        inner.by_address.insert(signal.address.clone(), number);
        inner.generation += 1;
        number
    }

    /// All signals by number.
    pub fn offered(&self) -> Vec<OfferedSignal> {
        self.lock().signals.clone()
    }

    /// All signals by number, and how often the table has changed.
    pub fn snapshot(&self) -> (u64, Vec<OfferedSignal>) {
        let inner = self.lock();
        (inner.generation, inner.signals.clone())
    }

    /// Grows with each change.
    pub fn generation(&self) -> u64 {
        self.lock().generation
    }

    /// Numbers of the signals whose origin begins like this.
    pub fn of_source(&self, prefix: &str) -> Vec<LocalSignal> {
        let inner = self.lock();
        let from_here = |signal: &OfferedSignal| signal.source.as_deref().is_some_and(|s| s.starts_with(prefix));
        (0..).zip(&inner.signals).filter(|(_, signal)| from_here(signal)).map(|(number, _)| number).collect()
    }

    /// The address of a number, for people.
    pub fn address(&self, number: LocalSignal) -> Option<String> {
        self.lock().signals.get(number as usize).map(|signal| signal.address.clone())
    }
}

#[cfg(test)]
mod tests {
    use gemba_domain::signal::SignalKind;

    use super::*;

    #[test]
    fn numbers_are_given_once_and_descriptions_follow_the_source() {
        let signal = |address: &str, uom: Option<&str>| OfferedSignal {
            address: address.to_owned(),
            kind: SignalKind::Measure,
            uom: uom.map(str::to_owned),
            source: Some(format!("mtconnect http://a {address}")),
        };
        let table = SignalTable::new(vec![signal("u:a", None)]);
        assert_eq!((table.number(&signal("u:b", None)), table.number(&signal("u:a", None))), (1, 0));
        let before = table.generation();
        assert_eq!(table.number(&signal("u:a", None)), 0);
        assert_eq!(table.generation(), before);
        assert_eq!(table.number(&signal("u:a", Some("mm"))), 0);
        assert!(table.generation() > before);
        assert_eq!(table.offered()[0].uom.as_deref(), Some("mm"));
        assert_eq!(table.of_source("mtconnect http://a "), [0, 1]);
    }
}
