//! Which files were taken, and how far.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use gemba_domain::Timestamp;

use crate::queue::Position;

/// Files that are remembered. A copy of an older one is read again: its rows are the same facts.
const REMEMBERED: usize = 5_000;
/// The row after the last of a file that is through.
const THROUGH: u64 = u64::MAX;

/// By identity. A file's [`Position`] holds when it was begun or through (`instance`, microseconds) and the next row (`next`).
#[derive(Debug, Default)]
pub struct Taken {
    files: HashMap<String, Position>,
    /// The oldest first.
    order: BTreeSet<(u64, String)>,
}

impl Taken {
    /// As stored.
    pub fn new(marks: &BTreeMap<String, Position>) -> Self {
        let files = marks.iter().map(|(identity, mark)| (identity.clone(), mark.clone())).collect();
        let order = marks.iter().map(|(identity, mark)| (mark.instance, identity.clone())).collect();
        Self { files, order }
    }

    /// Whether none was ever taken.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Whether all rows of it were.
    pub fn is_through(&self, identity: &str) -> bool {
        self.rows(identity) == THROUGH
    }

    /// How many rows of it were taken.
    pub fn rows(&self, identity: &str) -> u64 {
        self.files.get(identity).map_or(0, |mark| mark.next)
    }

    fn put(&mut self, identity: &str, mark: Position) {
        self.remove(identity);
        self.order.insert((mark.instance, identity.to_owned()));
        self.files.insert(identity.to_owned(), mark);
    }

    fn remove(&mut self, identity: &str) {
        if let Some(before) = self.files.remove(identity) {
            self.order.remove(&(before.instance, identity.to_owned()));
        }
    }

    /// These rows of it are handed on: what to store.
    pub fn so_far(&mut self, identity: &str, rows: u64, at: Timestamp) -> Position {
        let mark = mark(rows, at);
        self.put(identity, mark.clone());
        mark
    }

    /// It is through: what to store, and what of the oldest to forget.
    pub fn through(&mut self, identity: &str, at: Timestamp) -> Vec<(String, Position)> {
        let own = mark(THROUGH, at);
        self.put(identity, own.clone());
        let mut marks = vec![(identity.to_owned(), own)];
        while self.files.len() > REMEMBERED {
            let Some((_, oldest)) = self.order.first().cloned() else { break };
            marks.push(self.forget(&oldest));
        }
        marks
    }

    /// Nothing is known of it any more: what to store.
    pub fn forget(&mut self, identity: &str) -> (String, Position) {
        self.remove(identity);
        (identity.to_owned(), Position::default())
    }
}

fn mark(next: u64, at: Timestamp) -> Position {
    Position { instance: u64::try_from(at.micros()).unwrap_or(1).max(1), next, lost_at: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten() {
        let mut taken = Taken::default();
        let at = Timestamp::from_seconds;
        for n in 0..REMEMBERED {
            let marks = taken.through(&n.to_string(), at(i64::try_from(n).unwrap()));
            assert_eq!(marks.len(), 1);
        }
        taken.so_far("1", 7, at(1_000_000));
        assert_eq!((taken.rows("1"), taken.is_through("0")), (7, true));
        let marks = taken.through("new", at(2_000_000));
        assert_eq!(marks.last(), Some(&("0".to_owned(), Position::default())));
        assert!(!taken.is_through("0") && taken.is_through("new"));
    }
}
