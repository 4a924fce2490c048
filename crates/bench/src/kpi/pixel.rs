//! From a machine's change of state to the pixel: a real browser on the overview of 1,000 units.
//!
//! The changes go the way of a collector's batches; the browser notes when the frame with the new state was drawn. Both read
//! the same clock. All programs and the browser share the machine.

use std::{
    collections::BTreeMap,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use gemba_domain::{
    Interval, Timestamp,
    signal::{SignalKind, SignalRole, Value},
};
use serde::Deserialize;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::{Child, Command},
};

use crate::rig::{Frame, LinePlan, PlantPlan, Programs, Rig, Sender, Session, SignalPlan, UnitPlan, now_micros};

const LINES: u32 = 100;
const UNITS_A_LINE: u32 = 10;
const UNITS: u32 = LINES * UNITS_A_LINE;
const EVERY: Duration = Duration::from_millis(100);
/// Every unit's counter moves so often.
const COUNT_SECONDS: u32 = 4;
/// Prime to the number of units: all get their turn, neighbours apart.
const STRIDE: u32 = 617;

/// What was seen.
pub(super) struct Pixels {
    /// From the sending to the drawn frame, milliseconds, sorted.
    pub latencies: Vec<f64>,
    /// Changes that were never drawn.
    pub missing: usize,
    /// Longest time in which the page did not answer, milliseconds.
    pub longest_task: f64,
}

/// What the script in the browser tells: by the unit's path, when frames with another state were drawn (microseconds).
#[derive(Deserialize)]
struct Drawn {
    changes: BTreeMap<String, Vec<(f64, String)>>,
    longest_task_ms: f64,
}

/// Changes so many states a second for so long.
pub(super) async fn measure(changes_a_second: u32, length: Duration) -> Result<Pixels> {
    let unit = |number: u32| UnitPlan {
        code: format!("unit-{number}"),
        signals: vec![
            SignalPlan::role(SignalKind::State, SignalRole::Execution),
            SignalPlan::role(SignalKind::Counter, SignalRole::GoodCount),
        ],
    };
    let line = |number: u32| LinePlan { code: format!("line-{number}"), units: (0..UNITS_A_LINE).map(unit).collect() };
    let rig = Rig::start(Programs::find()?, &PlantPlan { lines: (0..LINES).map(line).collect() }).await?;
    let session = rig.sign_in().await?;
    session.until_known(&path(UNITS - 1)).await?;
    let identity = rig.enrol("bench").await?;
    let addresses = (0..UNITS).flat_map(|unit| {
        let path = path(unit);
        [(format!("{path}:execution"), SignalKind::State), (format!("{path}:good-count"), SignalKind::Counter)]
    });
    let sender = Sender::new(&rig.ingest_url(), &identity, addresses)?;
    sender.hello().await?;
    let mut load =
        Load { sender, covered: Timestamp::from_micros(now_micros()), batch: 0, next: 0, sent: BTreeMap::new() };
    load.begin().await?;
    let browser = Browser::open(&session).await?;
    // What the page does while it opens is another figure.
    load.run(0, Duration::from_secs(3)).await?;
    load.run(changes_a_second, length).await?;
    load.run(0, Duration::from_secs(2)).await?;
    let drawn = browser.close().await?;
    rig.stop().await?;
    compare(&load.sent, &drawn)
}

fn path(unit: u32) -> String {
    PlantPlan::path(&format!("line-{}", unit / UNITS_A_LINE), &format!("unit-{}", unit % UNITS_A_LINE))
}

/// Pairs what was sent with what was drawn: each unit's changes are apart by seconds and stay in order.
fn compare(sent: &BTreeMap<u32, Vec<(i64, &'static str)>>, drawn: &Drawn) -> Result<Pixels> {
    let (mut latencies, mut missing) = (Vec::new(), 0);
    for (unit, changes) in sent {
        let mut frames = drawn.changes.get(&path(*unit)).into_iter().flatten().peekable();
        for (at, state) in changes {
            // A frame from before belongs to no change that is counted.
            while frames.peek().is_some_and(|(drawn, _)| *drawn < *at as f64) {
                frames.next();
            }
            match frames.next_if(|(_, shown)| shown == state) {
                Some((drawn, _)) => latencies.push((drawn - *at as f64) / 1e3),
                None => missing += 1,
            }
        }
    }
    ensure!(!latencies.is_empty(), "the browser drew no change");
    latencies.sort_by(f64::total_cmp);
    Ok(Pixels { latencies, missing, longest_task: drawn.longest_task_ms })
}

/// A plant that works: counters move, states change.
struct Load {
    sender: Sender,
    covered: Timestamp,
    batch: u32,
    /// Changes of state so far.
    next: u32,
    /// When each unit was sent which state.
    sent: BTreeMap<u32, Vec<(i64, &'static str)>>,
}

impl Load {
    /// Every unit begins to produce.
    async fn begin(&mut self) -> Result<()> {
        let now = now_micros();
        let samples = (0..UNITS)
            .flat_map(|unit| {
                [(2 * unit, now - 2, Value::Text("ACTIVE".into())), (2 * unit + 1, now - 1, Value::Number(0.0))]
            })
            .collect();
        self.send(now, samples).await
    }

    async fn send(&mut self, now: i64, samples: Vec<(u32, i64, Value)>) -> Result<()> {
        let covered = Interval::new(self.covered, Timestamp::from_micros(now));
        self.covered = covered.to;
        let frame = self.sender.number(&Frame { covered, samples });
        self.sender.send(&[frame]).await?;
        Ok(())
    }

    async fn run(&mut self, changes_a_second: u32, length: Duration) -> Result<()> {
        let batches_a_second = 1000 / EVERY.as_millis() as u32;
        let mut tick = tokio::time::interval(EVERY);
        let begun = Instant::now();
        let mut done = 0;
        while begun.elapsed() < length {
            tick.tick().await;
            let (now, turn) = (now_micros(), self.batch % (COUNT_SECONDS * batches_a_second));
            let pieces = f64::from(self.batch / (COUNT_SECONDS * batches_a_second) + 1);
            let mut samples: Vec<(u32, i64, Value)> = (0..UNITS)
                .filter(|unit| unit % (COUNT_SECONDS * batches_a_second) == turn)
                .map(|unit| (2 * unit + 1, now - 1, Value::Number(pieces)))
                .collect();
            let due = (begun.elapsed().as_secs_f64() * f64::from(changes_a_second)) as u32;
            for _ in done..due {
                let unit = self.next * STRIDE % UNITS;
                self.next += 1;
                let before = self.sent.entry(unit).or_default();
                let (word, state) =
                    if before.len().is_multiple_of(2) { ("FEED_HOLD", "stopped") } else { ("ACTIVE", "producing") };
                before.push((now, state));
                samples.push((2 * unit, now - 1, Value::Text(word.into())));
            }
            done = due;
            self.batch += 1;
            self.send(now, samples).await?;
        }
        Ok(())
    }
}

/// Chromium on the overview, watched by a script.
struct Browser(Child);

impl Browser {
    async fn open(session: &Session) -> Result<Self> {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../end2end");
        let mut node = Command::new("node")
            .args(["bench/pixel.mjs", &session.url, &session.cookie, &UNITS.to_string()])
            .current_dir(&directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("node could not be started")?;
        let mut lines = BufReader::new(node.stdout.as_mut().context("no output")?).lines();
        match lines.next_line().await? {
            Some(line) if line == "ready" => Ok(Self(node)),
            other => bail!("the browser did not come up: {other:?}"),
        }
    }

    async fn close(mut self) -> Result<Drawn> {
        drop(self.0.stdin.take());
        let mut text = String::new();
        self.0.stdout.take().context("no output")?.read_to_string(&mut text).await?;
        self.0.wait().await?;
        serde_json::from_str(&text).context("the browser's report could not be read")
    }
}
