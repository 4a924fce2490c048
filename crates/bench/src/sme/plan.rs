//! What the table does not say and is found in it: shifts, and ideal cycles.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Duration, NaiveDate, TimeZone, Utc, Weekday};
use chrono_tz::Tz;

use super::table::{ROW_SECONDS, Row};
use crate::report::quantile;

/// The makers of the table are in Pisa, and activity begins and ends with local hours.
pub(super) const ZONE: Tz = chrono_tz::Europe::Rome;
/// Eight hours each, local time; the last one runs over midnight.
pub(super) const SHIFTS: [(&str, u32); 3] = [("Early", 6), ("Late", 14), ("Night", 22)];
const SHIFT_HOURS: i64 = 8;
/// A shift of one date was worked when pieces were made in so much of it.
const WORKED_SHARE: f64 = 0.25;
/// So many rows in a row are a stretch of an hour.
const HOUR_ROWS: usize = 12;

/// On which days of the week each shift is worked.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Week(pub BTreeMap<usize, Vec<Weekday>>);

/// Begin of a shift on a local date, seconds since 1970.
fn begin(day: NaiveDate, hour: u32) -> Option<i64> {
    let local = day.and_hms_opt(hour, 0, 0)?;
    Some(ZONE.from_local_datetime(&local).earliest()?.timestamp())
}

fn local_day(seconds: i64) -> Option<NaiveDate> {
    Some(DateTime::<Utc>::from_timestamp(seconds, 0)?.with_timezone(&ZONE).date_naive())
}

/// The shifts of each date that lie in the rows' span whole, with their begins.
fn instances(first: i64, last: i64) -> Vec<(usize, NaiveDate, i64)> {
    let (Some(from), Some(to)) = (local_day(first), local_day(last)) else { return Vec::new() };
    let days = from.iter_days().take_while(|day| *day <= to);
    let of =
        |day: NaiveDate| (0..SHIFTS.len()).filter_map(move |shift| Some((shift, day, begin(day, SHIFTS[shift].1)?)));
    days.flat_map(of).filter(|(.., begin)| *begin >= first && begin + SHIFT_HOURS * 3600 <= last).collect()
}

/// A shift is worked on a day of the week when it was worked on at least half of these dates.
pub(super) fn week(rows: &[Row]) -> Week {
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Week::default() };
    let mut worked: BTreeMap<(usize, u32), (u32, u32)> = BTreeMap::new();
    for (shift, day, begin) in instances(first.time, last.time) {
        let end = begin + SHIFT_HOURS * 3600;
        let of = rows.iter().filter(|row| row.time > begin && row.time <= end && row.items > 0.0);
        let slots: std::collections::BTreeSet<i64> = of.map(|row| (row.time - 1 - begin) / ROW_SECONDS).collect();
        let share = slots.len() as f64 / (SHIFT_HOURS * 3600 / ROW_SECONDS) as f64;
        let count = worked.entry((shift, day.weekday().num_days_from_monday())).or_default();
        count.0 += u32::from(share >= WORKED_SHARE);
        count.1 += 1;
    }
    let mut week = Week::default();
    for ((shift, day), (times, dates)) in worked {
        if times * 2 >= dates
            && let Ok(day) = Weekday::try_from(day as u8)
        {
            week.0.entry(shift).or_default().push(day);
        }
    }
    week
}

impl Week {
    /// As they stand in a plant file.
    pub fn toml(&self) -> String {
        let one = |(shift, days): (&usize, &Vec<Weekday>)| {
            let (name, hour) = SHIFTS[*shift];
            let days: Vec<String> = days.iter().map(|day| format!("\"{}\"", day.to_string().to_lowercase())).collect();
            let end = (i64::from(hour) + SHIFT_HOURS) % 24;
            format!(
                "[[site.shift]]\nname = \"{name}\"\nstart = \"{hour:02}:00\"\nend = \"{end:02}:00\"\ndays = [{}]\n\n",
                days.join(", ")
            )
        };
        self.0.iter().map(one).collect()
    }

    /// For people.
    pub fn text(&self) -> String {
        let one = |(shift, days): (&usize, &Vec<Weekday>)| {
            let days: Vec<String> = days.iter().map(ToString::to_string).collect();
            format!("{} {:02}:00 {}", SHIFTS[*shift].0, SHIFTS[*shift].1, days.join(" "))
        };
        self.0.iter().map(one).collect::<Vec<_>>().join("; ")
    }

    /// Whether a second lies in a shift, second by second from `begin` on.
    pub fn scheduled(&self, from: i64, seconds: usize) -> Vec<bool> {
        let mut out = vec![false; seconds];
        let until = from + i64::try_from(seconds).unwrap_or_default();
        for (shift, day, begin) in instances(from - 2 * 86_400, until + 2 * 86_400) {
            if !self.0.get(&shift).is_some_and(|days| days.contains(&day.weekday())) {
                continue;
            }
            let Some(end) = ends(shift, day) else { continue };
            for second in begin.max(from)..end.min(until) {
                if let Some(slot) = usize::try_from(second - from).ok().and_then(|index| out.get_mut(index)) {
                    *slot = true;
                }
            }
        }
        out
    }
}

/// The end of a shift by the clock on the wall.
fn ends(shift: usize, day: NaiveDate) -> Option<i64> {
    let hour = SHIFTS[shift].1 + SHIFT_HOURS as u32;
    begin(day + Duration::days(i64::from(hour / 24)), hour % 24)
}

/// How an ideal cycle was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cycle {
    pub seconds: f64,
    /// Stretches that it was found in.
    pub stretches: usize,
    /// Each so many rows long.
    pub rows: usize,
}

/// Seconds per piece of each product: the 5th percentile over all stretches of twelve rows in a row (an hour) that are in
/// automatic mode from begin to end and of one product. Where there are fewer than twelve of them, of three rows; then of one.
/// Pieces are whole, so that single rows tell the pace only roughly.
pub(super) fn cycles(rows: &[Row]) -> BTreeMap<String, Cycle> {
    let mut cycles = BTreeMap::new();
    for length in [HOUR_ROWS, 3, 1] {
        let mut paces: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for stretch in rows.windows(length + 1) {
            let (before, of) = (&stretch[0], &stretch[1..]);
            let whole = stretch.windows(2).all(|pair| pair[1].time - pair[0].time == ROW_SECONDS)
                && stretch.iter().all(|row| row.status == 2)
                && of.iter().all(|row| row.product == of[0].product);
            let items: f64 = of.iter().map(|row| row.items).sum();
            if whole && items > 0.0 {
                let seconds = of[of.len() - 1].time - before.time;
                paces.entry(&of[0].product).or_default().push(seconds as f64 / items);
            }
        }
        for (product, mut found) in paces {
            if found.len() >= HOUR_ROWS && !cycles.contains_key(product) {
                found.sort_by(f64::total_cmp);
                let cycle = Cycle { seconds: quantile(&found, 0.05), stretches: found.len(), rows: length };
                cycles.insert(product.to_owned(), cycle);
            }
        }
    }
    cycles
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(count: i64) -> Vec<Row> {
        // Monday 2022-09-05 06:00 in Rome is 04:00 UTC.
        (0..=count)
            .map(|index| Row {
                time: 1_662_350_400 + index * ROW_SECONDS,
                items: if (index % 288) <= 96 { 5.0 } else { 0.0 },
                status: 2,
                product: "7".to_owned(),
                cycle_time: 60.0,
            })
            .collect()
    }

    #[test]
    fn worked_shifts_are_found_and_scheduled() {
        let rows = rows(3 * 288);
        let week = week(&rows);
        assert_eq!(week.0, BTreeMap::from([(0, vec![Weekday::Mon, Weekday::Tue, Weekday::Wed])]));
        let scheduled = week.scheduled(rows[0].time, 86_400);
        assert_eq!(scheduled.iter().filter(|it| **it).count(), 8 * 3600);
        assert!(scheduled[0] && !scheduled[8 * 3600]);
        assert!(week.toml().contains("start = \"06:00\"\nend = \"14:00\"\ndays = [\"mon\", \"tue\", \"wed\"]"));
    }

    #[test]
    fn the_pace_of_the_best_hours() {
        let cycle = cycles(&rows(96))["7"];
        assert_eq!((cycle.seconds, cycle.rows, cycle.stretches), (60.0, 12, 85));
        assert_eq!(cycles(&rows(5)), BTreeMap::new());
    }
}
