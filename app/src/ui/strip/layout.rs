use std::fmt::Write;

use gemba_contract::overview::StripSegment;
use gemba_domain::{Timestamp, state::UnitState};

use crate::{format::state_word, overview::STRIP_SECONDS};

/// States that are painted, in this order: what needs a person lies on top.
pub(crate) const PAINTED: [UnitState; 8] = [
    UnitState::Off,
    UnitState::Idle,
    UnitState::Producing,
    UnitState::Maintenance,
    UnitState::Setup,
    UnitState::Starved,
    UnitState::Blocked,
    UnitState::Stopped,
];

/// A stop is drawn at least this wide, or short ones would be thinner than a pixel.
const LEAST_STOP_SECONDS: i64 = 45;

/// What a strip shows, and how far the server's word reaches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub from: Timestamp,
    pub to: Timestamp,
    /// Until when the newest segment is known to last.
    pub held: Timestamp,
}

impl Window {
    /// The end of the newest segment as shown.
    pub fn end_of_last(self, to: Timestamp) -> Timestamp {
        to.max(self.held.min(self.to)).min(self.to)
    }
}

/// An SVG path per painted state, in seconds from the window's begin, one unit high.
pub(super) fn paths(segments: &[StripSegment], window: Window) -> [String; PAINTED.len()] {
    let mut out: [String; PAINTED.len()] = Default::default();
    let x = |t: Timestamp| (t.micros_since(window.from) / 1_000_000).clamp(0, STRIP_SECONDS);
    let mut run: Option<(UnitState, i64, i64)> = None;
    let mut flush = |run: Option<(UnitState, i64, i64)>| {
        let Some((state, mut from, to)) = run else { return };
        let Some(path) = PAINTED.iter().position(|s| *s == state).and_then(|i| out.get_mut(i)) else { return };
        if state == UnitState::Stopped {
            from = from.min((to - LEAST_STOP_SECONDS).max(0));
        }
        if to > from {
            // Writing to a string cannot fail.
            let _ = write!(path, "M{from} 0H{to}V1H{from}z");
        }
    };
    for (i, segment) in segments.iter().enumerate() {
        let end = if i + 1 == segments.len() { window.end_of_last(segment.to) } else { segment.to };
        if end <= window.from || segment.from >= window.to {
            continue;
        }
        let (from, to) = (x(segment.from), x(end));
        run = match run {
            Some((state, begin, last)) if state == segment.state && from <= last => Some((state, begin, to)),
            other => {
                flush(other);
                Some((segment.state, from, to))
            }
        };
    }
    flush(run);
    out
}

/// Shares of the window in words, largest first: `producing 83 %, stopped 10 %, no data 7 %`.
pub(crate) fn summary(segments: &[StripSegment], window: Window) -> String {
    let whole = window.to.micros_since(window.from).max(1);
    let mut shares: Vec<(UnitState, i64)> = UnitState::ALL.iter().map(|s| (*s, 0)).collect();
    let mut known = 0;
    for (i, segment) in segments.iter().enumerate() {
        let end = if i + 1 == segments.len() { window.end_of_last(segment.to) } else { segment.to };
        let micros = end.min(window.to).micros_since(segment.from.max(window.from)).max(0);
        known += micros;
        if let Some(share) = shares.iter_mut().find(|s| s.0 == segment.state) {
            share.1 += micros;
        }
    }
    if let Some(unknown) = shares.iter_mut().find(|s| s.0 == UnitState::Unknown) {
        unknown.1 += (whole - known).max(0);
    }
    shares.sort_by_key(|s| std::cmp::Reverse(s.1));
    shares
        .into_iter()
        .filter(|s| s.1 > 0)
        .map(|(state, micros)| {
            let percent = micros as f64 / whole as f64 * 100.0;
            let word = state_word(state).to_lowercase();
            if percent < 1.0 { format!("{word} under 1 %") } else { format!("{word} {percent:.0} %") }
        })
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000 + seconds)
    }

    fn window() -> Window {
        Window { from: t(0), to: t(STRIP_SECONDS), held: t(STRIP_SECONDS) }
    }

    fn segment(from: i64, to: i64, state: UnitState) -> StripSegment {
        StripSegment { from: t(from), to: t(to), state }
    }

    fn path_of(paths: &[String; 8], state: UnitState) -> &str {
        let i = PAINTED.iter().position(|s| *s == state).expect("painted");
        &paths[i]
    }

    #[test]
    fn segments_become_rectangles_cut_to_the_window() {
        let strip = [
            segment(-600, 3600, UnitState::Producing),
            segment(3600, 7200, UnitState::Unknown),
            segment(7200, STRIP_SECONDS, UnitState::Stopped),
        ];
        let paths = paths(&strip, window());
        assert_eq!(path_of(&paths, UnitState::Producing), "M0 0H3600V1H0z");
        assert_eq!(path_of(&paths, UnitState::Stopped), "M7200 0H28800V1H7200z");
        assert_eq!(path_of(&paths, UnitState::Idle), "");
    }

    #[test]
    fn neighbours_of_one_state_are_one_rectangle() {
        let strip = [segment(0, 60, UnitState::Idle), segment(60, 120, UnitState::Idle)];
        let quiet = Window { held: t(0), ..window() };
        assert_eq!(path_of(&paths(&strip, quiet), UnitState::Idle), "M0 0H120V1H0z");
    }

    #[test]
    fn the_newest_segment_lasts_until_the_server_was_last_heard() {
        let strip = [segment(0, 60, UnitState::Producing)];
        let heard = Window { held: t(600), ..window() };
        assert_eq!(path_of(&paths(&strip, heard), UnitState::Producing), "M0 0H600V1H0z");
        assert_eq!(summary(&strip, heard), "no data 98 %, producing 2 %");
    }

    #[test]
    fn a_short_stop_can_be_seen() {
        let strip = [
            segment(0, 1000, UnitState::Producing),
            segment(1000, 1002, UnitState::Stopped),
            segment(1002, 2000, UnitState::Producing),
        ];
        assert_eq!(path_of(&paths(&strip, window()), UnitState::Stopped), "M957 0H1002V1H957z");
    }

    #[test]
    fn nothing_is_all_unknown() {
        assert_eq!(summary(&[], window()), "no data 100 %");
        assert!(paths(&[], window()).iter().all(String::is_empty));
    }

    #[test]
    fn a_moment_finds_its_segment() {
        let strip = [segment(0, 60, UnitState::Producing), segment(60, 120, UnitState::Stopped)];
        let quiet = Window { held: t(0), ..window() };
        assert_eq!(quiet.segment_at(&strip, t(59)).map(|s| s.0), Some(0));
        assert_eq!(quiet.segment_at(&strip, t(60)).map(|s| s.0), Some(1));
        assert_eq!(quiet.segment_at(&strip, t(121)), None);
        assert_eq!(quiet.segment_at(&strip, t(-1)), None);
        assert_eq!(window().segment_at(&strip, t(5000)).map(|s| s.1.to), Some(t(STRIP_SECONDS)));
    }
}
