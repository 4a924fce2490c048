//! States and reasons from signals that have no role: live, from the samples, and as they are stored.

use std::time::Duration;

use gemba_contract::{
    batch::{BatchBuilder, encode_frame},
    reason::{ReasonRule, ReasonRules, TryRule},
    rule::{StateRule, StateRules, TryStateRules},
};
use gemba_domain::{Interval, Timestamp, equipment::EquipmentId, reason::GivenBy, state::UnitState};
use sqlx::PgPool;
use tokio::task::JoinHandle;

use crate::{
    clock,
    ingest::tests::{EPOCH, PLANT, Rig, UNIT},
};

/// A press of which only a load and an alarm are known, beside what it counts.
const MEASURES: &str = r#"signal = [
  { code = "load", kind = "measure", uom = "kN" },
  { code = "alarm", kind = "text" },
  { code = "good", kind = "counter", role = "good_count" },
  { code = "order", kind = "text", role = "order" },
]
"#;

struct Press {
    rig: Rig,
    jobs: Vec<JoinHandle<()>>,
    seq: u64,
}

impl Press {
    async fn new(pool: PgPool, signals: Option<&str>) -> Self {
        let (head, _) = PLANT.split_once("signal = [").expect("signals");
        let plant = signals.map_or_else(|| PLANT.to_owned(), |signals| format!("{head}{signals}"));
        let rig = Rig::of(pool, &plant).await;
        let jobs = rig.app.start();
        Self { rig, jobs, seq: 0 }
    }

    fn at(&self, second: i64) -> Timestamp {
        self.rig.begin.plus_seconds(second)
    }

    fn period(&self, from: i64, to: i64) -> Interval {
        Interval::new(self.at(from), self.at(to))
    }

    fn unit(&self) -> EquipmentId {
        self.rig.app.plant.current().unit(&UNIT.parse().expect("path")).expect("known").unit.id
    }

    /// What the signals said, by their place in the hello, and when it was watched.
    async fn send(&mut self, (from, to): (i64, i64), said: &[(u32, i64, &str)]) {
        let mut builder = BatchBuilder::new();
        for (signal, second, value) in said {
            let time = self.at(*second).micros();
            match value.parse::<f64>() {
                Ok(number) => builder.push_number(*signal, time, number),
                Err(_) => builder.push_text(*signal, time, value),
            }
        }
        self.seq += 1;
        let frame = encode_frame(EPOCH, self.seq, self.at(from), self.at(to), &builder.finish());
        self.rig.send(frame).await.expect("taken");
    }

    /// Stores facts; again where the server's own round does so at the same moment.
    async fn save(&self) {
        for _ in 0..100 {
            if self.rig.app.oee.save(clock::now()).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("not stored after 2 s");
    }

    async fn put(&self, rules: &[(&str, UnitState)]) {
        self.rig.app.rules.put_rules(&state_rules(rules), "max", clock::now()).await.expect("taken");
    }

    /// Facts of a period as memory has them, once they are those that the samples make.
    async fn agreed(&self, period: Interval) -> Vec<(i64, UnitState, String)> {
        let mut last = None;
        for _ in 0..500 {
            let live = self.rig.app.oee.facts(self.unit(), period, clock::now()).await.expect("facts");
            let made = self.rig.app.oee.made(self.unit(), period).await.expect("facts");
            if live.period == period && live.accounted == made.accounted && live.counts == made.counts {
                let second = |time: Timestamp| time.micros_since(self.rig.begin) / 1_000_000;
                let states = live.accounted.states.into_iter();
                return states
                    .map(|s| (second(s.interval.from), s.state, s.cause.unwrap_or_default().to_string()))
                    .collect();
            }
            last = Some((live, made));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("memory and samples do not agree: {last:#?}");
    }

    /// The same, once `holds` is true of it.
    async fn until(
        &self,
        period: Interval,
        holds: impl Fn(&[(i64, UnitState, String)]) -> bool,
    ) -> Vec<(i64, UnitState, String)> {
        for _ in 0..500 {
            let states = self.agreed(period).await;
            if holds(&states) {
                return states;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("not so after 10 s: {:#?}", self.agreed(period).await);
    }

    async fn end(self) {
        self.rig.app.shutdown.cancel();
        for job in self.jobs {
            job.await.expect("ends");
        }
    }
}

fn state_rules(rules: &[(&str, UnitState)]) -> StateRules {
    let rule = |(position, (condition, state)): (usize, &(&str, UnitState))| StateRule {
        name: format!("r{position}"),
        scope: UNIT.to_owned(),
        condition: (*condition).to_owned(),
        state: *state,
    };
    StateRules { rules: rules.iter().enumerate().map(rule).collect() }
}

/// Begin in seconds and state.
fn short(states: &[(i64, UnitState, String)]) -> Vec<(i64, UnitState)> {
    states.iter().map(|(from, state, _)| (*from, *state)).collect()
}

#[sqlx::test(migrations = "../migrations")]
async fn a_unit_of_measures_alone_gets_its_states_by_rules(pool: PgPool) {
    use UnitState::{Producing, Stopped, Unknown};
    let mut press = Press::new(pool.clone(), Some(MEASURES)).await;
    press.rig.hello(EPOCH, &["load", "alarm", "good"]).await.expect("welcome");
    let load =
        [(0, 0, "7"), (0, 100, "1"), (0, 200, "8"), (0, 400, "UNAVAILABLE"), (0, 450, "9"), (1, 150, "E12 door")];
    press.send((0, 500), &load).await;
    let counts = [(2, 10, "0"), (2, 20, "5"), (2, 90, "40"), (2, 210, "41")];
    press.send((500, 600), &counts).await;
    let period = press.period(0, 600);
    assert_eq!(short(&press.agreed(period).await), [(0, Unknown)], "no rule yet");

    let app = &press.rig.app;
    let now = clock::now();
    let rules = [("load > 5", Producing), ("load <= 5", Stopped)];
    let trial = TryStateRules { rules: state_rules(&rules).rules, from: press.at(0), to: press.at(600) };
    let tried = app.rules.try_rules(&trial, now).await.expect("tried");
    assert_eq!((tried.changed, tried.micros, tried.units.len()), (4, 550_000_000, 1));
    let first = &tried.examples[0];
    assert_eq!((first.from, first.to, first.before, first.after), (press.at(0), press.at(100), Unknown, Producing));
    assert_eq!(short(&press.agreed(period).await), [(0, Unknown)], "a trial changes nothing");

    press.put(&rules).await;
    let expected = [(0, Producing), (100, Stopped), (200, Producing), (400, Unknown), (450, Producing)];
    let states = press.until(period, |states| short(states) == expected).await;
    assert_eq!((states[1].2.as_str(), states[3].2.as_str()), ("rule: r1", "NO DATA"));
    let tile = app.overview.unit(&UNIT.parse().expect("path"), clock::now()).expect("known").tile.now;
    assert_eq!((tile.state, tile.since), (Producing, press.at(450)));
    let facts = app.oee.facts(press.unit(), period, clock::now()).await.expect("facts");
    let elements = facts.elements();
    assert_eq!((elements.apt, elements.pq), (450_000_000, 41.0), "pieces are counted as before");

    // What is stored says the same, and so does a late sample once it is known.
    let stored = || async {
        press.save().await;
        let known = "select state, sum(extract(epoch from interval_to - interval_from))::bigint from state_interval
                     where state <> 'unknown' group by state order by state";
        sqlx::query_as::<_, (String, i64)>(known).fetch_all(&pool).await.expect("reads")
    };
    let expected = [("producing".to_owned(), 450), ("stopped".to_owned(), 100)];
    for _ in 0..500 {
        if stored().await == expected {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(stored().await, expected);
    press.send((600, 601), &[(0, 50, "2"), (0, 60, "6")]).await;
    press.until(period, |states| short(states)[..3] == [(0, Producing), (50, Stopped), (60, Producing)]).await;

    // Rules come and go, each time with the name of who changed them.
    press.put(&[("load > 5 for 10 s", Producing), ("alarm contains \"E12\" and load < 5", UnitState::Blocked)]).await;
    let expected =
        [(0, Unknown), (10, Producing), (50, Unknown), (70, Producing), (100, Unknown), (150, UnitState::Blocked)];
    press.until(period, |states| short(states).starts_with(&expected)).await;
    press.put(&[]).await;
    press.until(period, |states| short(states) == [(0, Unknown)]).await;
    let audited = "select actor from audit_entry where action = 'state_rules.put'";
    let audited = sqlx::query_scalar::<_, Option<String>>(audited).fetch_all(&pool).await.expect("reads");
    assert_eq!(audited, vec![Some("max".to_owned()); 3]);
    press.end().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn rules_that_make_no_sense_are_refused_by_name(pool: PgPool) {
    let press = Press::new(pool, Some(MEASURES)).await;
    let refused = |condition: &str, scope: &str| {
        let mut rules = state_rules(&[(condition, UnitState::Stopped)]);
        rules.rules[0].scope = scope.to_owned();
        let app = press.rig.app.clone();
        async move { app.rules.put_rules(&rules, "max", clock::now()).await.expect_err("refused").to_string() }
    };
    let near = refused("laod > 5", "acme/leeds/").await;
    assert_eq!(near, "rule 1: no unit at or below `acme/leeds` has a signal `laod`; did you mean `load`?");
    assert!(refused("load > 5", "acme/lyon").await.contains("no unit at or below `acme/lyon`"));
    assert!(refused("load > 5 for 2 h", "").await.contains("an hour at most"));
    assert!(refused("lasts > 5 s", "").await.contains("known only after the states are made"));
    assert!(refused("load >", "").await.contains("number"));
    press.end().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn memory_and_samples_agree_however_batches_come(pool: PgPool) {
    use UnitState::{Blocked, Idle, Producing, Setup, Stopped};
    let signals = MEASURES.replace("]\n", "  { code = \"execution\", kind = \"state\", role = \"execution\" },\n]\n");
    let mut press = Press::new(pool, Some(&signals)).await;
    press.rig.hello(EPOCH, &["load", "alarm", "good", "order", "execution"]).await.expect("welcome");
    press
        .put(&[
            ("load > 5 for 20 s and state is not stopped", Producing),
            ("alarm like \"E*\" and cause = \"FEED_HOLD\" for 15 s", Blocked),
            ("order = \"PO-1\" and load < 2", Setup),
            ("state is unknown for 30 s and load is not unavailable", Idle),
            ("state in (stopped, idle) for 12 s", UnitState::Maintenance),
            ("execution = \"READY\" and not load > 5", Stopped),
        ])
        .await;
    let reasons =
        [("alarm contains \"E2\"", "jam"), ("load < 4 for 10 s", "cleaning"), ("lasts > 1 min", "no-material")];
    let rule = |(condition, reason): &(&str, &str)| ReasonRule {
        name: (*condition).to_owned(),
        scope: String::new(),
        condition: (*condition).to_owned(),
        reason: (*reason).to_owned(),
    };
    let reasons = ReasonRules { rules: reasons.iter().map(rule).collect() };
    press.rig.app.reasons.put_rules(&reasons, "max", clock::now()).await.expect("taken");

    let mut seed = 7_u64;
    let mut random = move |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let (mut said, mut pieces) = (Vec::new(), 0);
    for second in 0..590_i64 {
        match random(20) {
            0 => said.push((0, second, random(10).to_string())),
            1 => said.push((1, second, ["E1", "E2 jam", "ok", "UNAVAILABLE"][random(4) as usize].to_owned())),
            2 => said.push((3, second, ["PO-1", "PO-2", " "][random(3) as usize].to_owned())),
            3 => {
                let words = ["ACTIVE", "READY", "FEED_HOLD", "UNAVAILABLE", "STOPPED"];
                said.push((4, second, words[random(5) as usize].to_owned()));
            }
            4..8 => {
                pieces += random(3);
                said.push((2, second, pieces.to_string()));
            }
            _ => {}
        }
    }
    // Five minutes in any order, then one piece after the other; some time is never watched.
    let mut parts: Vec<(i64, i64)> = (0..10).map(|part| (part * 30, part * 30 + 30)).collect();
    for at in (1..parts.len()).rev() {
        parts.swap(at, random(at as u64 + 1) as usize);
    }
    parts.extend((60..118).map(|part| (part * 5, part * 5 + 5)));
    let period = press.period(0, 590);
    for (round, (from, to)) in parts.into_iter().enumerate() {
        let within = said.iter().filter(|(_, second, _)| (from..to).contains(second));
        let within: Vec<(u32, i64, &str)> =
            within.map(|(signal, second, value)| (*signal, *second, &**value)).collect();
        let watched = if [120, 450].contains(&from) { (from, from + 1) } else { (from, to) };
        press.send(watched, &within).await;
        if round % 4 == 3 {
            press.agreed(period).await;
        }
    }
    let states = press.agreed(period).await;
    let ruled: std::collections::BTreeSet<&str> =
        states.iter().map(|(_, _, cause)| cause.as_str()).filter(|cause| cause.starts_with("rule: ")).collect();
    assert!(ruled.len() >= 4, "{states:?}");
    let facts = press.rig.app.oee.facts(press.unit(), period, clock::now()).await.expect("facts");
    assert!(facts.accounted.states.iter().any(|state| state.given_by == Some(GivenBy::Rule)), "{facts:#?}");

    // The same when the past is let go of, and when all is read again.
    press.save().await;
    press.rig.app.oee.board().open_at(press.unit(), press.at(300));
    let rest = press.period(300, 590);
    let trimmed = press.agreed(rest).await;
    press.rig.app.oee.load(press.unit(), clock::now()).await.expect("loads");
    assert_eq!(press.agreed(rest).await, trimmed);
    press.end().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn what_is_long_past_is_made_by_the_same_rules(pool: PgPool) {
    use UnitState::{Producing, Stopped};
    const DAYS: i64 = -3 * 86_400;
    let mut press = Press::new(pool.clone(), Some(MEASURES)).await;
    press.rig.hello(EPOCH, &["load", "alarm"]).await.expect("welcome");
    press.put(&[("load > 5 for 30 s", Producing), ("load <= 5", Stopped)]).await;
    press.send((DAYS, DAYS + 500), &[(0, DAYS, "7"), (0, DAYS + 100, "1"), (0, DAYS + 200, "9")]).await;
    let derive = || async {
        while press.rig.app.oee.derive_stale(clock::now()).await.expect("derives").is_some() {}
        let known = "select state, round(extract(epoch from interval_to - interval_from))::bigint from state_interval
                     where state <> 'unknown' order by interval_from";
        sqlx::query_as::<_, (String, i64)>(known).fetch_all(&pool).await.expect("reads")
    };
    let of = |state: &str, seconds: i64| (state.to_owned(), seconds);
    let merged = |rows: Vec<(String, i64)>| {
        // Cut at the hour, perhaps.
        let mut out: Vec<(String, i64)> = Vec::new();
        for (state, seconds) in rows {
            match out.last_mut() {
                Some(last) if last.0 == state => last.1 += seconds,
                _ => out.push((state, seconds)),
            }
        }
        out
    };
    assert_eq!(merged(derive().await), [of("producing", 70), of("stopped", 100), of("producing", 270)]);
    // A late value of a signal without a role.
    press.seq += 1;
    let mut builder = BatchBuilder::new();
    builder.push_number(0, press.at(DAYS + 150).micros(), 8.0);
    let frame = encode_frame(EPOCH, press.seq, press.at(DAYS + 500), press.at(DAYS + 501), &builder.finish());
    press.rig.send(frame).await.expect("taken");
    assert_eq!(merged(derive().await), [of("producing", 70), of("stopped", 50), of("producing", 321)]);
    press.put(&[("load <= 5", Stopped)]).await;
    assert_eq!(merged(derive().await), [of("stopped", 50)]);
    press.end().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_reason_is_given_by_a_signal_without_a_role(pool: PgPool) {
    let mut press = Press::new(pool, None).await;
    press.rig.hello(EPOCH, &["execution", "temp"]).await.expect("welcome");
    let words =
        [(0, 0, "ACTIVE"), (0, 100, "FEED_HOLD"), (0, 200, "ACTIVE"), (0, 300, "FEED_HOLD"), (0, 400, "ACTIVE")];
    press.send((0, 500), &words).await;
    press.send((500, 600), &[(1, 0, "20"), (1, 90, "85"), (1, 210, "30")]).await;
    let period = press.period(0, 600);
    let rule = |condition: &str| ReasonRule {
        name: "Hot".to_owned(),
        scope: String::new(),
        condition: condition.to_owned(),
        reason: "jam".to_owned(),
    };
    let app = &press.rig.app;
    press.until(period, |states| states.len() == 5).await;
    let trial = TryRule { rule: rule("temp > 80 for 30 s"), from: press.at(0), to: press.at(600) };
    let tried = app.reasons.try_rule(&trial, clock::now()).await.expect("tried");
    assert_eq!((tried.changed, tried.examples[0].from), (1, press.at(100)));
    let rules = ReasonRules { rules: vec![rule("temp > 80 for 30 s")] };
    app.reasons.put_rules(&rules, "max", clock::now()).await.expect("taken");
    let reasons = || async {
        press.agreed(period).await;
        let facts = app.oee.facts(press.unit(), period, clock::now()).await.expect("facts");
        let given = facts.accounted.states.into_iter().filter(|state| state.reason.is_some());
        given.map(|state| state.interval.from).collect::<Vec<_>>()
    };
    for _ in 0..500 {
        if reasons().await == [press.at(100)] {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(reasons().await, [press.at(100)]);
    press.end().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_rule_that_holds_late_in_a_stop_explains_all_of_it(pool: PgPool) {
    const HOURS: i64 = -4 * 3600;
    let mut press = Press::new(pool.clone(), None).await;
    press.rig.hello(EPOCH, &["execution", "temp"]).await.expect("welcome");
    let rule = ReasonRule {
        name: "Hot".to_owned(),
        scope: UNIT.to_owned(),
        condition: "temp > 80".to_owned(),
        reason: "jam".to_owned(),
    };
    press.rig.app.reasons.put_rules(&ReasonRules { rules: vec![rule] }, "max", clock::now()).await.expect("taken");
    press.send((HOURS, HOURS + 7_200), &[(0, HOURS, "ACTIVE"), (0, HOURS + 60, "FEED_HOLD"), (1, HOURS, "20")]).await;
    press.agreed(press.period(HOURS, HOURS + 7_200)).await;
    let stored = || async {
        press.save().await;
        let of_reason = "select coalesce(sum(extract(epoch from interval_to - interval_from)), 0)::bigint
                         from state_interval where reason_id is not null";
        sqlx::query_scalar::<_, i64>(of_reason).fetch_one(&pool).await.expect("reads")
    };
    assert_eq!(stored().await, 0);
    let mut builder = BatchBuilder::new();
    builder.push_number(1, press.at(HOURS + 10_000).micros(), 90.0);
    builder.push_text(0, press.at(HOURS + 10_800).micros(), "ACTIVE");
    let frame = encode_frame(EPOCH, 2, press.at(HOURS + 7_200), press.at(HOURS + 11_000), &builder.finish());
    press.rig.send(frame).await.expect("taken");
    press.agreed(press.period(HOURS, HOURS + 11_000)).await;
    for _ in 0..500 {
        if stored().await == 10_740 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(stored().await, 10_740);
    press.end().await;
}
