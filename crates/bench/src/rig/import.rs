//! What `gemba import mtconnect-log` tells.

use gemba_domain::Timestamp;

/// Its words, read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Imported {
    /// How many events there were.
    pub events: u64,
    /// The first one's time.
    pub first: Timestamp,
    /// The last one's time.
    pub last: Timestamp,
    /// How long it took to derive figures, seconds.
    pub deriving: f64,
}

impl Imported {
    /// `None` when it said something else than expected.
    pub fn read(said: &str) -> Option<Self> {
        let line = said.lines().find(|line| line.contains(" events from "))?;
        let (events, stretch) = line.split_once(" events from ")?;
        let (first, end) = stretch.split_once(" to ")?;
        let deriving = said.lines().find_map(|line| line.strip_prefix("figures derived in ")?.strip_suffix(" s"))?;
        let end: Timestamp = end.parse().ok()?;
        Some(Self {
            events: events.replace(',', "").parse().ok()?,
            first: first.parse().ok()?,
            last: end.plus_micros(-1),
            deriving: deriving.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_import_says_is_read() {
        let said = "3 signals created: a, b, c\n198,053 events from 2016-05-02T05:00:00Z to 2019-07-08T18:36:06.595553Z\n\
                    10 batches committed, 0 of them by an earlier run\nfigures derived in 1.25 s\n";
        let told = Imported::read(said).expect("readable");
        assert_eq!((told.events, told.deriving), (198_053, 1.25));
        assert_eq!(told.last.to_string(), "2019-07-08T18:36:06.595552Z");
    }
}
