//! The plot of one signal's history. plotters draws the marks into an SVG that stretches; axis texts
//! are SVG texts of our own at relative places, so the server and the browser write the same.

mod axis;
mod chart;
mod marks;
mod surface;

use std::sync::Arc;

use gemba_contract::signal::{Reading, SampleSeries};
use gemba_domain::{
    Timestamp,
    signal::{SignalKind, Value},
};

pub(crate) use axis::YAxis;
pub(crate) use chart::{grid_view, line_marks, marks_view, x_texts, y_texts};
pub(crate) use surface::{Grid, Marks, TimeTexts, YTexts};

/// What is drawn: readings of one signal within a stretch of time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PlotData {
    pub kind: SignalKind,
    pub from: Timestamp,
    pub to: Timestamp,
    /// By time; the first may lie before `from` and is in force there.
    pub readings: Arc<[Reading]>,
    /// Until when the newest reading is known to hold.
    pub held_until: Timestamp,
}

/// A drawing: the axis and the marks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Drawing {
    pub y: YAxis,
    /// The content of an `<svg>` of [`SIZE`].
    pub marks: String,
}

/// Size of the marks' coordinate system. It is stretched to the surface; lines keep their width.
const SIZE: (u32, u32) = (2000, 600);

/// More words than this do not make lanes.
const MOST_LANES: usize = 8;

impl PlotData {
    /// The stretch `from..to` of a series.
    pub fn new(series: SampleSeries, kind: SignalKind, held_until: Timestamp) -> Self {
        Self { kind, from: series.from, to: series.to, readings: series.readings.into(), held_until }
    }

    /// Draws it; `None` when there is nothing to draw.
    pub fn draw(&self) -> Option<Drawing> {
        let numbers = self.readings.iter().filter_map(|r| r.value.number());
        let (low, high) = numbers.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), n| (l.min(n), h.max(n)));
        if low.is_finite() && high.is_finite() {
            let y = YAxis::numbers(low, high);
            let marks = marks::line(self, &y)?;
            return Some(Drawing { y, marks });
        }
        let y = YAxis::lanes(self.words());
        if y.ticks.is_empty() {
            return None;
        }
        let marks = marks::lanes(self, &y)?;
        Some(Drawing { y, marks })
    }

    /// The reading in force at a share of the width.
    pub fn at(&self, share: f64) -> Option<&Reading> {
        let time = self.from.plus_micros((self.to.micros_since(self.from) as f64 * share) as i64);
        self.readings.partition_point(|r| r.time <= time).checked_sub(1).and_then(|i| self.readings.get(i))
    }

    /// Where each reading stands, as a share of the width.
    pub fn stops(&self) -> Vec<f64> {
        let width = self.to.seconds_since(self.from);
        self.readings
            .iter()
            .map(|r| r.time.seconds_since(self.from) / width)
            .filter(|share| (0.0..=1.0).contains(share))
            .collect()
    }

    /// The distinct words, those in force longest first; the rest become one lane.
    fn words(&self) -> Vec<String> {
        let mut words: Vec<(&str, i64)> = Vec::new();
        for (reading, until) in self.held() {
            if let Some(word) = lane_word(self.kind, &reading.value) {
                let micros = until.micros_since(reading.time);
                match words.iter_mut().find(|w| w.0 == word) {
                    Some(entry) => entry.1 += micros,
                    None => words.push((word, micros)),
                }
            }
        }
        words.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        let more = words.len() > MOST_LANES;
        let mut names: Vec<String> =
            words.iter().take(if more { MOST_LANES - 1 } else { MOST_LANES }).map(|w| w.0.to_owned()).collect();
        if more {
            names.push(format!("{} others", words.len() - names.len()));
        }
        names
    }

    /// Each reading with the moment until which it holds.
    fn held(&self) -> impl Iterator<Item = (&Reading, Timestamp)> {
        let ends = self.readings.iter().skip(1).map(|r| r.time).chain(std::iter::once(self.held_until.min(self.to)));
        self.readings.iter().zip(ends).map(|(reading, end)| (reading, end.max(reading.time)))
    }

    /// Seconds from the left edge, not before it.
    fn x(&self, time: Timestamp) -> f64 {
        time.seconds_since(self.from).max(0.0)
    }
}

/// What names the lane of a value: the word, or the level of a condition.
fn lane_word(kind: SignalKind, value: &Value) -> Option<&str> {
    let text = value.text()?;
    Some(if kind == SignalKind::Condition { text.split('|').next().unwrap_or(text) } else { text })
}

#[cfg(test)]
mod tests {
    use gemba_contract::signal::Resolution;
    use gemba_domain::signal::SignalId;

    use super::*;

    fn t(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000 + seconds)
    }

    fn data(kind: SignalKind, readings: &[(i64, Value)]) -> PlotData {
        let readings = readings.iter().map(|(s, v)| Reading { time: t(*s), value: v.clone() }).collect();
        let series = SampleSeries {
            signal: SignalId(1),
            from: t(0),
            to: t(100),
            resolution: Resolution::Raw,
            readings,
            total: 0,
        };
        PlotData::new(series, kind, t(90))
    }

    fn word(text: &str) -> Value {
        Value::Text(text.into())
    }

    #[test]
    fn a_gap_breaks_the_line() {
        let whole =
            data(SignalKind::Measure, &[(0, Value::Number(1.0)), (20, Value::Number(2.0)), (40, Value::Number(1.5))]);
        let marks = whole.draw().expect("a drawing").marks;
        assert_eq!(marks.matches("<polyline").count(), 1, "{marks}");
        let broken = data(
            SignalKind::Measure,
            &[(0, Value::Number(1.0)), (20, Value::Number(2.0)), (30, Value::Unavailable), (40, Value::Number(1.5))],
        );
        let marks = broken.draw().expect("a drawing").marks;
        assert_eq!(marks.matches("<polyline").count(), 2, "{marks}");
    }

    #[test]
    fn marks_hold_no_text_and_no_outer_element() {
        let marks = data(SignalKind::Counter, &[(0, Value::Number(10.0)), (50, Value::Number(11.0))])
            .draw()
            .expect("one")
            .marks;
        assert!(!marks.contains("<text") && !marks.contains("<svg") && !marks.contains("</svg"), "{marks}");
    }

    #[test]
    fn words_become_lanes_longest_first() {
        let drawing = data(
            SignalKind::State,
            &[(0, word("READY")), (10, word("ACTIVE")), (60, Value::Unavailable), (70, word("READY"))],
        )
        .draw()
        .expect("a drawing");
        let names: Vec<&str> = drawing.y.ticks.iter().map(|tick| tick.1.as_str()).collect();
        assert_eq!(names, ["ACTIVE", "READY"]);
        assert_eq!(drawing.marks.matches("<rect").count(), 3, "{}", drawing.marks);
    }

    #[test]
    fn conditions_are_drawn_by_level_and_many_words_in_one_lane() {
        let condition = data(SignalKind::Condition, &[(0, word("Fault|12|||door")), (10, word("Fault|13|||oil"))]);
        assert_eq!(condition.words(), ["Fault"]);
        let readings: Vec<(i64, Value)> = (0..20).map(|i| (i * 4, word(&format!("w{i:02}")))).collect();
        let many = data(SignalKind::Text, &readings);
        assert_eq!(many.words().len(), MOST_LANES);
        assert_eq!(many.words().last().map(String::as_str), Some("13 others"));
        assert!(many.draw().is_some());
    }

    #[test]
    fn nothing_to_draw() {
        assert_eq!(data(SignalKind::Measure, &[]).draw(), None);
        assert_eq!(data(SignalKind::Measure, &[(0, Value::Unavailable)]).draw(), None);
    }

    #[test]
    fn the_reading_in_force_is_found() {
        let data = data(SignalKind::Measure, &[(-5, Value::Number(1.0)), (50, Value::Number(2.0))]);
        assert_eq!(data.at(0.1).and_then(|r| r.value.number()), Some(1.0));
        assert_eq!(data.at(0.5).and_then(|r| r.value.number()), Some(2.0));
        assert_eq!(data.stops(), [0.5]);
    }
}
