use std::path::Path;

use super::*;
use crate::config::{Config, SourceSettings};

fn parse(source: &str, device: &str, rules: &str) -> Result<Settings, Vec<(usize, String)>> {
    let text = format!(
        "[server]\nurl = 'http://s'\n[queue]\ndirectory = 'q'\n[[source]]\nname = 'x'\nprotocol = 'modbus'\n{source}\n\
         [[source.unit]]\ndevice = '{device}'\npath = 'a/b/c/d/e'\nsignals = [ {rules} ]\n"
    );
    match Config::parse(&text, Path::new("")) {
        Ok(mut config) => match config.sources.remove(0).settings {
            SourceSettings::Modbus(settings) => Ok(settings),
            other => panic!("{other:?}"),
        },
        Err(findings) => Err(findings.into_iter().map(|finding| (finding.line, finding.message)).collect()),
    }
}

fn refused(rule: &str) -> String {
    let found = parse("url = 'tcp://plc'", "1", rule).unwrap_err();
    assert_eq!(found.len(), 1, "{rule}: {found:?}");
    found[0].1.clone()
}

fn register(rule: &str) -> Register {
    parse("url = 'tcp://plc'", "1", rule).unwrap().registers.remove(0).remove(0)
}

#[test]
fn urls() {
    let address = |url: &str| parse(&format!("url = '{url}'"), "1", "{item='coil/1', signal='x'}").map(|s| s.address);
    assert_eq!(address("tcp://10.0.0.7"), Ok(Address::Tcp("10.0.0.7".to_owned(), 502)));
    assert_eq!(address("tcp://[fe80::1]:1502/").unwrap().to_string(), "[fe80::1]:1502");
    assert_eq!(address("rtu+tcp://gw:4001"), Ok(Address::RtuOverTcp("gw".to_owned(), 4001)));
    let Ok(Address::Rtu(line)) = address("rtu:///dev/ttyUSB0?baud=9600&parity=none&stop=2") else { panic!("no line") };
    assert_eq!((line.path.as_str(), line.baud, line.parity, line.stop), ("/dev/ttyUSB0", 9_600, Parity::None, 2));
    let Ok(Address::Rtu(line)) = address("rtu:///dev/ttyS1") else { panic!("no line") };
    assert_eq!((line.baud, line.parity, line.stop), (19_200, Parity::Even, 1));
    for bad in [
        "http://plc",
        "tcp://",
        "rtu+tcp://gw",
        "tcp://plc/path",
        "rtu://",
        "rtu:///dev/x?baud=7",
        "rtu:///dev/x?speed=1",
        "plc:502",
    ] {
        assert!(address(bad).is_err(), "{bad}");
    }
}

#[test]
fn registers_with_all_their_keys() {
    let float = register(
        "{item='40101', signal='x', type='float32', words='little', bytes='little', scale=0.1, offset=-40, invalid=0x8000, every='5 s'}",
    );
    assert_eq!(
        (float.table, float.start, float.every),
        (crate::collector::modbus::Table::Holding, 100, Some(Duration::from_secs(5)))
    );
    assert_eq!(
        (float.reads.words, float.reads.bytes, float.reads.scale, float.reads.offset),
        (Order::Little, Order::Little, 0.1, -40.0)
    );
    assert_eq!(float.reads.invalid, Some(Invalid::Bits(0x8000)));
    assert_eq!(
        register("{item='input/1', signal='x', type='int16', invalid=-1}").reads.invalid,
        Some(Invalid::Bits(0xFFFF))
    );
    assert_eq!(
        register("{item='input/1', signal='x', type='float32', invalid=-999.9}").reads.invalid,
        Some(Invalid::Number(-999.9))
    );
    let state = register("{item='input/1', signal='x', type='uint16', map={'0'='STOPPED', '0x10'='RUNNING'}}");
    assert_eq!(state.reads.map.iter().map(|(n, w)| (*n, &**w)).collect::<Vec<_>>(), [(0, "STOPPED"), (16, "RUNNING")]);
    assert_eq!(register("{item='input/1', signal='x', bit=3}").reads.form, Form::Bit(3));
    assert_eq!(register("{item='coil/1', signal='x'}").count(), 1);
    assert_eq!(register("{item='holding/1', signal='x', type='string', length=7}").count(), 4);
}

#[test]
fn what_cannot_be_right_is_said() {
    for (rule, words) in [
        ("{pattern='holding/*', signal='{rest}'}", "there is no `pattern`"),
        ("{item='holding/1', signal='x'}", "`type` is missing"),
        ("{item='holding/1', signal='x', type='int8'}", "`int8` is no `type`"),
        ("{item='holding/1', signal='x', type='bit'}", "`bit` is missing"),
        ("{item='holding/1', signal='x', type='string'}", "`length` is missing"),
        ("{item='coil/1', signal='x', type='int16'}", "is one bit"),
        ("{item='coil/1', signal='x', bit=1}", "is one bit"),
        ("{item='holding/1', signal='x', type='int16', words='little'}", "`words` means nothing"),
        ("{item='holding/1', signal='x', type='int16', scale=0.1, map={'1'='A'}}", "either `map` or `scale`"),
        ("{item='holding/1', signal='x', type='int16', map={'one'='A'}}", "`one` in `map` is no whole number"),
        ("{item='holding/1', signal='x', type='int16', invalid=0x10000}", "between -32768 and 65535"),
        ("{item='holding/65535', signal='x', type='int32'}", "beyond the last register"),
        ("{item='100', signal='x', type='int16'}", "write the table and the address"),
        ("{item='holding/1', signal='x', type='int16', scal=2}", "did you mean `scale`?"),
        ("{item='holding/1', signal='x', type='int16', scale='2'}", "must be a number"),
    ] {
        let message = refused(rule);
        assert!(message.contains(words), "{rule}: {message}");
    }
    let (_, message) = parse("url = 'tcp://plc'", "300", "{item='coil/1', signal='x'}").unwrap_err().remove(0);
    assert!(message.contains("`device = \"300\"` is no Modbus unit identifier"), "{message}");
    let (_, message) =
        parse("url = 'tcp://plc'\nmax_registers = 126", "1", "{item='coil/1', signal='x'}").unwrap_err().remove(0);
    assert!(message.contains("between 1 and 125"), "{message}");
}
