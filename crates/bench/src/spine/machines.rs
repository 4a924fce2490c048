//! Machines that say value = f(signal, time), and a ledger of what they said.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::Result;
use gemba_domain::{
    Timestamp,
    signal::{SignalKind, SignalRole, Value},
};
use gemba_sim::agent::{Adapter, Agent, AgentHandle, Component, DataItem, Device, Devices, ObservationValue};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::{sync::watch, task::JoinHandle};

use crate::rig::{LinePlan, PlantPlan, SignalPlan, UnitPlan, now_micros};

const LINE: &str = "spine";
const UNITS: usize = 4;
const MEASURES: usize = 4;
const TICK: Duration = Duration::from_millis(50);
/// A machine makes a piece so often; slower than its ideal cycle.
const PIECE_MICROS: i64 = 3_500_000;

fn signals() -> Vec<SignalPlan> {
    let mut signals = vec![
        SignalPlan::role(SignalKind::State, SignalRole::Availability),
        SignalPlan::role(SignalKind::State, SignalRole::Execution),
        SignalPlan::role(SignalKind::State, SignalRole::ControllerMode),
        SignalPlan::role(SignalKind::Counter, SignalRole::GoodCount),
        SignalPlan::role(SignalKind::Counter, SignalRole::ScrapCount),
        SignalPlan::plain(SignalKind::Text, "program"),
    ];
    signals.extend((0..MEASURES).map(|n| SignalPlan::plain(SignalKind::Measure, format!("load-{n}"))));
    signals
}

fn device(unit: usize) -> String {
    format!("machine-{unit}")
}

/// The line of the plant that these machines are.
pub(super) fn line() -> LinePlan {
    let unit = |number| UnitPlan { code: device(number), signals: signals() };
    LinePlan { code: LINE.to_owned(), units: (0..UNITS).map(unit).collect() }
}

/// Device and path of each unit.
pub(super) fn units() -> Vec<(String, String)> {
    (0..UNITS).map(|unit| (device(unit), PlantPlan::path(LINE, &device(unit)))).collect()
}

fn item(unit: usize, signal: &SignalPlan) -> DataItem {
    let id = format!("{}-{}", device(unit), signal.code);
    match (signal.role, signal.kind) {
        (Some(SignalRole::Availability), _) => DataItem::event(id, "AVAILABILITY"),
        (Some(SignalRole::Execution), _) => DataItem::event(id, "EXECUTION"),
        (Some(SignalRole::ControllerMode), _) => DataItem::event(id, "CONTROLLER_MODE"),
        (Some(SignalRole::GoodCount), _) => DataItem::event(id, "PART_COUNT").sub_type("GOOD"),
        (Some(SignalRole::ScrapCount), _) => DataItem::event(id, "PART_COUNT").sub_type("BAD"),
        (_, SignalKind::Measure) => DataItem::sample(id, "LOAD", "PERCENT"),
        _ => DataItem::event(id, "PROGRAM"),
    }
}

/// What one signal said: microseconds and value.
pub(super) type Said = BTreeMap<i64, Value>;

/// What was said, by path of the unit and code of the signal.
pub(super) type Ledger = BTreeMap<(String, String), Said>;

/// The machines, behind one MTConnect agent.
pub(super) struct Machines {
    agent: AgentHandle,
    ledger: Arc<Mutex<Ledger>>,
    moving: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// A signal of a machine.
struct Talker {
    item: String,
    key: (String, String),
    plan: SignalPlan,
    number: u64,
}

impl Machines {
    /// They stand still.
    pub async fn start(seed: u64, rate: u32) -> Result<Self> {
        let devices = (0..UNITS).map(|unit| {
            let items = signals().iter().map(|signal| item(unit, signal)).collect::<Vec<_>>();
            let controller = Component::new("Controller", format!("{}-controller", device(unit)));
            Device::new(device(unit)).component(items.into_iter().fold(controller, Component::item))
        });
        let begin = now_micros();
        let agent = Agent::new(Devices::new(devices)).initial_time(Timestamp::from_micros(begin));
        let agent = agent.start("127.0.0.1:0").await?;
        let mut talkers = Vec::new();
        for (unit, (_, path)) in units().into_iter().enumerate() {
            for plan in signals() {
                let (item, key) = (item(unit, &plan).id, (path.clone(), plan.code.clone()));
                talkers.push(Talker { item, key, plan, number: talkers.len() as u64 });
            }
        }
        let first = talkers.iter().map(|talker| (talker.key.clone(), Said::from([(begin, Value::Unavailable)])));
        let ledger = Arc::new(Mutex::new(first.collect()));
        let (moving, moved) = watch::channel(false);
        let talk = Talk { seed, begin, rate, talkers, adapter: agent.adapter(), ledger: ledger.clone() };
        let task = tokio::spawn(talk.run(moved));
        Ok(Self { agent, ledger, moving, task })
    }

    /// The agent's root.
    pub fn url(&self) -> String {
        self.agent.url()
    }

    /// Lets them work, or stand still.
    pub fn work(&self, working: bool) {
        self.moving.send_replace(working);
    }

    /// What was said so far.
    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How much.
    pub fn observations(&self) -> usize {
        self.ledger().values().map(BTreeMap::len).sum()
    }

    pub async fn stop(self) {
        self.task.abort();
        self.agent.stop().await;
    }
}

struct Talk {
    seed: u64,
    begin: i64,
    rate: u32,
    talkers: Vec<Talker>,
    adapter: Adapter,
    ledger: Arc<Mutex<Ledger>>,
}

impl Talk {
    async fn run(self, mut moving: watch::Receiver<bool>) {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let a_tick = (f64::from(self.rate) * TICK.as_secs_f64()).ceil() as usize;
        let mut time = self.begin;
        loop {
            if moving.wait_for(|moving| *moving).await.is_err() {
                return;
            }
            tick.tick().await;
            // The ledger is held meanwhile: who stops the machines and reads it finds all that was said.
            let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
            if !*moving.borrow() {
                continue;
            }
            for _ in 0..a_tick {
                time = now_micros().max(time + 1);
                let talker = &self.talkers[random.random_range(0..self.talkers.len())];
                let value = self.value(talker, time);
                let observation = match &value {
                    Value::Number(number) => ObservationValue::from(*number),
                    Value::Text(text) => ObservationValue::Text(text.clone()),
                    Value::Unavailable => ObservationValue::Unavailable,
                };
                // What repeats the value in force is no observation.
                if let Ok(Some(_)) = self.adapter.push(&talker.item, Timestamp::from_micros(time), observation) {
                    ledger.entry(talker.key.clone()).or_default().insert(time, value);
                }
            }
        }
    }

    /// f(signal, time).
    fn value(&self, talker: &Talker, time: i64) -> Value {
        let chance = mix(self.seed ^ mix(talker.number.wrapping_mul(0x9E37_79B9) ^ time.unsigned_abs()));
        if chance.is_multiple_of(61) {
            return Value::Unavailable;
        }
        let of = |words: &[&str]| Value::Text(words[(chance >> 8) as usize % words.len()].into());
        let pieces = (time - self.begin) / PIECE_MICROS;
        match (talker.plan.role, talker.plan.kind) {
            (Some(SignalRole::Availability), _) => Value::Text("AVAILABLE".into()),
            (Some(SignalRole::Execution), _) => {
                of(&["ACTIVE", "ACTIVE", "ACTIVE", "READY", "INTERRUPTED", "FEED_HOLD", "STOPPED"])
            }
            (Some(SignalRole::ControllerMode), _) => of(&["AUTOMATIC", "AUTOMATIC", "AUTOMATIC", "MANUAL"]),
            (Some(SignalRole::GoodCount), _) => Value::Number((pieces - pieces / 10) as f64),
            (Some(SignalRole::ScrapCount), _) => Value::Number((pieces / 10) as f64),
            (_, SignalKind::Measure) => Value::Number((chance % 2_000_000) as f64 / 1000.0 - 500.0),
            _ => Value::Text(format!("PROGRAM {}", chance % 97).into()),
        }
    }
}

/// Spreads the bits (splitmix64).
fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}
