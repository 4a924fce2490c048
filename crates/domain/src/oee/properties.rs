//! The engine as a whole: examples, and what must hold for every input.

mod examples;

use proptest::prelude::*;

use super::*;
use crate::{
    Interval, Timestamp,
    order::{OrderId, Work},
    reason::{Annotations, Stretch, annotate},
    shift::ShiftInstance,
    signal::{SignalRole, Value},
};

const END: i64 = 4 * 3600;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn stretch(from: i64, to: i64) -> Interval {
    Interval::new(at(from), at(to))
}

fn config() -> UnitConfig {
    UnitConfig {
        pri_micros: Some(10_000_000),
        counts: CountRoles { good: false, scrap: true, total: true, rework: true },
        counter_max: Some(999.0),
        ..UnitConfig::default()
    }
}

/// Events of four hours: words in force for a while, counters that grow, wrap, are reset, fail and lie.
fn events() -> impl Strategy<Value = Vec<Event>> {
    let word = |role, words: &'static [&'static str]| {
        prop::sample::select(words).prop_map(move |word| (role, Some(word), 0.0))
    };
    let grow = |role| {
        prop_oneof![8 => 0.0..6.0, 1 => Just(-1000.0), 1 => Just(300.0)]
            .prop_map(move |by: f64| (role, None, by.trunc()))
    };
    let spoken = prop_oneof![
        word(SignalRole::PackmlState, &["Execute", "6", "Suspended", "Held", "Idle", "UNAVAILABLE"]),
        word(SignalRole::PackmlMode, &["Production", "Maintenance"]),
        word(SignalRole::PackmlBlocked, &["true", "false"]),
        word(SignalRole::MachineryState, &["Executing", "NotExecuting", "UNAVAILABLE"]),
        word(SignalRole::MachineryMode, &["Processing", "Setup"]),
    ];
    let reading = prop_oneof![
        4 => word(SignalRole::Execution, &["ACTIVE", "READY", "STOPPED", "FEED_HOLD", "UNAVAILABLE", "NONSENSE"]),
        1 => word(SignalRole::Availability, &["AVAILABLE", "AVAILABLE", "UNAVAILABLE"]),
        1 => word(SignalRole::ControllerMode, &["AUTOMATIC", "MANUAL"]),
        1 => word(SignalRole::FunctionalMode, &["PRODUCTION", "SETUP", "MAINTENANCE"]),
        1 => word(SignalRole::TotalCount, &["UNAVAILABLE"]),
        6 => grow(SignalRole::TotalCount),
        2 => grow(SignalRole::ScrapCount),
        1 => grow(SignalRole::ReworkCount),
        1 => word(SignalRole::Order, &["PO-1", "PO-2", "UNAVAILABLE"]),
        1 => word(SignalRole::Product, &["bolt", "nut"]),
        1 => word(SignalRole::StopReason, &["jam", ""]),
    ];
    let reading = prop_oneof![12 => reading, 1 => spoken];
    prop::collection::vec((prop_oneof![1 => Just(0i64), 3 => 1i64..300], reading), 0..120).prop_map(|readings| {
        let (mut time, mut totals) = (0, [0.0f64; 3]);
        let mut events = Vec::new();
        for (after, (role, word, by)) in readings {
            time += after;
            if time >= END {
                break;
            }
            let total = &mut totals[match role {
                SignalRole::ScrapCount => 1,
                SignalRole::ReworkCount => 2,
                _ => 0,
            }];
            *total = (*total + by).max(0.0) % 1000.0;
            let value = word.map_or(Value::Number(*total), |word| Value::Text(word.into()));
            events.push(Event { time: at(time), role, value });
        }
        events
    })
}

/// Stretches with holes between some of them.
fn coverage() -> impl Strategy<Value = Vec<Interval>> {
    prop::collection::vec((prop_oneof![2 => Just(0i64), 1 => 1i64..900], 1i64..3000), 0..12).prop_map(|pieces| {
        let mut time = 0;
        let cover = |(hole, length): (i64, i64)| {
            let from = (time + hole).min(END);
            time = (from + length).min(END);
            stretch(from, time)
        };
        pieces.into_iter().map(cover).filter(|piece| !piece.is_empty()).collect()
    })
}

/// Shifts, some apart, each with a break.
fn shifts() -> impl Strategy<Value = Vec<ShiftInstance>> {
    prop::collection::vec((0i64..2000, 1i64..6000, 0i64..3000, 0i64..1500), 0..4).prop_map(|shifts| {
        let mut time = -3000;
        let mut make = |(hole, length, begin, pause): (i64, i64, i64, i64)| {
            let from = time + hole;
            time = from + length;
            let mut shift = ShiftInstance::around_the_clock(stretch(from, time));
            shift.breaks.push(stretch(from + begin, from + begin + pause));
            shift.planned_stops.push(stretch(from + begin + pause / 2, from + begin + 2 * pause));
            shift
        };
        shifts.into_iter().map(&mut make).collect()
    })
}

/// Orders one after the other, some with a hole before them; some name only a product.
fn works() -> impl Strategy<Value = Vec<Work>> {
    prop::collection::vec((0i64..2000, 1i64..5000, any::<bool>(), prop::option::of(1i64..20)), 0..5).prop_map(|works| {
        let mut time = -1000;
        let mut make = |(hole, length, ordered, pri): (i64, i64, bool, Option<i64>)| {
            let from = time + hole;
            time = from + length;
            let order = ordered.then_some(OrderId(uuid::Uuid::from_u128(1)));
            Work { interval: stretch(from, time), order, product: None, pri_micros: pri.map(|s| s * 1_000_000) }
        };
        works.into_iter().map(&mut make).collect()
    })
}

/// With short stops marked.
fn annotated(facts: &UnitFacts) -> Vec<Stretch> {
    let minor_stop_micros = config().minor_stop_micros;
    annotate(&facts.intervals, &Annotations { minor_stop_micros, ..Annotations::default() })
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * (1.0 + a.abs().max(b.abs()))
}

/// Equal to the microsecond and the piece; weighted sums to the rounding of their shares.
fn same(a: &Elements, b: &Elements) -> bool {
    let times = |e: &Elements| {
        let planned = [e.calendar, e.not_scheduled, e.breaks, e.planned_stops];
        (planned, [e.apt, e.aust, e.adet, e.adot, e.unknown, e.minor])
    };
    times(a) == times(b)
        && [a.pq, a.gq, a.sq, a.rq] == [b.pq, b.gq, b.sq, b.rq]
        && close(a.pri_pq, b.pri_pq)
        && close(a.pri_gq, b.pri_gq)
}

proptest! {
    /// However the samples are cut into batches, whichever of coverage and samples comes first, and
    /// whatever was drained meanwhile: the same facts.
    #[test]
    fn batches_give_the_facts_of_the_whole(
        events in events(),
        coverage in coverage(),
        batches in prop::collection::vec((1i64..4000, 0u8..3, prop::option::of(0i64..4000)), 0..12),
    ) {
        let whole = derive(&config(), &events, &coverage, stretch(0, END));
        let mut fold = UnitFold::new(config(), at(0));
        let mut facts = UnitFacts::default();
        let (mut from, mut batches) = (0, batches.into_iter());
        while from < END {
            let (length, order, drain) = batches.next().unwrap_or((END, 0, None));
            let batch = stretch(from, (from + length).min(END));
            from += length;
            let cover = |fold: &mut UnitFold| {
                coverage.iter().filter_map(|piece| piece.intersection(&batch)).for_each(|piece| fold.cover(piece));
            };
            if order == 0 {
                cover(&mut fold);
            }
            for (index, event) in events.iter().filter(|event| batch.contains(event.time)).enumerate() {
                fold.apply(event.time, event.role, &event.value).expect("in order");
                if order == 1 && index == 0 {
                    cover(&mut fold);
                }
            }
            cover(&mut fold);
            if let Some(back) = drain {
                facts.append(fold.drain_closed_before(at(from - back).min(batch.to)));
            }
        }
        facts.append(fold.facts(stretch(0, END)));
        prop_assert_eq!(facts, whole);
    }

    #[test]
    fn coverage_may_come_in_any_order(events in events(), coverage in coverage()) {
        let mut fold = UnitFold::new(config(), at(0));
        for event in &events {
            fold.apply(event.time, event.role, &event.value).expect("in order");
        }
        coverage.iter().rev().for_each(|piece| fold.cover(*piece));
        prop_assert_eq!(fold.facts(stretch(0, END)), derive(&config(), &events, &coverage, stretch(0, END)));
    }

    #[test]
    fn two_periods_are_the_whole(events in events(), coverage in coverage(), middle in 0..END) {
        let (whole, left) = derive_from(&config(), Carry::default(), &events, &coverage, stretch(0, END));
        let (mut facts, carry) = derive_from(&config(), Carry::default(), &events, &coverage, stretch(0, middle));
        let (second, left_by_second) = derive_from(&config(), carry, &events, &coverage, stretch(middle, END));
        prop_assert_eq!(&second, &derive(&config(), &events, &coverage, stretch(middle, END)));
        facts.append(second);
        prop_assert_eq!(&facts, &whole);
        prop_assert_eq!(left_by_second, left);
        prop_assert_eq!(whole, derive(&config(), &events, &coverage, stretch(0, END)));
    }

    #[test]
    fn intervals_leave_no_hole_and_are_unknown_exactly_where_nobody_watched(events in events(), coverage in coverage()) {
        let facts = derive(&config(), &events, &coverage, stretch(0, END));
        prop_assert_eq!(facts.intervals.iter().map(|state| state.interval.micros()).sum::<i64>(), END * 1_000_000);
        prop_assert!(facts.intervals.windows(2).all(|pair| pair[0].interval.to == pair[1].interval.from
            && (pair[0].state, &pair[0].cause) != (pair[1].state, &pair[1].cause)));
        let watched: i64 = coverage.iter().map(|piece| piece.micros()).sum();
        let unwatched = facts.intervals.iter().filter(|state| state.cause.as_deref() == Some(NOT_WATCHED));
        prop_assert_eq!(unwatched.map(|state| state.interval.micros()).sum::<i64>(), END * 1_000_000 - watched);
    }

    #[test]
    fn what_is_live_is_the_end_of_the_facts(events in events(), coverage in coverage(), since in 0..END) {
        let mut fold = UnitFold::new(config(), at(0));
        coverage.iter().for_each(|piece| fold.cover(*piece));
        for event in &events {
            fold.apply(event.time, event.role, &event.value).expect("in order");
        }
        let whole = fold.facts(Interval::new(at(0), fold.covered_to()));
        let ended_later = whole.intervals.iter().filter(|state| state.interval.to > at(since));
        prop_assert_eq!(fold.intervals_since(at(since)), ended_later.cloned().collect::<Vec<_>>());
        let end = fold.covered_to();
        if let Some(last) = whole.intervals.last().filter(|_| events.iter().all(|event| event.time != end)) {
            let now = fold.current(end);
            prop_assert_eq!((now.state, now.cause, now.since), (last.state, last.cause.clone(), last.interval.from));
        }
    }

    /// Time buckets sum to calendar time; hours, shifts and orders sum to the whole; two periods sum to both together; what
    /// time went where sums to the elements.
    #[test]
    fn parts_sum_to_the_whole(
        events in events(), coverage in coverage(), shifts in shifts(), works in works(), since in prop::option::of(-100..END), middle in 0..END,
    ) {
        let facts = derive(&config(), &events, &coverage, stretch(0, END));
        let states = annotated(&facts);
        let plan = Plan { shifts: &shifts, works: &works, pri_micros: config().pri_micros, by_order_since: since.map(at) };
        let of = |period| elements(&states, &facts.counts, &plan, period);
        let whole = of(stretch(0, END));
        prop_assert_eq!(whole.calendar, END * 1_000_000);
        let Elements { not_scheduled, breaks, planned_stops, apt, aust, adet, adot, unknown, minor, .. } = whole;
        prop_assert_eq!(not_scheduled + breaks + planned_stops + apt + aust + adet + adot + unknown, whole.calendar);
        prop_assert!(minor <= adet);

        let hours = by_hour(&states, &facts.counts, &plan, stretch(0, END));
        let sum: Elements = hours.iter().map(|row| row.elements).sum();
        prop_assert!(same(&sum, &whole), "{:?} is not {:?}", sum, whole);
        prop_assert!(hours.iter().all(|row| row.hour.micros() % 3_600_000_000 == 0
            && row.elements.calendar <= 3_600_000_000
            && (row.shift.is_some() || (row.elements.calendar == row.elements.not_scheduled && row.elements.pri_pq == 0.0))));
        for row in &hours {
            let of = |bucket: Bucket| row.losses.iter().filter(|it| it.bucket == bucket).map(|it| it.micros).sum::<i64>();
            let e = &row.elements;
            prop_assert_eq!(
                (of(Bucket::Producing), of(Bucket::Setup), of(Bucket::Delay), of(Bucket::NoOrder), of(Bucket::Unknown)),
                (e.apt, e.aust, e.adet, e.adot, e.unknown)
            );
            prop_assert_eq!(row.losses.iter().map(|it| it.micros).sum::<i64>(), e.calendar);
        }

        let both = of(stretch(0, middle)) + of(stretch(middle, END));
        prop_assert!(same(&both, &whole), "{:?} is not {:?}", both, whole);
    }

    /// A switch between iso22400 and tpm never changes OEE; every profile's factors multiply to its OEE.
    #[test]
    fn a_profile_names_losses_otherwise_and_loses_the_same(events in events(), coverage in coverage(), shifts in shifts()) {
        let facts = derive(&config(), &events, &coverage, stretch(0, END));
        let plan = Plan { shifts: &shifts, pri_micros: config().pri_micros, ..Plan::default() };
        let it = elements(&annotated(&facts), &facts.counts, &plan, stretch(0, END));
        prop_assert_eq!(Profile::Iso22400.factors(&it).oee, Profile::Tpm.factors(&it).oee);
        prop_assert_eq!(Profile::Iso22400.factors(&it).oee, it.oee());
        for profile in Profile::ALL {
            let Factors { availability, performance, quality, oee } = profile.factors(&it);
            if let (Some(a), Some(p), Some(q)) = (availability, performance, quality) {
                prop_assert!(oee.is_some_and(|oee| close(oee, a * p * q)), "{:?} is not {}", oee, a * p * q);
            }
        }
    }

    #[test]
    fn oee_is_availability_times_effectiveness_times_quality(events in events(), coverage in coverage(), shifts in shifts()) {
        let facts = derive(&config(), &events, &coverage, stretch(0, END));
        let plan = Plan { shifts: &shifts, pri_micros: config().pri_micros, ..Plan::default() };
        let it = elements(&annotated(&facts), &facts.counts, &plan, stretch(0, END));
        if let (Some(a), Some(e), Some(q)) = (it.availability(), it.effectiveness(), it.quality_ratio()) {
            let oee = it.oee();
            prop_assert!(oee.is_some_and(|oee| close(oee, a * e * q)), "{:?} is not {}", oee, a * e * q);
            prop_assert!(it.nee().zip(oee).is_some_and(|(nee, oee)| nee.abs() + 1e-12 >= oee.abs()));
        }
        for ratio in [it.availability(), it.coverage(), it.setup_ratio(), it.technical_efficiency(),
            it.utilization_efficiency(), it.allocation_efficiency()].into_iter().flatten() {
            prop_assert!((0.0..=1.0).contains(&ratio), "{}", ratio);
        }
    }
}
