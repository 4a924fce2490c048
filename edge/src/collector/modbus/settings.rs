//! The settings of a Modbus source.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use super::{
    plan::Limits,
    register::{Form, Invalid, Order, Reads, Register, parse_address},
    serial::{Line, Parity},
};
use crate::config::{Findings, Section, Selector, SignalRule, UnitConfig, read_units_with};

/// A device, or a gateway with devices behind it.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// `url`, as it is written.
    pub url: String,
    /// What it says.
    pub address: Address,
    /// `interval` (default `1 s`): how often each register is read, unless its rule has `every`.
    pub interval: Duration,
    /// `timeout` (default `1 s`): how long an answer may take.
    pub timeout: Duration,
    /// `pause` (default none): between an answer and the next request, for slow gateways.
    pub pause: Duration,
    /// `max_registers` (default 125, sixteen times as many bits) and `max_gap` (default 8).
    pub limits: Limits,
    /// `retries` (default 1): how often a request that failed is sent again before its signals are unavailable.
    pub retries: u32,
    /// `[[source.unit]]`: `device` is the unit identifier, 0 to 247, or 255. At least one.
    pub units: Vec<UnitConfig>,
    /// For each rule of each unit, in the same order, which register it is.
    pub registers: Vec<Vec<Register>>,
}

/// How the device is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `tcp://host:port`: Modbus TCP.
    Tcp(String, u16),
    /// `rtu+tcp://host:port`: RTU frames through a serial gateway.
    RtuOverTcp(String, u16),
    /// `rtu:///dev/ttyUSB0?baud=19200&parity=even&stop=1`: a serial line of this computer.
    Rtu(Line),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) | Self::RtuOverTcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp(host, port) | Self::RtuOverTcp(host, port) => write!(f, "{host}:{port}"),
            Self::Rtu(line) => f.write_str(&line.path),
        }
    }
}

/// Registers that one request may have by the standard.
const MAX_REGISTERS: u16 = 125;
/// Keys of a rule besides those that all protocols have.
const RULE_KEYS: &[&str] = &["type", "words", "bytes", "bit", "length", "scale", "offset", "invalid", "every", "map"];

impl Settings {
    /// Keys of `[[source]]` besides the name and the protocol.
    pub const KEYS: &'static [&'static str] =
        &["url", "interval", "timeout", "pause", "max_registers", "max_gap", "retries", "unit"];

    /// From the settings file.
    pub(crate) fn read(findings: &mut Findings<'_>, section: &Section<'_>) -> Option<Self> {
        let url = section.required(findings, "url").and_then(|(url, at)| {
            let address = parse_url(url).map_err(|message| findings.report(at, message)).ok()?;
            Some((url.trim_end_matches('/').to_owned(), address))
        });
        let day = Duration::from_secs(86_400);
        let ms = Duration::from_millis;
        let interval = section.duration(findings, "interval", ms(1_000), (ms(10), day));
        let timeout = section.duration(findings, "timeout", ms(1_000), (ms(10), ms(60_000)));
        let pause = section.duration(findings, "pause", Duration::ZERO, (Duration::ZERO, ms(10_000)));
        let max = |findings: &mut Findings<'_>, key: &str, default: u16, from: i64, to: i64| {
            section.integer(findings, key, (from, to)).and_then(|number| u16::try_from(number).ok()).unwrap_or(default)
        };
        let registers = max(findings, "max_registers", MAX_REGISTERS, 1, i64::from(MAX_REGISTERS));
        let gap = max(findings, "max_gap", 8, 0, 120);
        let retries = u32::from(max(findings, "retries", 1, 0, 10));
        let limits = Limits { registers, gap };
        let units = read_units_with(findings, section, RULE_KEYS, |findings, rule, signal| {
            read_register(findings, rule, signal, registers)
        });
        for (unit, _) in &units {
            if unit_id(&unit.device).is_none() {
                let device = &unit.device;
                let message = format!(
                    "`device = \"{device}\"` is no Modbus unit identifier; they go from \"0\" to \"247\", and \"255\""
                );
                findings.report(section.at_key("unit"), message);
            }
        }
        let (units, registers) = units.into_iter().unzip();
        let (url, address) = url?;
        Some(Self { url, address, interval, timeout, pause, limits, retries, units, registers })
    }

    /// What a signal's origin begins with when it comes from here.
    pub fn prefix(&self) -> String {
        format!("modbus {} ", self.url)
    }
}

/// A unit identifier: 1 to 247 on a line, 0 or 255 for a device that is reached over TCP itself.
pub fn unit_id(text: &str) -> Option<u8> {
    text.parse().ok().filter(|id| *id <= 247 || *id == 255)
}

fn parse_url(text: &str) -> Result<Address, String> {
    let wrong = |why: &str| {
        format!(
            "`{text}` {why}; write such as tcp://10.0.0.7:502, rtu+tcp://10.0.0.7:4001 or \
             rtu:///dev/ttyUSB0?baud=19200&parity=even&stop=1"
        )
    };
    let url = reqwest::Url::parse(text).map_err(|error| wrong(&format!("is no URL ({error})")))?;
    let host = || {
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| wrong("names no host"))?;
        if url.query().is_some() || !matches!(url.path(), "" | "/") || !url.username().is_empty() {
            return Err(wrong("has more than a host and a port"));
        }
        Ok(host.trim_start_matches('[').trim_end_matches(']').to_owned())
    };
    match url.scheme() {
        "tcp" => Ok(Address::Tcp(host()?, url.port().unwrap_or(502))),
        "rtu+tcp" => Ok(Address::RtuOverTcp(host()?, url.port().ok_or_else(|| wrong("names no port"))?)),
        "rtu" if url.host_str().is_none_or(str::is_empty) && url.path().len() > 1 => {
            let mut line = Line::new(url.path());
            for (key, value) in url.query_pairs() {
                let known = match key.as_ref() {
                    "baud" => value.parse().ok().filter(|baud| Line::BAUDS.contains(baud)).map(|baud| line.baud = baud),
                    "parity" => {
                        Parity::ALL.iter().find(|(word, _)| *word == value).map(|(_, parity)| line.parity = *parity)
                    }
                    "stop" => value.parse().ok().filter(|stop| matches!(stop, 1 | 2)).map(|stop| line.stop = stop),
                    _ => return Err(wrong(&format!("has `{key}`; there are baud, parity, stop"))),
                };
                known.ok_or_else(|| {
                    wrong(&format!("has `{key}={value}`; baud is a usual one from 1200 to 921600, parity none, even or odd, stop 1 or 2"))
                })?;
            }
            Ok(Address::Rtu(line))
        }
        "rtu" => Err(wrong("names no serial port")),
        _ => Err(wrong("must begin with tcp://, rtu+tcp:// or rtu://")),
    }
}

fn read_register(
    findings: &mut Findings<'_>,
    rule: &Section<'_>,
    signal: &SignalRule,
    max_registers: u16,
) -> Option<Register> {
    let Selector::Item(item) = &signal.selector else {
        let message =
            "a Modbus device does not tell which registers it has, so there is no `pattern`: name each with `item`";
        findings.report(rule.at_key("pattern"), message.to_owned());
        return None;
    };
    let (table, start) = parse_address(item).map_err(|message| findings.report(rule.at_key("item"), message)).ok()?;
    let bit = rule.integer(findings, "bit", (0, 15)).and_then(|bit| u8::try_from(bit).ok());
    let length = rule.integer(findings, "length", (1, 250)).and_then(|length| u16::try_from(length).ok());
    let mut refuse = |key: &str, message: &str| {
        findings.report(rule.at_key(key), message.to_owned());
        None
    };
    let form = match (rule.has("type"), table.is_bits()) {
        _ if table.is_bits() && bit.is_some() => {
            return refuse("bit", "a coil or discrete input is one bit; there is no `bit` of it");
        }
        (false, true) => Form::Bit(0),
        (false, false) if bit.is_some() => Form::Bit(bit?),
        (false, false) => {
            return refuse(
                "item",
                "`type` is missing: say how the register is written, such as \"uint16\" or \"float32\"",
            );
        }
        (true, bits) => {
            let forms: Vec<(&str, Form)> =
                Form::NUMBERS.into_iter().chain([("bit", Form::Bit(u8::MAX)), ("string", Form::Text(0))]).collect();
            match rule.choice(findings, "type", &forms, Form::Text(u16::MAX)) {
                Form::Bit(_) if bits => Form::Bit(0),
                Form::Text(u16::MAX) => return None,
                _ if bits => {
                    findings.report(
                        rule.at_key("type"),
                        "a coil or discrete input is one bit: its type is \"bit\"".to_owned(),
                    );
                    return None;
                }
                Form::Bit(_) => match bit {
                    Some(bit) => Form::Bit(bit),
                    None => {
                        findings.report(rule.at, "`bit` is missing: which of the register, 0 to 15".to_owned());
                        return None;
                    }
                },
                Form::Text(_) => match length {
                    Some(length) => Form::Text(length),
                    None => {
                        findings.report(rule.at, "`length` is missing: how many characters the text has".to_owned());
                        return None;
                    }
                },
                number => number,
            }
        }
    };
    let mut reads = Reads::new(form);
    let orders = [("big", Order::Big), ("little", Order::Little)];
    reads.words = rule.choice(findings, "words", &orders, Order::Big);
    reads.bytes = rule.choice(findings, "bytes", &orders, Order::Big);
    reads.scale = rule.number(findings, "scale").unwrap_or(1.0);
    reads.offset = rule.number(findings, "offset").unwrap_or(0.0);
    reads.invalid = invalid(findings, rule, form);
    reads.map = words(findings, rule);
    let number = matches!(form, Form::Signed(_) | Form::Unsigned(_) | Form::Float(_) | Form::Bcd(_));
    let useless = [
        ("bit", !matches!(form, Form::Bit(_))),
        ("length", !matches!(form, Form::Text(_))),
        ("words", form.registers() == 1 || !number),
        ("bytes", table.is_bits()),
        ("scale", !number || !reads.map.is_empty()),
        ("offset", !number || !reads.map.is_empty()),
        ("invalid", !number),
        ("map", matches!(form, Form::Text(_))),
    ];
    for (key, useless) in useless {
        if useless && rule.has(key) {
            let message = match key {
                "scale" | "offset" if !reads.map.is_empty() => format!("a rule has either `map` or `{key}`"),
                _ => format!("`{key}` means nothing for this type"),
            };
            findings.report(rule.at_key(key), message);
        }
    }
    let every = rule.has("every").then(|| {
        rule.duration(
            findings,
            "every",
            Duration::from_secs(1),
            (Duration::from_millis(10), Duration::from_secs(86_400)),
        )
    });
    let register = Register { table, start, reads, every };
    if register.count() > max_registers {
        findings.report(
            rule.at,
            format!("it takes {} registers, more than `max_registers` ({max_registers})", register.count()),
        );
    }
    if u32::from(start) + u32::from(register.count()) > 1 << 16 {
        findings
            .report(rule.at_key("item"), format!("it goes on beyond the last register of the table, {table}/65535"));
    }
    Some(register)
}

/// Whole numbers mean the raw bits, also written as a negative number of the type; others the number itself.
fn invalid(findings: &mut Findings<'_>, rule: &Section<'_>, form: Form) -> Option<Invalid> {
    let width = form.registers().min(4) * 16;
    if !rule.is_integer("invalid") {
        return rule.number(findings, "invalid").map(Invalid::Number);
    }
    let bounds = match width {
        64 => (i64::MIN, i64::MAX),
        _ => (-(1 << (width - 1)), (1 << width) - 1),
    };
    let mask = if width == 64 { u64::MAX } else { (1 << width) - 1 };
    let bits = rule.integer(findings, "invalid", bounds)?;
    Some(Invalid::Bits(bits.cast_unsigned() & mask))
}

fn words(findings: &mut Findings<'_>, rule: &Section<'_>) -> BTreeMap<i64, Arc<str>> {
    let mut map = BTreeMap::new();
    for (number, word, at) in rule.texts(findings, "map") {
        let (digits, radix) = number.strip_prefix("0x").map_or((number, 10), |digits| (digits, 16));
        match i64::from_str_radix(digits, radix) {
            Ok(number) if !word.trim().is_empty() => drop(map.insert(number, word.into())),
            Ok(_) => findings.report(at, "a word of `map` is empty".to_owned()),
            Err(_) => findings.report(at, format!("`{number}` in `map` is no whole number")),
        }
    }
    map
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
