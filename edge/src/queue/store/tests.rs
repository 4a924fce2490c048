use std::path::Path;

use gemba_contract::{
    batch::{BatchBuilder, HEADER_LEN, frames},
    edge::LocalSignal,
};
use gemba_domain::signal::SignalKind;

use super::*;
use crate::queue::{BROKEN_DIRECTORY, QUEUE_FILE};

const T0: Timestamp = Timestamp::from_seconds(1_000_000);
const LIMITS: Limits = Limits { max_bytes: 1 << 30, max_age: Duration::from_secs(86_400) };

fn open(directory: &Path) -> Store {
    let opened = Store::open(directory, T0, false).unwrap();
    assert!(opened.set_aside.is_none(), "{:?}", opened.set_aside);
    opened.store
}

fn pending(signal: LocalSignal, n: i64) -> Pending {
    let mut builder = BatchBuilder::new();
    builder.push_number(signal, T0.micros() + n, n as f64);
    let (from, to) = (T0.plus_seconds(n), T0.plus_seconds(n + 1));
    let position = Position { instance: 7, next: n.unsigned_abs(), lost_at: None };
    let positions = BTreeMap::from([("agent".to_owned(), position)]);
    Pending { batch: builder.finish(), covered_from: from, covered_to: to, positions }
}

fn table(count: usize) -> SignalTable {
    let table = SignalTable::default();
    for n in 0..count {
        table.number(&OfferedSignal {
            address: format!("a/b/c/d/e:s{n}"),
            kind: SignalKind::Measure,
            uom: None,
            source: None,
        });
    }
    table
}

fn fill(store: &mut Store, count: i64) {
    let signals = table(1);
    for n in 0..count {
        store.append(&[pending(0, n)], None, &signals, LIMITS, T0.plus_seconds(n)).unwrap();
    }
}

fn values(frame: &StoredFrame) -> (u64, u64, Vec<f64>) {
    let frame = frames(&frame.bytes).next().unwrap().unwrap();
    let runs = frame.decode().unwrap();
    let numbers = runs.into_iter().flat_map(|(_, run)| match run.values {
        gemba_contract::batch::Values::Number(numbers) => numbers,
        _ => Vec::new(),
    });
    (frame.header.epoch, frame.header.seq, numbers.collect())
}

#[test]
fn numbers_signals_and_positions_survive_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path());
    let signals = table(2);
    store.append(&[pending(0, 1), pending(1, 2)], None, &signals, LIMITS, T0).unwrap();
    let status = store.status().clone();
    assert_eq!((status.first_seq, status.next_seq, status.batches, status.samples), (1, 3, 2, 2));
    assert_eq!(status.epoch, T0.micros().unsigned_abs());
    store.acknowledge(store.status().epoch, 1).unwrap();
    drop(store);
    let mut store = open(directory.path());
    store.append(&[pending(0, 3)], None, &signals, LIMITS, T0).unwrap();
    let taken = store.take(64, 1 << 22).unwrap();
    assert_eq!(taken.iter().map(|frame| frame.seq).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(values(&taken[1]), (T0.micros().unsigned_abs(), 3, vec![3.0]));
    assert_eq!(store.signals().unwrap(), signals.offered());
    assert_eq!(store.positions().unwrap()["agent"].next, 3);
    assert_eq!(store.covered_to(), Some(T0.plus_seconds(4)));
}

#[test]
fn numbering_goes_on_when_everything_was_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path());
    fill(&mut store, 3);
    store.acknowledge(store.status().epoch, 3).unwrap();
    assert_eq!((store.status().batches, store.status().bytes, store.status().samples), (0, 0, 0));
    fill(&mut store, 1);
    assert_eq!(store.take(1, 1).unwrap()[0].seq, 4);
}

#[test]
fn a_take_is_bounded_by_number_and_bytes_but_gives_one() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path());
    fill(&mut store, 5);
    let size = store.take(1, usize::MAX).unwrap()[0].bytes.len();
    assert_eq!(store.take(2, usize::MAX).unwrap().len(), 2);
    assert_eq!(store.take(64, 3 * size).unwrap().len(), 3);
    assert_eq!(store.take(64, 1).unwrap().len(), 1);
}

#[test]
fn a_new_epoch_numbers_what_is_held_from_one() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path());
    fill(&mut store, 4);
    store.acknowledge(store.status().epoch, 2).unwrap();
    let before = store.status().epoch;
    store.begin_epoch(0).unwrap();
    assert_eq!(store.status().epoch, before + 1);
    store.begin_epoch(before + 100).unwrap();
    drop(store);
    let mut store = open(directory.path());
    fill(&mut store, 1);
    let taken: Vec<_> = store.take(64, 1 << 22).unwrap().iter().map(values).collect();
    let epoch = before + 100;
    assert_eq!(taken, [(epoch, 1, vec![2.0]), (epoch, 2, vec![3.0]), (epoch, 3, vec![0.0])]);
    assert_eq!((store.status().first_seq, store.status().next_seq), (1, 4));
}

#[test]
fn limits_drop_the_oldest_and_record_the_loss() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path());
    fill(&mut store, 4);
    let one = store.status().bytes / 4;
    let tight = Limits { max_bytes: one * 3 + one / 2, ..LIMITS };
    store.append(&[pending(0, 4)], None, &table(1), tight, T0.plus_seconds(4)).unwrap();
    let status = store.status().clone();
    assert_eq!((status.first_seq, status.batches, status.lost_batches, status.lost_samples), (3, 3, 2, 2));
    assert_eq!((status.losses[0].from, status.losses[0].to), (T0, T0.plus_micros(1)));
    // By age: all of the rest but the newest; the reason differs, so the record does.
    let old = Limits { max_age: Duration::from_secs(60), ..LIMITS };
    store.append(&[pending(0, 5)], None, &table(1), old, T0.plus_seconds(1_000)).unwrap();
    drop(store);
    let mut store = open(directory.path());
    let status = store.status().clone();
    assert_eq!((status.batches, status.samples, status.lost_batches), (1, 1, 5));
    assert_eq!(status.losses.iter().map(|loss| loss.samples).collect::<Vec<_>>(), [2, 3]);
    store.losses_told(1).unwrap();
    assert_eq!(store.status().losses.iter().map(|loss| loss.samples).collect::<Vec<_>>(), [3]);
    assert_eq!(store.status().lost_samples, 5);
}

#[test]
fn a_damaged_batch_is_set_aside_and_replaced_by_an_empty_one() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path());
    fill(&mut store, 3);
    store.damage(2, HEADER_LEN + 1).unwrap();
    let taken: Vec<_> = store.take(64, 1 << 22).unwrap().iter().map(values).map(|(_, seq, v)| (seq, v)).collect();
    assert_eq!(taken, [(1, vec![0.0]), (2, vec![]), (3, vec![2.0])]);
    let aside: Vec<_> = std::fs::read_dir(directory.path().join(BROKEN_DIRECTORY)).unwrap().collect();
    assert_eq!(aside.len(), 1);
    let status = store.status().clone();
    assert_eq!((status.batches, status.samples, status.lost_batches, status.lost_samples), (3, 2, 1, 1));
    assert!(status.losses[0].reason.contains("batch 2"), "{:?}", status.losses);
    assert_eq!(store.take(64, 1 << 22).unwrap().len(), 3);
}

#[test]
fn any_flipped_byte_of_a_frame_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path());
    fill(&mut store, 1);
    let length = store.take(1, 1).unwrap()[0].bytes.len();
    for at in 0..length {
        store.damage(1, at).unwrap();
        let taken = store.take(1, 1).unwrap();
        assert_eq!(values(&taken[0]).2, Vec::<f64>::new(), "byte {at}");
        store.acknowledge(store.status().epoch, 1).unwrap();
        store.begin_epoch(0).unwrap();
        fill(&mut store, 1);
    }
}

#[test]
fn a_damaged_file_is_set_aside_and_a_later_epoch_begins() {
    for damage in ["rubbish", "cut", "middle"] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(QUEUE_FILE);
        let mut store = open(directory.path());
        fill(&mut store, 50);
        let epoch = store.status().epoch;
        drop(store);
        let mut bytes = std::fs::read(&path).unwrap();
        match damage {
            "rubbish" => bytes = b"this is no database".repeat(500),
            "cut" => bytes.truncate(2_000),
            _ => bytes.iter_mut().skip(4096).for_each(|byte| *byte ^= 0x5a),
        }
        std::fs::write(&path, &bytes).unwrap();
        let opened = Store::open(directory.path(), T0.plus_seconds(60), true).unwrap();
        let (aside, _) = opened.set_aside.unwrap();
        assert_eq!(std::fs::read(&aside).unwrap().len(), bytes.len(), "{damage}");
        let status = opened.store.status();
        assert!(status.epoch > epoch, "{damage}");
        assert_eq!((status.batches, status.next_seq), (0, 1), "{damage}");
    }
}

#[test]
fn batches_written_again_keep_their_numbers_and_are_counted_once() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path());
    fill(&mut store, 2);
    let key = store.next_key() - 1;
    store.append(&[pending(0, 1), pending(0, 2)], Some(key), &table(1), LIMITS, T0).unwrap();
    let taken: Vec<_> = store.take(64, 1 << 22).unwrap().iter().map(values).map(|(_, seq, v)| (seq, v)).collect();
    assert_eq!(taken, [(1, vec![0.0]), (2, vec![1.0]), (3, vec![2.0])]);
    let bytes: u64 = store.take(64, 1 << 22).unwrap().iter().map(|frame| frame.bytes.len() as u64).sum();
    assert_eq!((store.status().batches, store.status().bytes, store.status().samples), (3, bytes, 3));
}

#[test]
fn an_acknowledgement_of_another_epoch_deletes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path());
    fill(&mut store, 2);
    let old = store.status().epoch;
    store.begin_epoch(0).unwrap();
    store.acknowledge(old, 2).unwrap();
    assert_eq!(store.status().batches, 2);
    store.acknowledge(store.status().epoch, u64::MAX).unwrap();
    fill(&mut store, 1);
    assert_eq!(store.take(1, 1).unwrap()[0].seq, 3);
}
