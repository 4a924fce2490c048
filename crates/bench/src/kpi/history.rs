//! A machine's history, brought in afterwards: a year of its states, and a month with every piece it made.

use std::{
    fmt::Write as _,
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use gemba_domain::{
    Timestamp,
    signal::{SignalKind, SignalRole},
};

use crate::rig::{Imported, LinePlan, PlantPlan, Programs, Rig, SignalPlan, UnitPlan};

const LINE: &str = "line-1";
/// A state every so many seconds.
const STATE_SECONDS: i64 = 90;
/// A piece every so many seconds.
const PIECE_SECONDS: i64 = 10;

/// How long it took.
pub(super) struct History {
    pub year_events: u64,
    /// From the command to its end, figures included.
    pub year: Duration,
    pub month_events: u64,
    /// Of the month alone: figures derived of what the historian holds, seconds.
    pub month_deriving: f64,
}

/// Imports both, each for a unit of its own.
pub(super) async fn measure() -> Result<History> {
    let unit = |code: &str| UnitPlan {
        code: code.to_owned(),
        signals: vec![
            SignalPlan::role(SignalKind::State, SignalRole::Execution),
            SignalPlan::role(SignalKind::Counter, SignalRole::GoodCount),
        ],
    };
    let plant = PlantPlan { lines: vec![LinePlan { code: LINE.to_owned(), units: vec![unit("year"), unit("month")] }] };
    let rig = Rig::start(Programs::find()?, &plant).await?;
    let end = Timestamp::from_seconds(chrono::Utc::now().timestamp() / 3600 * 3600 - 86_400);
    let (year, took) = import(&rig, "year", &events(end, 365, false)).await?;
    let (month, _) = import(&rig, "month", &events(end, 30, true)).await?;
    rig.stop().await?;
    Ok(History { year_events: year.events, year: took, month_events: month.events, month_deriving: month.deriving })
}

async fn import(rig: &Rig, unit: &str, text: &str) -> Result<(Imported, Duration)> {
    let file = rig.directory().join(format!("{unit}.csv"));
    fs::write(&file, text)?;
    let path = PlantPlan::path(LINE, unit);
    let begun = Instant::now();
    let said = rig.gemba(&["import", "mtconnect-log", "--unit", &path, &file.to_string_lossy()]).await?;
    let took = begun.elapsed();
    let told = Imported::read(&said).with_context(|| format!("`gemba import` said something else:\n{said}"))?;
    Ok((told, took))
}

/// A table of state events over so many days: states of different length one after the other, and when wanted the counter of
/// the pieces made while it produces.
fn events(end: Timestamp, days: i64, pieces: bool) -> String {
    let words = ["ACTIVE", "FEED_HOLD", "ACTIVE", "READY", "ACTIVE", "INTERRUPTED"];
    let begin = end.plus_seconds(-days * 86_400);
    let (mut text, mut made) = ("timestamp,item,value\n".to_owned(), 0);
    for number in 0..days * 86_400 / STATE_SECONDS {
        let word = words[usize::try_from(number).unwrap_or_default() % words.len()];
        // Not all of the same length, and never at whole seconds.
        let at = begin.plus_micros(number * STATE_SECONDS * 1_000_000 + number * 7_919 % 20_000_000);
        // Writing to a String does not fail, here and below.
        let _ = writeln!(text, "{at},execution,{word}");
        if pieces && word == "ACTIVE" {
            for piece in 1..=STATE_SECONDS / PIECE_SECONDS - 3 {
                made += 1;
                let _ = writeln!(text, "{},good-count,{made}", at.plus_seconds(piece * PIECE_SECONDS));
            }
        }
    }
    text
}
