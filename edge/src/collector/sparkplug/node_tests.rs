use proptest::prelude::*;

use super::*;
use crate::collector::sparkplug::proto::metric::Value;

const REORDER: Duration = Duration::from_secs(2);
const COOLDOWN: Duration = Duration::from_secs(30);

fn s(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn metric(name: Option<&str>, alias: Option<u64>, value: u32) -> Metric {
    Metric {
        name: name.map(str::to_owned),
        alias,
        timestamp: Some(1_000),
        datatype: name.map(|_| 3),
        value: Some(Value::Int(value)),
        ..Metric::default()
    }
}

fn message(kind: Kind, device: Option<&str>, seq: Option<u64>, metrics: Vec<Metric>) -> Message {
    let payload = Payload { timestamp: Some(2_000), seq, metrics, uuid: None };
    Message { kind, device: device.map(Arc::from), payload }
}

fn birth(seq: u64, bd_seq: u64, metrics: &[(&str, u64)]) -> Message {
    let mut all = vec![
        Metric {
            name: Some("bdSeq".to_owned()),
            datatype: Some(8),
            value: Some(Value::Long(bd_seq)),
            ..Metric::default()
        },
        metric(Some("Node Control/Rebirth"), None, 0),
    ];
    all.extend(metrics.iter().map(|(name, alias)| metric(Some(name), Some(*alias), 0)));
    message(Kind::NodeBirth, None, Some(seq), all)
}

fn death(bd_seq: Option<u64>) -> Message {
    let of = |number| Metric { name: Some("bdSeq".to_owned()), value: Some(Value::Long(number)), ..Metric::default() };
    message(Kind::NodeDeath, None, None, bd_seq.map(of).into_iter().collect())
}

fn data(seq: u64, alias: u64, value: u32) -> Message {
    message(Kind::NodeData, None, Some(seq), vec![metric(None, Some(alias), value)])
}

fn device(kind: Kind, seq: u64, metrics: Vec<Metric>) -> Message {
    message(kind, Some("d"), Some(seq), metrics)
}

/// `+` born, `=` values, `-` died, `?` asked.
fn short(out: &[Output]) -> Vec<String> {
    let of = |device: &Option<Arc<str>>| device.as_deref().unwrap_or("").to_owned();
    let names = |metrics: &[Told]| metrics.iter().map(|told| told.name.to_string()).collect::<Vec<_>>().join(",");
    let values = |metrics: &[Told]| {
        let each = |told: &Told| match told.metric.value {
            Some(Value::Int(value)) => format!("{}={value}", told.name),
            _ => told.name.to_string(),
        };
        metrics.iter().map(each).collect::<Vec<_>>().join(",")
    };
    out.iter()
        .map(|output| match output {
            Output::Born { device, metrics } => format!("+{}[{}]", of(device), names(metrics)),
            Output::Values { device, metrics } => format!("{}[{}]", of(device), values(metrics)),
            Output::NodeDied => "-".to_owned(),
            Output::DeviceDied { device, time } => format!("-{device} {time:?}"),
            Output::Ask(reason) => format!("?{reason:?}"),
        })
        .collect()
}

fn born() -> Node {
    let mut node = Node::new(REORDER, COOLDOWN);
    assert_eq!(short(&node.take(birth(0, 0, &[("a", 1), ("b", 2)]), s(0.0))), ["+[a,b]"]);
    node
}

#[test]
fn births_name_what_aliases_stand_for() {
    let mut node = born();
    assert_eq!(short(&node.take(data(1, 2, 7), s(1.0))), ["[b=7]"]);
    assert_eq!(short(&node.take(device(Kind::DeviceBirth, 2, vec![metric(Some("x"), Some(9), 1)]), s(1.0))), ["+d[x]"]);
    assert_eq!(short(&node.take(device(Kind::DeviceData, 3, vec![metric(None, Some(9), 5)]), s(1.0))), ["d[x=5]"]);
    // By name, too; and with the type of the birth.
    let by_name = Metric { datatype: None, ..metric(Some("x"), None, 6) };
    let out = node.take(device(Kind::DeviceData, 4, vec![by_name]), s(1.0));
    assert!(matches!(&out[..], [Output::Values { metrics, .. }] if metrics[0].datatype == 3), "{out:?}");
    // An alias of the node is none of the device.
    assert_eq!(short(&node.take(device(Kind::DeviceData, 5, vec![metric(None, Some(1), 5)]), s(1.0))), ["?Unknown"]);
}

#[test]
fn a_birth_with_other_aliases_replaces_the_one_before() {
    let mut node = born();
    assert_eq!(short(&node.take(birth(0, 0, &[("b", 1), ("c", 2)]), s(5.0))), ["+[b,c]"]);
    assert_eq!(short(&node.take(data(1, 1, 3), s(5.0))), ["[b=3]"]);
    assert_eq!(node.births().names(None).count(), 2);
}

#[test]
fn numbers_go_round_after_255() {
    let mut node = born();
    for at in 1..600u32 {
        assert_eq!(short(&node.take(data(u64::from(at % 256), 1, at), s(1.0))), [format!("[a={at}]")]);
    }
    assert_eq!(node.counts, Counts::default());
}

#[test]
fn a_message_that_overtook_others_waits_for_them() {
    let mut node = born();
    assert_eq!(short(&node.take(data(3, 1, 3), s(1.0))), [""; 0]);
    assert_eq!(short(&node.take(data(2, 1, 2), s(1.5))), [""; 0]);
    assert_eq!(node.wakes(), Some(s(3.0)));
    assert_eq!(short(&node.take(data(1, 1, 1), s(2.0))), ["[a=1]", "[a=2]", "[a=3]"]);
    assert_eq!((node.wakes(), node.counts), (None, Counts::default()));
}

#[test]
fn what_does_not_come_in_time_is_missed_and_a_rebirth_is_asked_for_once_in_the_cooldown() {
    let mut node = born();
    node.take(data(3, 1, 3), s(1.0));
    assert_eq!(short(&node.tick(s(2.9))), [""; 0]);
    assert_eq!(short(&node.tick(s(3.0))), ["[a=3]", "?Gap"]);
    assert_eq!(node.counts.missed, 2);
    // Another gap before the answer, and one after it, within the cool-down.
    node.take(data(6, 1, 6), s(4.0));
    assert_eq!(short(&node.tick(s(6.0))), ["[a=6]"]);
    assert_eq!(short(&node.take(birth(0, 0, &[("a", 1)]), s(7.0))), ["+[a]"]);
    node.take(data(2, 1, 2), s(8.0));
    assert_eq!(short(&node.tick(s(10.0))), ["[a=2]"]);
    assert_eq!(node.wakes(), Some(s(33.0)));
    assert_eq!(short(&node.tick(s(32.9))), [""; 0]);
    assert_eq!(short(&node.tick(s(33.0))), ["?Gap"]);
    assert_eq!(node.counts.asked, 2);
    // Not answered: asked again, more and more rarely.
    assert_eq!(short(&node.tick(s(62.9))), [""; 0]);
    let mut asked = Vec::new();
    for second in 63..1_000 {
        asked.extend(node.tick(s(f64::from(second))).iter().map(|_| second));
    }
    assert_eq!(asked.len(), 4, "{asked:?}");
}

#[test]
fn a_late_message_that_was_given_up_still_counts_as_values() {
    let mut node = born();
    node.take(data(2, 1, 2), s(1.0));
    node.tick(s(3.0));
    assert_eq!(short(&node.take(data(1, 1, 1), s(4.0))), ["[a=1]"]);
    assert_eq!(short(&node.take(device(Kind::DeviceDeath, 1, vec![]), s(4.0))), [""; 0]);
    assert_eq!(short(&node.take(data(3, 1, 3), s(4.0))), ["[a=3]"]);
}

#[test]
fn data_before_any_birth_asks_for_one() {
    let mut node = Node::new(REORDER, COOLDOWN);
    node.connected(s(0.0));
    assert_eq!(short(&node.take(data(7, 1, 1), s(0.1))), ["?Unknown"]);
    assert_eq!(short(&node.take(data(8, 1, 1), s(0.2))), [""; 0]);
    assert_eq!(short(&node.take(device(Kind::DeviceBirth, 9, vec![]), s(0.2))), [""; 0]);
    assert_eq!(node.counts.unborn, 3);
    assert_eq!(short(&node.take(birth(0, 4, &[("a", 1)]), s(0.5))), ["+[a]"]);
    assert_eq!(node.wakes(), None);
    // A device that was not born.
    assert_eq!(short(&node.take(device(Kind::DeviceData, 1, vec![metric(None, Some(3), 1)]), s(1.0))), [""; 0]);
    assert_eq!(short(&node.tick(s(30.1))), ["?Unknown"]);
}

#[test]
fn a_node_that_does_not_come_by_itself_is_asked() {
    let mut node = Node::new(REORDER, COOLDOWN);
    node.connected(s(10.0));
    assert_eq!(short(&node.tick(s(11.9))), [""; 0]);
    assert_eq!(short(&node.tick(s(12.0))), ["?Start"]);
    // Connected anew at once: not within the cool-down.
    node.connected(s(13.0));
    assert_eq!(node.wakes(), Some(s(42.0)));
    node.take(birth(0, 0, &[]), s(14.0));
    assert_eq!(node.wakes(), None);
}

#[test]
fn a_death_belongs_to_the_birth_with_its_number() {
    let mut node = Node::new(REORDER, COOLDOWN);
    node.take(birth(0, 5, &[("a", 1)]), s(0.0));
    assert_eq!(short(&node.take(death(Some(4)), s(1.0))), [""; 0], "the will of a connection before");
    assert_eq!(node.counts.stale_deaths, 1);
    assert_eq!(short(&node.take(data(1, 1, 1), s(1.0))), ["[a=1]"]);
    assert_eq!(short(&node.take(death(Some(5)), s(2.0))), ["-"]);
    assert!(!node.is_born());
    // The number goes round as well, and a node without one dies by any death.
    node.take(birth(0, 0, &[]), s(3.0));
    assert_eq!(short(&node.take(death(Some(255)), s(3.0))), [""; 0]);
    assert_eq!(short(&node.take(death(Some(1)), s(3.0))), ["-"], "of a birth that was missed");
    node.take(birth(0, 0, &[]), s(4.0));
    assert_eq!(short(&node.take(death(None), s(4.0))), ["-"]);
}

#[test]
fn a_device_dies_by_itself_or_with_a_birth_of_the_node_that_does_not_bring_it_back() {
    let mut node = born();
    let device_birth = |seq| device(Kind::DeviceBirth, seq, vec![metric(Some("x"), Some(9), 1)]);
    node.take(device_birth(1), s(0.0));
    assert_eq!(short(&node.take(device(Kind::DeviceDeath, 2, vec![]), s(1.0))), ["-d Some(2000)"]);
    assert!(!node.has(Some("d")) && node.has(None));
    node.take(device_birth(3), s(1.0));
    node.take(birth(0, 0, &[]), s(2.0));
    assert_eq!(short(&node.take(device_birth(1), s(3.0))), ["+d[x]"]);
    assert_eq!(short(&node.tick(s(4.0))), [""; 0], "it was born again in time");
    node.take(birth(0, 0, &[]), s(5.0));
    node.take(birth(0, 0, &[]), s(6.0));
    assert_eq!(short(&node.tick(s(8.0))), ["-d None"]);
}

#[test]
fn a_device_birth_that_overtook_the_birth_of_its_node_follows_it() {
    let mut node = born();
    assert_eq!(short(&node.take(device(Kind::DeviceBirth, 11, vec![metric(Some("x"), None, 1)]), s(1.0))), [""; 0]);
    assert_eq!(short(&node.take(birth(10, 0, &[("a", 1)]), s(1.1))), ["+[a]", "+d[x]"]);
    assert_eq!(node.wakes(), None);
}

#[test]
fn what_has_no_number_is_taken_as_it_comes() {
    let mut node = born();
    let unnumbered = message(Kind::NodeData, None, None, vec![metric(None, Some(1), 4)]);
    assert_eq!(short(&node.take(unnumbered, s(1.0))), ["[a=4]"]);
    assert_eq!(short(&node.take(data(1_000, 1, 5), s(1.0))), ["[a=5]"]);
    assert_eq!(node.counts.unnumbered, 2);
}

proptest! {
    /// Whatever comes in whatever order: it stays bounded, and all that was numbered is taken once or counted.
    #[test]
    fn any_messages_leave_it_bounded(steps in prop::collection::vec((0u8..7, 0u64..300, 0u64..4, 0u64..3_000), 0..200)) {
        let mut node = Node::new(REORDER, COOLDOWN);
        let mut now = Duration::ZERO;
        let mut asked: Option<Duration> = None;
        for (kind, seq, alias, pause) in steps {
            now += Duration::from_millis(pause);
            let out = match kind {
                0 => node.take(birth(seq, alias, &[("a", 1), ("b", 2)]), now),
                1 => node.take(death(Some(alias)), now),
                2 => node.take(device(Kind::DeviceBirth, seq, vec![metric(Some("x"), Some(3), 1)]), now),
                3 => node.take(device(Kind::DeviceDeath, seq, vec![]), now),
                4 => node.take(device(Kind::DeviceData, seq, vec![metric(None, Some(alias), 1)]), now),
                5 => { node.connected(now); Vec::new() }
                _ => node.take(data(seq, alias, 1), now),
            };
            prop_assert!(node.waiting.len() <= WAITING + 1);
            for _ in out.iter().filter(|output| matches!(output, Output::Ask(_))) {
                prop_assert!(asked.is_none_or(|before| now >= before + COOLDOWN), "{asked:?} {now:?}");
                asked = Some(now);
            }
        }
    }

    /// However messages within the window are shuffled, their values come in the order of their numbers.
    #[test]
    fn shuffled_messages_come_in_order(order in Just((1u64..40).collect::<Vec<_>>()).prop_shuffle()) {
        let mut node = born();
        let mut told = Vec::new();
        for seq in order {
            for output in node.take(data(seq, 1, seq as u32), s(1.0)) {
                if let Output::Values { metrics, .. } = output {
                    told.extend(metrics.into_iter().map(|told| told.metric.value));
                }
            }
        }
        let expected: Vec<_> = (1..40).map(|seq| Some(Value::Int(seq))).collect();
        prop_assert_eq!(told, expected);
        prop_assert_eq!(node.counts, Counts::default());
    }
}
