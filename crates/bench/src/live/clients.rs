//! Many browsers in one process. While figures are taken each of them only notes when which message came; what the
//! messages say is looked at afterwards.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use futures::{SinkExt, StreamExt, TryStreamExt, stream};
use gemba_contract::{
    live::{ServerMessage, SignalDelta, Snapshot},
    overview::SiteOverview,
};
use gemba_domain::equipment::EquipmentId;
use tokio::{sync::watch, task::JoinHandle};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::load::SentLoad;
use crate::rig::{Session, connect, now_micros, subscribe};

/// Messages each browser keeps: enough to hold the last value of every signal.
const KEPT: usize = 64;
/// Connections opened at a time.
const OPENING: usize = 32;

/// What the browsers look at.
#[derive(Clone, Debug)]
pub(super) enum Watched {
    Unit { path: String, signals: usize },
    Overview { units: usize },
}

impl Watched {
    fn topic(&self) -> String {
        match self {
            Self::Unit { path, .. } => format!("unit/{path}"),
            Self::Overview { .. } => "overview".to_owned(),
        }
    }
}

pub(super) struct Clients {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<Result<Notes>>>,
    names: Names,
}

/// Which equipment or signal is the how-manyeth.
#[derive(Debug, Default)]
struct Names {
    signals: HashMap<i32, u32>,
    units: HashMap<EquipmentId, u32>,
}

/// What one browser noted.
#[derive(Default)]
struct Notes {
    /// Number of the message, microseconds of its arrival.
    arrivals: Vec<(u64, i64)>,
    kept: VecDeque<Utf8Bytes>,
    /// All deltas, in the first browser.
    all: Vec<Utf8Bytes>,
    bytes: u64,
    snapshots: usize,
}

/// What all of them saw.
pub(super) struct SeenByAll {
    pub latencies_ms: Vec<f64>,
    pub stale: usize,
    pub bytes: u64,
    pub snapshots_again: usize,
}

impl Clients {
    /// Opens them; each has its snapshot when this returns.
    pub async fn open(session: &Session, watched: &Watched, count: usize) -> Result<Self> {
        let (stop, stopped) = watch::channel(false);
        let topic = watched.topic();
        let opened: Vec<_> = stream::iter(0..count)
            .map(|number| one(session, topic.clone(), number == 0, stopped.clone()))
            .buffer_unordered(OPENING)
            .try_collect()
            .await?;
        let (mut tasks, mut snapshot) = (Vec::with_capacity(count), None);
        for (task, first) in opened {
            tasks.push(task);
            snapshot = Some(first);
        }
        let names = Names::of(&snapshot.context("no browsers")?, watched)?;
        Ok(Self { stop, tasks, names })
    }

    pub fn count(&self) -> usize {
        self.tasks.len()
    }

    /// Closes them and looks at what they noted.
    pub async fn close(self, sent: &SentLoad) -> Result<SeenByAll> {
        self.stop.send_replace(true);
        let mut all = Vec::with_capacity(self.tasks.len());
        for task in self.tasks {
            all.push(task.await??);
        }
        let sending = all.iter().find(|notes| !notes.all.is_empty()).context("no delta was received")?;
        let sending = moments_of_sending(&sending.all)?;
        let latency = |(seq, arrival): &(u64, i64)| {
            let sent = sending.get(seq).copied().flatten()?;
            Some((arrival - sent) as f64 / 1000.0)
        };
        let mut stale = 0;
        for notes in &all {
            stale += self.names.stale(&notes.kept, &sent.last)?;
        }
        Ok(SeenByAll {
            latencies_ms: all.iter().flat_map(|notes| notes.arrivals.iter().filter_map(latency)).collect(),
            stale,
            bytes: all.iter().map(|notes| notes.bytes).sum(),
            snapshots_again: all.iter().filter(|notes| notes.snapshots > 0).count(),
        })
    }
}

/// Connects one browser and reads its snapshot; then a task notes what comes.
async fn one(
    session: &Session,
    topic: String,
    keeps_all: bool,
    mut stopped: watch::Receiver<bool>,
) -> Result<(JoinHandle<Result<Notes>>, ServerMessage)> {
    let mut socket = connect(session).await?;
    socket.send(subscribe(&topic)?).await?;
    let snapshot = loop {
        match socket.next().await.context("closed before the snapshot")?? {
            Message::Text(text) => break serde_json::from_str::<ServerMessage>(&text)?,
            Message::Close(_) => bail!("closed before the snapshot"),
            _ => {}
        }
    };
    let task = tokio::spawn(async move {
        let mut notes = Notes::default();
        loop {
            let message = tokio::select! {
                message = socket.next() => message.context("the server closed the connection")??,
                _ = stopped.changed() => break,
            };
            let Message::Text(text) = message else { continue };
            let arrival = now_micros();
            notes.bytes += text.len() as u64;
            match number(&text) {
                Some(seq) => notes.arrivals.push((seq, arrival)),
                None if text.starts_with(r#"{"type":"snapshot""#) => notes.snapshots += 1,
                None => continue,
            }
            if keeps_all {
                notes.all.push(text.clone());
            }
            notes.kept.push_back(text);
            if notes.kept.len() > KEPT {
                notes.kept.pop_front();
            }
        }
        tokio::time::timeout(Duration::from_secs(1), socket.close(None)).await.ok();
        Ok(notes)
    });
    Ok((task, snapshot))
}

/// The number of a delta, without reading it whole.
fn number(text: &str) -> Option<u64> {
    let rest = text.strip_prefix(r#"{"type":"delta","topic":""#)?;
    let (_, rest) = rest.split_once(r#"","seq":"#)?;
    let end = rest.find(|c: char| !c.is_ascii_digit())?;
    rest[..end].parse().ok()
}

/// When the oldest change in each message was sent; `None` for messages without one.
fn moments_of_sending(deltas: &[Utf8Bytes]) -> Result<HashMap<u64, Option<i64>>> {
    let (mut moments, mut newest) = (HashMap::new(), 0);
    for text in deltas {
        let ServerMessage::Delta { seq, tiles, signals, .. } = serde_json::from_str(text)? else { continue };
        let values = signals.iter().filter_map(sent_at);
        let counts = tiles.iter().filter_map(|tile| tile.now.last_sample.map(|time| time.micros()));
        // Figures move with time alone, too: only what was not seen before counts.
        let fresh: Vec<i64> = values.chain(counts).filter(|sent| *sent > newest).collect();
        newest = fresh.iter().copied().fold(newest, i64::max);
        moments.insert(seq, fresh.into_iter().min());
    }
    Ok(moments)
}

/// A measure's value is the moment at which it was sent; counters are small.
fn sent_at(delta: &SignalDelta) -> Option<i64> {
    delta.2.number().filter(|number| *number > 1e15).map(|number| number as i64)
}

impl Names {
    fn of(snapshot: &ServerMessage, watched: &Watched) -> Result<Self> {
        let ServerMessage::Snapshot { data, .. } = snapshot else { bail!("no snapshot: {snapshot:?}") };
        let mut names = Self::default();
        let last_number = |text: &str| text.rsplit_once('-').and_then(|(_, number)| number.parse::<u32>().ok());
        let expected = match (&**data, watched) {
            (Snapshot::Unit(unit), Watched::Unit { signals, .. }) => {
                for signal in unit.signals.iter().filter(|signal| signal.code.starts_with("measure-")) {
                    names.signals.insert(signal.id.0, last_number(&signal.code).context("no number")?);
                }
                names.signals.len() == *signals
            }
            (Snapshot::Overview(overview), Watched::Overview { units }) => {
                let lines = overview.sites.iter().flat_map(SiteOverview::lines);
                for tile in lines.flat_map(|line| &line.units) {
                    names.units.insert(tile.id, last_number(&tile.path.to_string()).context("no number")?);
                }
                names.units.len() == *units
            }
            _ => false,
        };
        if !expected {
            bail!("the snapshot does not show what the plant has");
        }
        Ok(names)
    }

    /// How many of the last values are not those that were sent last.
    fn stale(&self, kept: &VecDeque<Utf8Bytes>, last: &BTreeMap<u32, i64>) -> Result<usize> {
        let mut shown: HashMap<u32, i64> = HashMap::new();
        for text in kept {
            match serde_json::from_str(text)? {
                ServerMessage::Delta { signals, tiles, .. } => {
                    let of_signal = |delta: &SignalDelta| Some((*self.signals.get(&delta.0.0)?, sent_at(delta)?));
                    shown.extend(signals.iter().filter_map(of_signal));
                    let of_unit = |id, time: Option<i64>| Some((*self.units.get(&id)?, time?));
                    let time = |tile: &gemba_contract::live::TileDelta| tile.now.last_sample.map(|time| time.micros());
                    shown.extend(tiles.iter().filter_map(|tile| of_unit(tile.id, time(tile))));
                }
                ServerMessage::Snapshot { data, .. } => match *data {
                    Snapshot::Unit(unit) => {
                        let latest = |signal: &gemba_contract::signal::SignalView| {
                            let value = signal.latest.as_ref()?.value.number()?;
                            Some((*self.signals.get(&signal.id.0)?, value as i64))
                        };
                        shown.extend(unit.signals.iter().filter_map(latest));
                    }
                    Snapshot::Overview(overview) => {
                        let tiles = overview.sites.iter().flat_map(SiteOverview::lines).flat_map(|line| &line.units);
                        let newest = |tile: &gemba_contract::overview::Tile| {
                            Some((*self.units.get(&tile.id)?, tile.now.last_sample?.micros()))
                        };
                        shown.extend(tiles.filter_map(newest));
                    }
                },
                _ => {}
            }
        }
        Ok(last.iter().filter(|(name, sent)| shown.get(name) != Some(sent)).count())
    }
}

#[cfg(test)]
mod tests {
    use gemba_contract::live::ServerMessage;
    use gemba_domain::Timestamp;

    use super::number;

    #[test]
    fn a_delta_tells_its_number() -> Result<(), serde_json::Error> {
        let delta = ServerMessage::Delta {
            topic: "unit/a/b/c/d/e".to_owned(),
            seq: 4711,
            at: Timestamp::from_seconds(1),
            tiles: Vec::new(),
            totals: Vec::new(),
            signals: Vec::new(),
            elements: None,
        };
        assert_eq!(number(&serde_json::to_string(&delta)?), Some(4711));
        let heartbeat = ServerMessage::Heartbeat { at: Timestamp::from_seconds(1) };
        assert_eq!(number(&serde_json::to_string(&heartbeat)?), None);
        Ok(())
    }
}
