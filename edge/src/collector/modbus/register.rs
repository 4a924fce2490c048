//! Where a value stands in a device, and how it is written there.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

/// The four tables of a Modbus device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Bits that can be set; function 1.
    Coil,
    /// Bits that can be read; function 2.
    Discrete,
    /// Registers that can be set; function 3.
    Holding,
    /// Registers that can be read; function 4.
    Input,
}

impl Table {
    /// All of them, as they are written in settings.
    pub const ALL: [(&'static str, Self); 4] =
        [("coil", Self::Coil), ("discrete", Self::Discrete), ("holding", Self::Holding), ("input", Self::Input)];

    /// As written in settings.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, table)| *table == self).map_or("", |(word, _)| word)
    }

    /// Whether an address holds one bit rather than sixteen.
    pub fn is_bits(self) -> bool {
        matches!(self, Self::Coil | Self::Discrete)
    }

    /// The digit before the number in the old notation.
    fn digit(self) -> u32 {
        match self {
            Self::Coil => 0,
            Self::Discrete => 1,
            Self::Input => 3,
            Self::Holding => 4,
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// How a number or text is written in registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One bit: of a coil or discrete input, or this one of a register (0 is the least significant).
    Bit(u8),
    /// Signed, of this many bits.
    Signed(u8),
    /// Unsigned, of this many bits.
    Unsigned(u8),
    /// IEEE 754, of this many bits.
    Float(u8),
    /// Binary-coded decimal, of this many bits.
    Bcd(u8),
    /// Characters, two in a register; this many at most.
    Text(u16),
}

impl Form {
    /// As written in settings, without those that need a further key.
    pub const NUMBERS: [(&'static str, Self); 10] = [
        ("int16", Self::Signed(16)),
        ("uint16", Self::Unsigned(16)),
        ("int32", Self::Signed(32)),
        ("uint32", Self::Unsigned(32)),
        ("int64", Self::Signed(64)),
        ("uint64", Self::Unsigned(64)),
        ("float32", Self::Float(32)),
        ("float64", Self::Float(64)),
        ("bcd16", Self::Bcd(16)),
        ("bcd32", Self::Bcd(32)),
    ];

    /// How many registers it takes.
    pub fn registers(self) -> u16 {
        match self {
            Self::Bit(_) => 1,
            Self::Signed(bits) | Self::Unsigned(bits) | Self::Float(bits) | Self::Bcd(bits) => u16::from(bits) / 16,
            Self::Text(length) => length.div_ceil(2).max(1),
        }
    }
}

/// What comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The most significant.
    Big,
    /// The least significant.
    Little,
}

/// A raw value by which the device says that it has none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Invalid {
    /// These bits.
    Bits(u64),
    /// This number.
    Number(f64),
}

/// How what was read becomes a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Reads {
    /// How it is written.
    pub form: Form,
    /// Order of the registers of one number.
    pub words: Order,
    /// Order of the bytes of one register.
    pub bytes: Order,
    /// Factor.
    pub scale: f64,
    /// Added after the factor.
    pub offset: f64,
    /// Means unavailable.
    pub invalid: Option<Invalid>,
    /// Words for raw numbers.
    pub map: BTreeMap<i64, Arc<str>>,
}

impl Reads {
    /// Plainly, the most significant first.
    pub fn new(form: Form) -> Self {
        Self {
            form,
            words: Order::Big,
            bytes: Order::Big,
            scale: 1.0,
            offset: 0.0,
            invalid: None,
            map: BTreeMap::new(),
        }
    }
}

/// What the settings say of one item besides the signal.
#[derive(Clone, Debug, PartialEq)]
pub struct Register {
    /// In which table.
    pub table: Table,
    /// The first address, from 0.
    pub start: u16,
    /// How it is read.
    pub reads: Reads,
    /// How often, if otherwise than the source.
    pub every: Option<Duration>,
}

impl Register {
    /// How many addresses it takes.
    pub fn count(&self) -> u16 {
        self.reads.form.registers()
    }

    /// Its address in words, such as `holding/100` or `holding/100.3` for a bit of a register.
    pub fn address(&self) -> String {
        match self.reads.form {
            Form::Bit(bit) if !self.table.is_bits() => format!("{}/{}.{bit}", self.table, self.start),
            _ => format!("{}/{}", self.table, self.start),
        }
    }

    /// The same as manuals that count from 1 write it: holding/100 is 40101.
    pub fn numbered(&self) -> String {
        let number = u32::from(self.start) + 1;
        let width = if number > 9_999 { 5 } else { 4 };
        format!("{}{number:0width$}", self.table.digit())
    }
}

/// `holding/100`, zero-based, or five or six digits as manuals write them (40101 is holding/100).
pub fn parse_address(text: &str) -> Result<(Table, u16), String> {
    if let Some((word, number)) = text.split_once('/') {
        let table = Table::ALL.iter().find(|(known, _)| *known == word).map(|(_, table)| *table);
        let Some(table) = table else {
            return Err(format!("`{word}` is no table of a Modbus device; there are coil, discrete, input, holding"));
        };
        let start = number.parse().map_err(|_| format!("`{number}` is no address; they go from 0 to 65535"))?;
        return Ok((table, start));
    }
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let wrong = || {
        format!(
            "`{text}` is no register; write the table and the address from 0, such as `holding/100`, or all five or six \
             digits of the manual, such as `40101`, which is the same"
        )
    };
    if !digits || !matches!(text.len(), 5 | 6) {
        return Err(wrong());
    }
    let (digit, number) = text.split_at(1);
    let table = Table::ALL.iter().map(|(_, table)| *table).find(|table| table.digit().to_string() == digit);
    let start = number.parse::<u32>().ok().and_then(|number| number.checked_sub(1));
    match (table, start.and_then(|start| u16::try_from(start).ok())) {
        (Some(table), Some(start)) => Ok((table, start)),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_both_notations() {
        for (text, table, start) in [
            ("holding/100", Table::Holding, 100),
            ("40101", Table::Holding, 100),
            ("400101", Table::Holding, 100),
            ("465536", Table::Holding, 65_535),
            ("30001", Table::Input, 0),
            ("10001", Table::Discrete, 0),
            ("00001", Table::Coil, 0),
            ("coil/65535", Table::Coil, 65_535),
        ] {
            assert_eq!(parse_address(text), Ok((table, start)), "{text}");
        }
        for bad in
            ["", "100", "40000", "20001", "4x0101", "holding/65536", "465537", "register/1", "holding/-1", "4010١"]
        {
            assert!(parse_address(bad).is_err(), "{bad}");
        }
        let register =
            |start| Register { table: Table::Holding, start, reads: Reads::new(Form::Signed(16)), every: None };
        assert_eq!((register(100).numbered(), register(9_999).numbered()), ("40101".to_owned(), "410000".to_owned()));
    }
}
