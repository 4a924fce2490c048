use std::collections::BTreeSet;

use gemba_contract::edge::OfferedSignal;
use gemba_domain::signal::SignalKind;
use proptest::prelude::*;

use super::*;
use crate::collector::modbus::{Form, Limits, Reads, Register, Table};

fn points(table: Table, places: &[(u16, u8)]) -> Vec<Point> {
    let point = |(start, bits): &(u16, u8)| Point {
        name: start.to_string(),
        device: 1,
        register: Register { table, start: *start, reads: Reads::new(Form::Unsigned(*bits)), every: None },
        signal: OfferedSignal { address: String::new(), kind: SignalKind::Measure, uom: None, source: None },
    };
    places.iter().map(point).collect()
}

fn joined(points: &[Point]) -> Job {
    let all: Vec<usize> = (0..points.len()).collect();
    let request = plan(&spans(points, &all), Limits { registers: 125, gap: 125 }).remove(0);
    Job { device: 1, points: request.spans.clone(), request, trouble: None, retry_at: None }
}

#[test]
fn a_pace_neither_drifts_nor_bursts() {
    let start = Instant::now();
    let second = Duration::from_secs(1);
    let at = |ms| start + Duration::from_millis(ms);
    let mut pace = Pace { interval: second, due: start };
    assert_eq!((pace.finish(at(300)), pace.due), (None, at(1_000)));
    assert_eq!((pace.finish(at(1_999)), pace.due), (None, at(2_000)));
    // A stall of ten seconds leaves ten cycles out.
    assert_eq!((pace.finish(at(12_500)), pace.due), (Some(Duration::from_millis(10_500)), at(13_000)));
    assert_eq!((pace.finish(at(13_100)), pace.due), (None, at(14_000)));
}

#[test]
fn holes_go_first_then_halves_then_nothing() {
    let three = points(Table::Holding, &[(0, 16), (1, 32), (9, 16)]);
    let parts = joined(&three).split(&three).unwrap();
    let short = |jobs: &[Job]| jobs.iter().map(|job| (job.request.start, job.request.count)).collect::<Vec<_>>();
    assert_eq!(short(&parts), [(0, 3), (9, 1)]);
    assert_eq!(short(&parts[0].split(&three).unwrap()), [(0, 1), (1, 2)]);
    assert!(parts[1].split(&three).is_none());
}

proptest! {
    #[test]
    fn splitting_ends_at_single_points_and_loses_none(
        places in proptest::collection::btree_map(0_u16..100, prop_oneof![Just(16_u8), Just(32), Just(64)], 1..30), bits in any::<bool>(),
    ) {
        let table = if bits { Table::Coil } else { Table::Holding };
        let places: Vec<_> = places.into_iter().collect();
        let points = points(table, &places);
        let (mut work, mut ends) = (vec![joined(&points)], Vec::new());
        let mut steps = 0;
        while let Some(job) = work.pop() {
            steps += 1;
            prop_assert!(steps < 500);
            match job.split(&points) {
                Some(parts) => work.extend(parts),
                None => ends.push(job),
            }
        }
        let all: Vec<usize> = ends.iter().flat_map(|job| job.points.clone()).collect();
        prop_assert_eq!(all.len(), points.len());
        prop_assert_eq!(all.into_iter().collect::<BTreeSet<_>>().len(), points.len());
    }
}
