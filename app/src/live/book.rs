#![cfg_attr(not(any(feature = "hydrate", test)), expect(dead_code, reason = "only the browser subscribes"))]

use std::collections::BTreeMap;

use gemba_contract::live::ServerMessage;

/// Which topics are subscribed, and how far each has come.
#[derive(Default)]
pub(super) struct Book {
    /// Sequence number of the newest message; `None` until the snapshot is there.
    topics: BTreeMap<String, Option<u64>>,
}

/// What to do about a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Its content is next in order.
    Apply,
    /// Of no topic that is subscribed, or already known.
    Ignore,
    /// Something was missed: ask for a new snapshot of this topic.
    Subscribe(String),
    /// Ask for new snapshots of everything.
    SubscribeAll,
}

impl Book {
    /// Notes a subscription; `true` when it is new.
    pub fn add(&mut self, topic: &str) -> bool {
        let new = !self.topics.contains_key(topic);
        self.topics.insert(topic.to_owned(), None);
        new
    }

    pub fn remove(&mut self, topic: &str) {
        self.topics.remove(topic);
    }

    pub fn topics(&self) -> Vec<String> {
        self.topics.keys().cloned().collect()
    }

    pub fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    /// Deltas of before mean nothing after a new connection.
    pub fn start_over(&mut self) {
        self.topics.values_mut().for_each(|seq| *seq = None);
    }

    pub fn judge(&mut self, message: &ServerMessage) -> Verdict {
        match message {
            ServerMessage::Snapshot { topic, seq, .. } => match self.topics.get_mut(topic) {
                Some(known) => {
                    *known = Some(*seq);
                    Verdict::Apply
                }
                None => Verdict::Ignore,
            },
            ServerMessage::Delta { topic, seq, .. } => match self.topics.get_mut(topic) {
                Some(known) => match *known {
                    Some(newest) if *seq == newest + 1 => {
                        *known = Some(*seq);
                        Verdict::Apply
                    }
                    Some(newest) if *seq > newest => {
                        *known = None;
                        Verdict::Subscribe(topic.clone())
                    }
                    _ => Verdict::Ignore,
                },
                None => Verdict::Ignore,
            },
            ServerMessage::Heartbeat { .. } => Verdict::Ignore,
            ServerMessage::Refused { topic, .. } => {
                if self.topics.contains_key(topic) {
                    Verdict::Apply
                } else {
                    Verdict::Ignore
                }
            }
            ServerMessage::Reset { .. } => {
                self.start_over();
                Verdict::SubscribeAll
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use gemba_contract::{live::Snapshot, overview::Overview};
    use gemba_domain::Timestamp;

    use super::*;

    fn snapshot(topic: &str, seq: u64) -> ServerMessage {
        let data = Snapshot::Overview(Overview { sites: Vec::new(), at: Timestamp::default() });
        ServerMessage::Snapshot { topic: topic.to_owned(), seq, data: Box::new(data) }
    }

    fn delta(topic: &str, seq: u64) -> ServerMessage {
        ServerMessage::Delta {
            topic: topic.to_owned(),
            seq,
            at: Timestamp::default(),
            tiles: Vec::new(),
            totals: Vec::new(),
            signals: Vec::new(),
            elements: None,
        }
    }

    #[test]
    fn deltas_in_order_are_applied() {
        let mut book = Book::default();
        assert!(book.add("overview"));
        assert_eq!(book.judge(&delta("overview", 4)), Verdict::Ignore, "before the snapshot");
        assert_eq!(book.judge(&snapshot("overview", 7)), Verdict::Apply);
        assert_eq!(book.judge(&delta("overview", 8)), Verdict::Apply);
        assert_eq!(book.judge(&delta("overview", 8)), Verdict::Ignore, "said twice");
        assert_eq!(book.judge(&delta("overview", 9)), Verdict::Apply);
    }

    #[test]
    fn a_hole_asks_for_a_new_snapshot_once() {
        let mut book = Book::default();
        book.add("overview");
        book.judge(&snapshot("overview", 1));
        assert_eq!(book.judge(&delta("overview", 3)), Verdict::Subscribe("overview".to_owned()));
        assert_eq!(book.judge(&delta("overview", 4)), Verdict::Ignore);
        assert_eq!(book.judge(&snapshot("overview", 9)), Verdict::Apply);
        assert_eq!(book.judge(&delta("overview", 10)), Verdict::Apply);
    }

    #[test]
    fn other_topics_are_ignored_and_a_reset_starts_over() {
        let mut book = Book::default();
        book.add("overview");
        assert_eq!(book.judge(&snapshot("unit/a", 1)), Verdict::Ignore);
        book.judge(&snapshot("overview", 1));
        let reset = ServerMessage::Reset { reason: "plant changed".to_owned() };
        assert_eq!(book.judge(&reset), Verdict::SubscribeAll);
        assert_eq!(book.judge(&delta("overview", 2)), Verdict::Ignore);
        assert_eq!(book.topics(), ["overview"]);
        book.remove("overview");
        assert!(book.is_empty());
    }
}
