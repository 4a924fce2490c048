use gemba_contract::{
    batch::{BatchBuilder, encode_frame},
    collector::{CollectorView, GapCause},
};
use gemba_domain::{Timestamp, collector::Condition};
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
    let service = super::Service::new(rig.app.pool.clone(), rig.app.ingest.rates().clone());
    let mut all = service.all(now).await.expect("answers").collectors;
    assert_eq!(all.len(), 1);
    all.remove(0)
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
