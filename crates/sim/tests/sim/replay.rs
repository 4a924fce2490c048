//! Recorded logs through the agent.

use std::{io::Write, path::PathBuf};

use flate2::{Compression, write::GzEncoder};
use gemba_domain::Timestamp;
use gemba_sim::{
    agent::Agent,
    replay::{Playback, Recording, ReplayError, play},
};

use crate::document::get;

const DEVICES: &str = r#"<?xml version="1.0"?>
<MTConnectDevices xmlns="urn:mtconnect.org:MTConnectDevices:1.3"><Header version="1.3" instanceId="1"/><Devices>
<Device id="a" name="M1" uuid="u1"><DataItems>
  <DataItem id="a1" name="execution" category="EVENT" type="EXECUTION"/>
  <DataItem id="a2" name="Xabs" category="SAMPLE" type="POSITION" units="MILLIMETER"/>
  <DataItem id="a3" name="system" category="CONDITION" type="SYSTEM"/>
</DataItems></Device>
<Device id="b" name="M2" uuid="u2"><DataItems>
  <DataItem id="b1" name="execution" category="EVENT" type="EXECUTION"/>
</DataItems></Device>
</Devices></MTConnectDevices>"#;

const DAY_1: &str = "2016-10-06T23:06:07.138151Z|M1_asset_chg|UNAVAILABLE
2016-10-31T19:13:46.229Z|execution|UNAVAILABLE
2016-10-31T19:13:46.229Z|system|Unavailable||||
2016-11-01T08:00:00Z|execution|READY|Xabs|1.5
2016-11-01T08:00:10.5Z|system|Fault|42|700|HIGH|too hot|execution|STOPPED
2016-11-01T08:00:05Z|Xabs|2.5
not a line

2016-11-01T08:00:20Z|system|Normal||||
";
const DAY_2: &str = "2016-11-01T08:00:20Z|system|Normal||||\n2016-11-02T08:00:00Z|execution|ACTIVE\n";
const OTHER: &str = "2019-01-01T00:00:00Z|execution|ACTIVE\n2019-01-01T00:00:30Z|execution|READY\n";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let days = folder.path().join("full_rate_days");
    std::fs::create_dir(&days).unwrap();
    std::fs::write(folder.path().join("Devices.xml"), DEVICES).unwrap();
    std::fs::write(folder.path().join("M1-20161102-20161103.txt"), DAY_2).unwrap();
    let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
    gz.write_all(DAY_1.as_bytes()).unwrap();
    std::fs::write(days.join("M1-20161101-20161102.txt.gz"), gz.finish().unwrap()).unwrap();
    std::fs::write(days.join("M2-20190101.txt"), OTHER).unwrap();
    std::fs::write(days.join("M1_state_events.csv"), "timestamp,item,value\n").unwrap();
    std::fs::write(days.join("README.txt"), "not a log\n").unwrap();
    folder
}

const AT_ONCE: Playback = Playback { speed: 1e12, keep_time: true, repeat: false };

#[test]
fn a_folder_is_read_and_brought_into_order() {
    let folder = folder();
    let recording = Recording::open(folder.path(), &[]).unwrap();
    let tally = recording.tally();
    assert_eq!((tally.files, tally.lines, tally.unreadable), (3, 13, 1));
    assert_eq!(tally.unknown_items.iter().map(|(k, n)| (k.as_str(), *n)).collect::<Vec<_>>(), [("M1:M1_asset_chg", 1)]);
    assert_eq!(recording.events().len(), 12);
    let seconds: Vec<_> = recording.events().iter().map(|e| (&*e.item, e.due_micros as f64 / 1e6)).collect();
    assert_eq!(
        seconds,
        [
            ("a1", 0.0),
            ("a3", 0.0),
            ("a1", 0.0),
            ("a2", 0.0),
            ("b1", 0.0),
            ("a3", 10.5),
            ("a1", 10.5),
            ("a2", 10.5),
            ("a3", 20.0),
            ("a3", 20.0),
            ("b1", 30.0),
            ("a1", 86_400.0),
        ]
    );
    assert_eq!(recording.first_time().unwrap().to_string(), "2016-10-31T19:13:46.229Z");
    let only = Recording::open(folder.path(), &["M2".to_owned()]).unwrap();
    assert_eq!((only.events().len(), only.tally().files), (2, 1));
}

#[test]
fn times_are_moved_to_the_start_and_pressed_together() {
    let recording = Recording::open(folder().path(), &["M1".to_owned()]).unwrap();
    let start = Timestamp::from_seconds(1_763_800_000);
    let playback = Playback { speed: 10.0, keep_time: false, repeat: false };
    let seconds: Vec<_> =
        recording.events().iter().map(|e| playback.timestamp(start, e).seconds_since(start)).collect();
    // The old block counts as of the start; a late line keeps its own time.
    assert_eq!(seconds, [0.0, 0.0, 0.0, 0.0, 1.05, 1.05, 0.5, 2.0, 2.0, 8640.0]);
    assert_eq!(AT_ONCE.timestamp(start, &recording.events()[0]).to_string(), "2016-10-31T19:13:46.229Z");
}

#[test]
fn mistakes_say_what_to_do() {
    let empty = tempfile::tempdir().unwrap();
    let error = Recording::open(empty.path(), &[]).unwrap_err();
    assert!(matches!(error, ReplayError::Io { .. }), "{error}");
    std::fs::write(empty.path().join("Devices.xml"), DEVICES).unwrap();
    let error = Recording::open(empty.path(), &[]).unwrap_err().to_string();
    assert!(error.contains("M1-20260101.txt"), "{error}");
    let error = Recording::open(folder().path(), &["M3".to_owned()]).unwrap_err().to_string();
    assert!(error.contains("M3") && error.contains("M1, M2"), "{error}");
}

#[tokio::test]
async fn a_recording_plays_through_an_agent() {
    let recording = Recording::open(folder().path(), &[]).unwrap();
    let agent = Agent::new(recording.devices().clone())
        .initial_time(recording.first_time().unwrap())
        .start("127.0.0.1:0")
        .await
        .unwrap();
    let played = play(&recording, &agent.adapter(), AT_ONCE).await.unwrap();
    // Two repeat the initial UNAVAILABLE, one the Normal of the day before.
    assert_eq!((played.events, played.stored), (12, 9));
    let probe = get(&format!("{}/probe", agent.url())).await;
    assert_eq!(probe.header().number("instanceId"), agent.instance_id());
    assert_eq!(probe.elements.iter().filter(|e| e.name == "DataItem").count(), 4);
    let all = get(&format!("{}/sample", agent.url())).await;
    assert_eq!(all.root().get("xmlns"), "urn:mtconnect.org:MTConnectStreams:1.3");
    let line = |id: &str| {
        all.of(id)
            .iter()
            .map(|o| format!("{} {}", &o.get("timestamp")[..19], if o.text.is_empty() { &o.name } else { &o.text }))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        line("a1"),
        [
            "2016-10-31T19:13:46 UNAVAILABLE",
            "2016-11-01T08:00:00 READY",
            "2016-11-01T08:00:10 STOPPED",
            "2016-11-02T08:00:00 ACTIVE"
        ]
    );
    assert_eq!(
        line("a3"),
        ["2016-10-31T19:13:46 Unavailable", "2016-11-01T08:00:10 too hot", "2016-11-01T08:00:20 Normal"]
    );
    let fault = all.of("a3")[1];
    assert_eq!((fault.name.as_str(), fault.get("nativeCode"), fault.get("qualifier")), ("Fault", "42", "HIGH"));
}

/// The public recordings, when they lie beside the project.
fn nist() -> Option<PathBuf> {
    let data = std::env::var_os("DEV_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let folder = data.join("nist_smstestbed");
    folder.join("Devices.xml").is_file().then_some(folder)
}

#[tokio::test]
async fn real_machine_days_play_whole() {
    let Some(folder) = nist() else {
        println!("skipped: no folder nist_smstestbed in ../shared/data or DEV_DATA");
        return;
    };
    let recording = Recording::open(&folder, &[]).unwrap();
    let tally = recording.tally();
    println!("{tally:?}");
    assert_eq!((tally.files, tally.lines, tally.unreadable), (2, 92_229 + 2_211, 0));
    let unknown: u64 = tally.unknown_items.values().sum();
    assert_eq!(recording.events().len() as u64 + unknown, tally.lines, "one observation a line");
    assert!(tally.unknown_items.contains_key("Mazak03:Mazak03_asset_chg"));

    let agent = Agent::new(recording.devices().clone())
        .initial_time(recording.first_time().unwrap())
        .start("127.0.0.1:0")
        .await
        .unwrap();
    let initial = agent.next_sequence() - 1;
    let played = play(&recording, &agent.adapter(), AT_ONCE).await.unwrap();
    println!("{played:?}");
    assert_eq!(agent.next_sequence(), initial + played.stored + 1);
    // Expected by replaying the rules by hand: an observation is stored when it differs from the one before
    // it of its item.
    let mut in_force = std::collections::BTreeMap::new();
    let mut expected = std::collections::BTreeMap::<&str, Vec<(String, String)>>::new();
    for event in recording.events() {
        let gemba_sim::agent::ObservationValue::Text(text) = &event.value else {
            if in_force.insert(&*event.item, None).flatten().is_some() {
                expected.entry(&*event.item).or_default().push((event.time.to_string(), "UNAVAILABLE".to_owned()));
            }
            continue;
        };
        if in_force.insert(&*event.item, Some(text.clone())).flatten().as_ref() != Some(text) {
            expected.entry(&*event.item).or_default().push((event.time.to_string(), text.to_string()));
        }
    }
    let (mut from, mut got) = (initial + 1, std::collections::BTreeMap::<String, Vec<(String, String)>>::new());
    while from < agent.next_sequence() {
        let document = get(&format!("{}/sample?from={from}&count=20000", agent.url())).await;
        for observation in document.observations() {
            if observation.inside.last().unwrap() != "Condition" {
                let time: Timestamp = observation.get("timestamp").parse().unwrap();
                let entry = got.entry(observation.get("dataItemId").to_owned()).or_default();
                entry.push((time.to_string(), observation.text.clone()));
            }
        }
        from = document.sequences().2;
    }
    assert!(got.len() > 40);
    for (item, values) in &got {
        assert_eq!(Some(values), expected.get(item.as_str()), "{item}");
    }
    let texts: usize = got.values().map(Vec::len).sum();
    assert!(texts > 80_000, "{texts}");
}
