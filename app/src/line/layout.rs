//! Where the marks of the line's charts stand: shares of the width, 0 to 1, and paths.

use std::fmt::Write;

use gemba_contract::report::{LaneSegment, LossKind, LossStep};
use gemba_domain::{Timestamp, state::UnitState};

use crate::ui::PAINTED;

/// Width of a lane's coordinate system.
pub(super) const LANE_WIDTH: i64 = 10_000;
/// A stop is drawn at least this wide, or short ones would be thinner than a pixel.
const LEAST_STOP: i64 = 14;

/// Where a moment stands in a stretch.
pub(super) fn share(at: Timestamp, from: Timestamp, to: Timestamp) -> f64 {
    at.micros_since(from) as f64 / to.micros_since(from).max(1) as f64
}

/// The moment at a share of a stretch.
pub(super) fn moment(share: f64, from: Timestamp, to: Timestamp) -> Timestamp {
    from.plus_micros((to.micros_since(from) as f64 * share) as i64)
}

/// Shares of a stretch as a stretch to zoom to: whole seconds, at least ten of them, at most 31 days, and none that lies
/// wholly ahead.
pub(super) fn zoom(
    (a, b): (f64, f64),
    from: Timestamp,
    to: Timestamp,
    at: Timestamp,
) -> Option<(Timestamp, Timestamp)> {
    const LEAST: i64 = 10;
    const MOST: i64 = 31 * 86_400;
    let second = |t: Timestamp| t.micros().div_euclid(1_000_000);
    let (mut begin, mut end) = (second(moment(a, from, to)), second(moment(b, from, to)));
    let middle = (begin + end) / 2;
    if end - begin < LEAST {
        (begin, end) = (middle - LEAST / 2, middle + LEAST / 2);
    }
    if end - begin > MOST {
        (begin, end) = (middle - MOST / 2, middle + MOST / 2);
    }
    (begin < second(at)).then(|| (Timestamp::from_seconds(begin), Timestamp::from_seconds(end)))
}

/// An SVG path per painted state of one lane, one unit high. The newest segment lasts until `held`.
pub(super) fn lane_paths(
    segments: &[LaneSegment],
    from: Timestamp,
    to: Timestamp,
    held: Timestamp,
) -> [String; PAINTED.len()] {
    let mut out: [String; PAINTED.len()] = Default::default();
    let x = |t: Timestamp| (share(t, from, to).clamp(0.0, 1.0) * LANE_WIDTH as f64) as i64;
    for (i, segment) in segments.iter().enumerate() {
        let end = if i + 1 == segments.len() { segment.to.max(held.min(to)) } else { segment.to };
        let (mut left, right) = (x(segment.from), x(end));
        if segment.state == UnitState::Stopped && right > 0 {
            left = left.min((right - LEAST_STOP).max(0));
        }
        let path = PAINTED.iter().position(|s| *s == segment.state).and_then(|i| out.get_mut(i));
        if let (Some(path), true) = (path, right > left) {
            // Writing to a string cannot fail.
            let _ = write!(path, "M{left} 0H{right}V1H{left}z");
        }
    }
    out
}

/// The segment that holds a moment.
pub(super) fn segment_at(segments: &[LaneSegment], at: Timestamp) -> Option<&LaneSegment> {
    let i = segments.partition_point(|s| s.from <= at).checked_sub(1)?;
    let segment = segments.get(i)?;
    (at < segment.to || i + 1 == segments.len()).then_some(segment)
}

/// Bars of the waterfall, each from where to where: every loss takes its part off what the steps before left.
pub(super) fn waterfall(steps: &[LossStep]) -> Vec<(f64, f64)> {
    let mut left = 0;
    let spans: Vec<(i64, i64)> = steps
        .iter()
        .map(|step| match step.kind {
            LossKind::Planned => {
                left = step.micros;
                (0, step.micros)
            }
            LossKind::Good => (0, step.micros),
            _ => {
                let before = left;
                left -= step.micros;
                (left.min(before), left.max(before))
            }
        })
        .collect();
    let most = spans.iter().map(|s| s.1).max().unwrap_or(0).max(1) as f64;
    spans.into_iter().map(|(from, to)| (from.max(0) as f64 / most, to.max(0) as f64 / most)).collect()
}

/// How a step or reason is coloured: as the state that stands for it.
pub(super) fn loss_class(kind: LossKind) -> &'static str {
    use gemba_domain::reason::LossCategory;
    match kind {
        LossKind::Planned => "l-whole",
        LossKind::Good => "s-producing",
        LossKind::Unexplained => "l-open",
        LossKind::External => "s-blocked",
        LossKind::Speed | LossKind::Category(LossCategory::ReducedSpeed) => "l-speed",
        LossKind::Quality | LossKind::Category(LossCategory::ProcessDefects | LossCategory::StartupYield) => {
            "l-quality"
        }
        LossKind::Category(LossCategory::Breakdown) => "s-stopped",
        LossKind::Category(LossCategory::MinorStops) => "l-minor",
        LossKind::Category(LossCategory::Setup) => "s-setup",
        LossKind::Category(LossCategory::Planned) => "s-maintenance",
        LossKind::Category(LossCategory::NotScheduled) => "s-off",
    }
}

#[cfg(test)]
mod tests {
    use gemba_domain::reason::LossCategory;

    use super::*;

    fn t(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000 + seconds)
    }

    fn segment(from: i64, to: i64, state: UnitState) -> LaneSegment {
        LaneSegment { from: t(from), to: t(to), state, word: None }
    }

    fn path_of(paths: &[String; 8], state: UnitState) -> &str {
        &paths[PAINTED.iter().position(|s| *s == state).expect("painted")]
    }

    #[test]
    fn a_lane_is_cut_to_its_period_and_lasts_until_the_server_was_heard() {
        let lane = [segment(-50, 400, UnitState::Producing), segment(400, 500, UnitState::Idle)];
        let paths = lane_paths(&lane, t(0), t(1000), t(600));
        assert_eq!(path_of(&paths, UnitState::Producing), "M0 0H4000V1H0z");
        assert_eq!(path_of(&paths, UnitState::Idle), "M4000 0H6000V1H4000z");
        assert_eq!(path_of(&paths, UnitState::Stopped), "");
    }

    #[test]
    fn a_short_stop_in_a_long_period_can_be_seen() {
        let lane = [segment(0, 86_400, UnitState::Producing), segment(86_400, 86_405, UnitState::Stopped)];
        let paths = lane_paths(&lane, t(0), t(2_592_000), t(0));
        assert_eq!(path_of(&paths, UnitState::Stopped), "M319 0H333V1H319z");
    }

    #[test]
    fn a_moment_finds_its_segment() {
        let lane = [segment(0, 60, UnitState::Producing), segment(60, 120, UnitState::Stopped)];
        assert_eq!(segment_at(&lane, t(59)).map(|s| s.state), Some(UnitState::Producing));
        assert_eq!(segment_at(&lane, t(130)).map(|s| s.state), Some(UnitState::Stopped));
        assert_eq!(segment_at(&lane, t(-1)), None);
    }

    #[test]
    fn zooming_goes_from_a_month_to_seconds() {
        let at = t(100_000);
        assert_eq!(zoom((0.25, 0.5), t(0), t(1000), at), Some((t(250), t(500))));
        assert_eq!(zoom((0.5, 0.5001), t(0), t(1000), at), Some((t(495), t(505))));
        let month = zoom((-20.0, 20.0), t(0), t(86_400), at).expect("a stretch");
        assert_eq!(month.1.seconds_since(month.0), 31.0 * 86_400.0);
        assert_eq!(zoom((0.6, 0.9), t(0), t(1000), t(500)), None, "all of it lies ahead");
    }

    #[test]
    fn each_loss_takes_its_part_and_speed_may_give_some_back() {
        let step =
            |kind, minutes: i64| LossStep { kind, name: String::new(), micros: minutes * 60_000_000, cents: None };
        let steps = [
            step(LossKind::Planned, 100),
            step(LossKind::Category(LossCategory::Breakdown), 30),
            step(LossKind::Speed, -10),
            step(LossKind::Quality, 5),
            step(LossKind::Good, 75),
        ];
        assert_eq!(waterfall(&steps), [(0.0, 1.0), (0.7, 1.0), (0.7, 0.8), (0.75, 0.8), (0.0, 0.75)]);
    }
}
