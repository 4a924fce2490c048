use gemba_contract::{
    batch::{BatchBuilder, encode_frame},
    collector::CollectorView,
};
use gemba_domain::{
    Timestamp,
    collector::{Condition, GapCause},
};
use sqlx::PgPool;

use crate::{clock, ingest::tests::Rig};

const EPOCH: u64 = 1_800_000_000_000_000;

/// A batch of one reading that covers these seconds before now.
fn batch(seq: u64, from: i64, to: i64) -> Vec<u8> {
    let ago = |seconds: i64| clock::now().plus_seconds(-seconds);
    let mut builder = BatchBuilder::new();
    builder.push_number(0, ago(to).micros(), 1.0);
    encode_frame(EPOCH, seq, ago(from), ago(to), &builder.finish())
}

async fn only(rig: &Rig, now: Timestamp) -> CollectorView {
    // A service of its own each time: answers are kept for a second.
    let app = &rig.app;
    let rates = app.ingest.rates().clone();
    let service = super::Service::new(app.pool.clone(), app.plant.clone(), app.historian.clone(), rates);
    let all = service.all(now).await.expect("answers");
    assert_eq!(all.collectors.len(), 1);
    let brief = service.conditions(now).await.expect("answers").collectors.remove(0);
    let view = all.collectors[0].clone();
    assert_eq!((brief.name.as_str(), brief.condition, brief.units), (view.name.as_str(), view.condition, view.units));
    view
}

#[sqlx::test(migrations = "../migrations")]
async fn a_collector_is_told_as_it_is_heard(pool: PgPool) {
    let rig = Rig::new(pool).await;
    assert_eq!(only(&rig, clock::now()).await.condition, Condition::NeverHeard);

    rig.hello(EPOCH, &["temp", "no-such-signal"]).await.expect("welcome");
    rig.send(batch(1, 100, 60)).await.expect("stored");
    rig.send(batch(2, 40, 1)).await.expect("stored");
    let view = only(&rig, clock::now()).await;
    assert_eq!(view.condition, Condition::Flowing);
    assert_eq!((view.signals, view.units, view.unknown_total), (1, 1, 1));
    assert!(view.unknown[0].ends_with(":no-such-signal"), "{:?}", view.unknown);
    assert!(view.lag_seconds.is_some_and(|lag| (1.0..5.0).contains(&lag)), "{:?}", view.lag_seconds);
    // Nobody watched from 60 to 40 seconds ago.
    let gap = &view.gaps[0];
    assert_eq!((view.gaps.len(), gap.cause), (1, GapCause::NotWatched));
    let length = gap.to.expect("ended").seconds_since(gap.from);
    assert!((19.0..21.0).contains(&length), "{length}");
    let minute = only(&rig, clock::now().plus_seconds(5)).await;
    assert!(minute.samples_per_second > 0.0);

    let later = only(&rig, clock::now().plus_seconds(60)).await;
    assert_eq!(later.condition, Condition::Silent);
    assert_eq!((later.gaps[0].cause, later.gaps[0].to), (GapCause::NotArrived, None));
}

#[sqlx::test(migrations = "../migrations")]
async fn a_stretch_that_comes_in_later_closes_its_gap(pool: PgPool) {
    let rig = Rig::new(pool).await;
    rig.hello(EPOCH, &["temp"]).await.expect("welcome");
    for (seq, from, to) in [(1, 100, 80), (2, 20, 1), (3, 81, 19)] {
        rig.send(batch(seq, from, to)).await.expect("stored");
    }
    assert_eq!(only(&rig, clock::now()).await.gaps, []);
}

#[sqlx::test(migrations = "../migrations")]
async fn the_ledger_accounts_for_every_moment_of_a_signal(pool: PgPool) {
    let rig = Rig::new(pool).await;
    rig.hello(EPOCH, &["temp"]).await.expect("welcome");
    let now = clock::now();
    let ago = |seconds: i64| now.plus_seconds(-seconds);
    let mut builder = BatchBuilder::new();
    builder.push_number(0, ago(95).micros(), 1.0);
    builder.push_unavailable(0, ago(80).micros());
    builder.push_number(0, ago(70).micros(), 2.0);
    let first = encode_frame(EPOCH, 1, ago(100), ago(60), &builder.finish());
    let second = encode_frame(EPOCH, 2, ago(40), ago(10), &BatchBuilder::new().finish());
    rig.send([first, second].concat()).await.expect("stored");

    let unit = crate::ingest::tests::UNIT.parse().expect("a path");
    let gaps = rig.app.collectors.gaps(&unit, (Some(ago(120)), Some(now)), now).await.expect("answers");
    let temp = gaps.signals.iter().find(|signal| signal.code == "temp").expect("known");
    let found: Vec<_> = temp
        .gaps
        .iter()
        .map(|gap| (now.seconds_since(gap.from), now.seconds_since(gap.to), gap.cause.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            (120.0, 100.0, "not_watched"),
            (100.0, 95.0, "nothing_said"),
            (80.0, 70.0, "source_lost"),
            (60.0, 40.0, "not_watched"),
            (10.0, 0.0, "not_arrived"),
        ]
    );
    assert!((temp.known_share - 55.0 / 120.0).abs() < 1e-9, "{}", temp.known_share);
    assert_eq!(temp.collectors, ["edge"]);
    // Signals that nobody ever delivered come first: nothing is known of them.
    assert!(gaps.signals.len() > 1 && gaps.signals[0].known_share == 0.0);
}
