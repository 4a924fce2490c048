use std::io::Read;

use gemba_contract::edge::OfferedSignal;
use gemba_domain::signal::SignalKind;
use proptest::prelude::*;

use super::*;
use crate::{
    collector::mtconnect::{mapping::Mapping, probe},
    config::{Config, SourceSettings},
    queue::SignalTable,
};

const NOW: Timestamp = Timestamp::from_seconds(1_000);

fn mapping_all(devices: &probe::Devices) -> (ItemIndex, SignalTable) {
    let units: String = devices
        .devices
        .iter()
        .enumerate()
        .map(|(n, device)| {
            format!(
                "[[source.unit]]\ndevice='{}'\npath='a/b/c/d/u{n}'\nsignals=[{{pattern='*', signal='{{id}}'}}]\n",
                device.name
            )
        })
        .collect();
    let text = format!(
        "[server]\nurl='http://s'\n[queue]\ndirectory='q'\n[[source]]\nname='a'\nprotocol='mtconnect'\n\
         url='http://agent'\n{units}"
    );
    let config = Config::parse(&text, std::path::Path::new("")).unwrap();
    let signals = SignalTable::default();
    let SourceSettings::MtConnect(settings) = &config.sources[0].settings else { panic!("not MTConnect") };
    (Mapping::resolve(settings, devices).index(&signals), signals)
}

fn item(id: &str, category: &str, kind: &str, representation: Option<&str>) -> probe::DataItem {
    probe::DataItem {
        id: id.to_owned(),
        category: category.to_owned(),
        kind: kind.to_owned(),
        representation: representation.map(str::to_owned),
        ..probe::DataItem::default()
    }
}

fn index() -> ItemIndex {
    let items = vec![
        item("x", "SAMPLE", "POSITION", None),
        item("e", "EVENT", "EXECUTION", None),
        item("c", "CONDITION", "SYSTEM", None),
        item("v", "EVENT", "VARIABLE", Some("DATA_SET")),
        item("w", "EVENT", "WORK_OFFSET", Some("TABLE")),
    ];
    let device = probe::Device { name: "d".to_owned(), items, ..probe::Device::default() };
    mapping_all(&probe::Devices { devices: vec![device], ..probe::Devices::default() }).0
}

fn document(body: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><MTConnectStreams><Header instanceId=\"9\" creationTime=\"2026-01-01T00:00:00Z\" nextSequence=\"50\" \
         firstSequence=\"1\" lastSequence=\"49\"/><Streams><DeviceStream name=\"d\" uuid=\"u\"><ComponentStream component=\"Device\" \
         componentId=\"d\">{body}</ComponentStream></DeviceStream></Streams></MTConnectStreams>"
    )
}

fn read(body: &str) -> Streams {
    parse(document(body).as_bytes(), &index(), &mut Words::default(), NOW).unwrap()
}

fn value(body: &str) -> Value {
    read(body).observations.remove(0).value
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

#[test]
fn observations_come_out_by_sequence_with_their_times() {
    let streams = read(
        r#"<Events><Execution dataItemId="e" sequence="12" timestamp="1970-01-01T00:00:02.5Z">ACTIVE</Execution></Events>
           <Samples><Position dataItemId="x" sequence="11" timestamp="1970-01-01T00:00:02">1.5E1</Position></Samples>"#,
    );
    let got: Vec<_> = streams.observations.iter().map(|o| (o.sequence, o.time.micros(), o.value.clone())).collect();
    assert_eq!(got, [(11, 2_000_000, Value::Number(15.0)), (12, 2_500_000, text("ACTIVE"))]);
    assert_eq!((streams.header.next_sequence, streams.highest, streams.bad_times), (Some(50), 12, 0));
}

#[test]
fn values_of_every_sort() {
    let sample = |content: &str| {
        value(&format!(
            "<Samples><P dataItemId='x' sequence='1' timestamp='1970-01-01T00:00:00Z'>{content}</P></Samples>"
        ))
    };
    assert_eq!(sample(" -0.0001 "), Value::Number(-0.0001));
    assert_eq!(sample("UNAVAILABLE"), Value::Unavailable);
    assert_eq!(sample("NaN"), Value::Unavailable);
    assert_eq!(sample("1 2 3"), text("1 2 3"));
    let condition = |xml: &str| value(&format!("<Condition>{xml}</Condition>"));
    let head = "dataItemId='c' sequence='1' timestamp='1970-01-01T00:00:00Z' type='SYSTEM'";
    assert_eq!(condition(&format!("<Normal {head}/>")), text("Normal||||"));
    assert_eq!(condition(&format!("<Unavailable {head}/>")), Value::Unavailable);
    assert_eq!(
        condition(&format!(
            "<Fault {head} nativeCode='7' nativeSeverity='2' qualifier='HIGH'>A|B\nhot &amp; bad</Fault>"
        )),
        text("Fault|7|2|HIGH|A B hot & bad")
    );
    let set = "<Events><VariableDataSet dataItemId='v' sequence='1' timestamp='1970-01-01T00:00:00Z' count='2'>\n  <Entry key='a'>1</Entry>\n \
               <Entry key='b'>two</Entry></VariableDataSet></Events>";
    assert_eq!(value(set), text("a=1 b=two"));
    let table = "<Events><WorkOffsetTable dataItemId='w' sequence='1' timestamp='1970-01-01T00:00:00Z'><Entry key='G54'>\n<Cell key='X'>1</Cell>\n\
                 <Cell key='Y'>2</Cell></Entry> <Entry key='G55'><Cell key='X'>3</Cell></Entry></WorkOffsetTable></Events>";
    assert_eq!(value(table), text("G54={X=1 Y=2} G55={X=3}"));
}

#[test]
fn what_cannot_be_read_is_counted_or_refuses_the_whole_document() {
    let streams = read(
        "<Events><E dataItemId='e' sequence='1' timestamp='yesterday'>A</E><E dataItemId='e' sequence='2'>B</E></Events>",
    );
    assert_eq!(streams.bad_times, 2);
    assert!(streams.observations.iter().all(|observation| observation.time == NOW));
    let streams = read("<Events><E dataItemId='new' sequence='77' timestamp='1970-01-01T00:00:00Z'>A</E></Events>");
    assert_eq!((streams.unknown, streams.observations.len(), streams.highest), (vec!["new".to_owned()], 0, 77));
    let good = document("<Events><E dataItemId='e' sequence='1' timestamp='1970-01-01T00:00:00Z'>A</E></Events>");
    for cut in [good.len() / 2, good.len() - 1] {
        assert!(parse(&good.as_bytes()[..cut], &index(), &mut Words::default(), NOW).is_err());
    }
    for bad in ["<E sequence='1'>A</E>", "<E dataItemId='e'>A</E>", "<E dataItemId='e' sequence='x'>A</E>"] {
        let bytes = document(&format!("<Events>{bad}</Events>"));
        assert!(parse(bytes.as_bytes(), &index(), &mut Words::default(), NOW).is_err(), "{bad}");
    }
}

#[test]
fn long_texts_are_cut_at_a_character() {
    let long = "é".repeat(MAX_TEXT);
    let Value::Text(kept) =
        value(&format!("<Events><E dataItemId='e' sequence='1' timestamp='1970-01-01T00:00:00Z'>{long}</E></Events>"))
    else {
        panic!("a text was expected");
    };
    assert!(kept.len() <= MAX_TEXT && kept.len() > MAX_TEXT - 4, "{}", kept.len());
}

#[test]
fn error_documents_of_both_forms() {
    let old = "<MTConnectError><Header instanceId='1'/><Errors><Error errorCode='OUT_OF_RANGE'>'from' must be greater than 5</Error></Errors></MTConnectError>";
    let new = "<MTConnectError><Header instanceId='1'/><Errors><OutOfRange errorCode='OUT_OF_RANGE'><ErrorMessage>'from' must be greater than 5</ErrorMessage></OutOfRange></Errors></MTConnectError>";
    for document in [old, new] {
        let errors = parse_errors(document.as_bytes()).unwrap().errors;
        assert_eq!(errors, [("OUT_OF_RANGE".to_owned(), "'from' must be greater than 5".to_owned())]);
    }
    assert_eq!(parse_errors(b"<html/>"), None);
}

fn data() -> std::path::PathBuf {
    std::env::var_os("DEV_DATA").map_or_else(|| "../../shared/data".into(), Into::into)
}

#[test]
fn a_real_streams_document_is_read_whole() {
    let Ok(packed) = std::fs::read(data().join("nist_smstestbed/full_rate_days/qdr_input001.xml.gz")) else {
        println!("skipped: no NIST streams document in the data directory");
        return;
    };
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut bytes).unwrap();
    let plain = std::str::from_utf8(&bytes).unwrap();
    // Every item is unknown at first and named; then each is taken, as the re-probe would.
    let ids: std::collections::BTreeSet<&str> =
        plain.split("dataItemId=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let items = ids.iter().map(|id| item(id, "SAMPLE", "POSITION", None)).collect();
    let device = probe::Device { name: "d".to_owned(), items, ..probe::Device::default() };
    let (index, signals) = mapping_all(&probe::Devices { devices: vec![device], ..probe::Devices::default() });
    let streams = parse(&bytes, &index, &mut Words::default(), NOW).unwrap();
    assert_eq!(streams.observations.len(), plain.matches("dataItemId=").count());
    assert_eq!(streams.header.instance, 1_475_083_573);
    assert_eq!((streams.bad_times, streams.unknown.len()), (0, 0));
    assert!(streams.observations.is_sorted_by_key(|observation| observation.sequence));
    assert!(streams.observations.iter().any(|o| o.value == Value::Unavailable));
    assert_eq!(signals.offered().len(), ids.len());
}

#[test]
fn real_devices_documents_are_read_and_map() {
    let Ok(files) = std::fs::read_dir(data().join("mtconnect/samples")) else {
        println!("skipped: no MTConnect samples in the data directory");
        return;
    };
    let mut read = 0;
    for file in files.map(|file| file.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "xml")) {
        let bytes = std::fs::read(&file).unwrap();
        match probe::parse(&bytes) {
            Ok(devices) if devices.devices.is_empty() => {}
            Ok(devices) => {
                let text = String::from_utf8_lossy(&bytes);
                let (_, signals) = mapping_all(&devices);
                let kinds =
                    signals.offered().iter().filter(|s: &&OfferedSignal| s.kind == SignalKind::Condition).count();
                assert!(text.matches("category=\"CONDITION\"").count() >= kinds, "{}", file.display());
                read += 1;
            }
            Err(error) => println!("{}: {error}", file.display()),
        }
    }
    assert!(read >= 15, "only {read} of the sample documents were read");
}

proptest! {
    #[test]
    fn noise_never_panics(body in "[<>/a-z='& ]{0,200}") {
        let _ = parse(document(&body).as_bytes(), &index(), &mut Words::default(), NOW);
        let _ = parse(body.as_bytes(), &index(), &mut Words::default(), NOW);
    }
}
