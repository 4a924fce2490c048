use chrono::{DateTime, Utc};
use gemba_domain::Timestamp;

/// A site's wall clock: `18:03`.
pub fn clock_time(time: Timestamp, offset_minutes: i32) -> String {
    local(time, offset_minutes).format("%H:%M").to_string()
}

/// `18:03:12`
pub fn clock_time_seconds(time: Timestamp, offset_minutes: i32) -> String {
    local(time, offset_minutes).format("%H:%M:%S").to_string()
}

/// `Mon 17 Nov, 18:03`
pub fn day_and_time(time: Timestamp, offset_minutes: i32) -> String {
    local(time, offset_minutes).format("%a %-d %b, %H:%M").to_string()
}

/// `Mon 17 Nov, 18:03:12`
pub fn day_time_seconds(time: Timestamp, offset_minutes: i32) -> String {
    local(time, offset_minutes).format("%a %-d %b, %H:%M:%S").to_string()
}

/// A time of the site's clock as the server tells it, `2026-11-17 18:03`, in the same form; as it came where it is not one.
pub fn local_day_and_time(text: &str) -> String {
    let time = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M");
    time.map_or_else(|_| text.to_owned(), |time| time.format("%a %-d %b, %H:%M").to_string())
}

/// `17 Nov`
pub fn day_of(time: Timestamp, offset_minutes: i32) -> String {
    local(time, offset_minutes).format("%-d %b").to_string()
}

/// `Tue 24 Nov, 14:00 to 22:00`; with seconds where they are not round, with both days where they differ.
pub fn stretch_text(from: Timestamp, to: Timestamp, offset: i32) -> String {
    let day = |t| day_time_seconds(t, offset).split(',').next().unwrap_or_default().to_owned();
    let round = |t: Timestamp| t.micros() % 60_000_000 == 0;
    let time = if round(from) && round(to) { clock_time } else { clock_time_seconds };
    let begin = format!("{}, {}", day(from), time(from, offset));
    if day_of(from, offset) == day_of(to.plus_micros(-1), offset) {
        format!("{begin} to {}", time(to, offset))
    } else {
        format!("{begin} to {}, {}", day(to), time(to, offset))
    }
}

/// Round moments of a site's wall clock within a stretch, at most `at_most` of them, and their texts: of days `17 Nov`, of
/// steps below a minute with seconds.
pub fn time_ticks(from: Timestamp, to: Timestamp, offset_minutes: i32, at_most: usize) -> Vec<(Timestamp, String)> {
    const DAY: i64 = 86_400;
    const STEPS_SECONDS: [i64; 21] = [
        1,
        2,
        5,
        10,
        15,
        30,
        60,
        120,
        300,
        600,
        900,
        1800,
        3600,
        7200,
        10_800,
        14_400,
        21_600,
        43_200,
        DAY,
        2 * DAY,
        7 * DAY,
    ];
    let stretch = to.micros_since(from);
    if stretch <= 0 || at_most == 0 {
        return Vec::new();
    }
    let seconds =
        STEPS_SECONDS.into_iter().find(|step| stretch / (step * 1_000_000) <= at_most as i64).unwrap_or(30 * DAY);
    let text = match seconds {
        0..60 => clock_time_seconds,
        60..DAY => clock_time,
        _ => day_of,
    };
    let step = seconds * 1_000_000;
    let offset = i64::from(offset_minutes) * 60_000_000;
    let first = (from.micros() + offset).div_euclid(step) * step - offset;
    (0..=at_most as i64 + 1)
        .map(|i| Timestamp::from_micros(first + i * step))
        .filter(|t| *t >= from && *t <= to)
        .take(at_most)
        .map(|t| (t, text(t, offset_minutes)))
        .collect()
}

/// The moment on the site's wall clock, as if that were UTC.
fn local(time: Timestamp, offset_minutes: i32) -> DateTime<Utc> {
    time.plus_seconds(i64::from(offset_minutes) * 60).to_utc()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn times_are_the_sites() {
        let t = at("2026-06-22T22:30:05Z");
        assert_eq!(clock_time(t, 60), "23:30");
        assert_eq!(clock_time_seconds(t, -210), "19:00:05");
        assert_eq!(day_and_time(t, 120), "Tue 23 Jun, 00:30");
        assert_eq!(local_day_and_time("2026-06-23 00:30"), "Tue 23 Jun, 00:30");
        assert_eq!(local_day_and_time("soon"), "soon");
        assert_eq!(day_time_seconds(t, 120), "Tue 23 Jun, 00:30:05");
    }

    #[test]
    fn ticks_stand_at_round_local_times() {
        let ticks = time_ticks(at("2026-06-22T06:10:00Z"), at("2026-06-22T14:10:00Z"), 60, 8);
        let texts: Vec<&str> = ticks.iter().map(|t| t.1.as_str()).collect();
        assert_eq!(texts, ["08:00", "09:00", "10:00", "11:00", "12:00", "13:00", "14:00", "15:00"]);
        let ticks = time_ticks(at("2026-06-22T06:10:00Z"), at("2026-06-22T14:10:00Z"), 345, 4);
        let texts: Vec<&str> = ticks.iter().map(|t| t.1.as_str()).collect();
        assert_eq!(texts, ["12:00", "14:00", "16:00", "18:00"]);
    }

    #[test]
    fn ticks_of_long_and_of_short_stretches() {
        let ticks = time_ticks(at("2026-06-22T06:10:00Z"), at("2026-06-27T06:10:00Z"), 60, 7);
        let texts: Vec<&str> = ticks.iter().map(|t| t.1.as_str()).collect();
        assert_eq!(texts, ["23 Jun", "24 Jun", "25 Jun", "26 Jun", "27 Jun"]);
        let ticks = time_ticks(at("2026-06-22T06:10:07Z"), at("2026-06-22T06:10:47Z"), 60, 4);
        let texts: Vec<&str> = ticks.iter().map(|t| t.1.as_str()).collect();
        assert_eq!(texts, ["07:10:10", "07:10:20", "07:10:30", "07:10:40"]);
    }

    #[test]
    fn an_empty_stretch_has_no_ticks() {
        let t = at("2026-06-22T06:10:00Z");
        assert!(time_ticks(t, t, 0, 8).is_empty());
    }
}
