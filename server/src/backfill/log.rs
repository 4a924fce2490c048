//! The grammar of recorded MTConnect logs.
//!
//! Day files: `time|item|value`, several pairs to a line permitted, conditions as
//! `time|item|level|code|severity|qualifier|text` (the form agents take from adapters). Tables of events: CSV with the
//! columns `timestamp`, `item` and `value` in any order, named in the first line.

use gemba_domain::Timestamp;

/// The word of a source that cannot tell, in any case of letters.
pub(super) const UNAVAILABLE: &str = "unavailable";

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Fields separated by `|`.
    Piped,
    /// CSV; the places of timestamp, item and value.
    Table([usize; 3]),
}

/// The events of one line: all at one time.
#[derive(Debug, PartialEq)]
pub(super) struct Events<'a> {
    pub time: Timestamp,
    /// Item and value.
    pub pairs: Vec<(&'a str, std::borrow::Cow<'a, str>)>,
}

impl Form {
    /// Judged by the first line. True when that line is a head without events.
    pub fn of(first: &str) -> (Self, bool) {
        let Ok(cells) = cells(first) else { return (Form::Piped, false) };
        let place = |name: &str| cells.iter().position(|cell| cell.trim().eq_ignore_ascii_case(name));
        match (place("timestamp").or_else(|| place("time")), place("item"), place("value")) {
            (Some(time), Some(item), Some(value)) => (Form::Table([time, item, value]), true),
            _ => (Form::Piped, false),
        }
    }

    /// Reads a line. The error is the reason, for people.
    pub fn read<'a>(&self, line: &'a str) -> Result<Events<'a>, String> {
        match self {
            Form::Piped => piped(line),
            Form::Table(places) => row(line, *places),
        }
    }
}

fn time(text: &str) -> Result<Timestamp, String> {
    // Adapters may add a duration: 2016-…Z@100.0
    let text = text.split_once('@').map_or(text, |(time, _)| time);
    text.trim().parse().map_err(|error: gemba_domain::TimestampError| error.to_string())
}

fn piped(line: &str) -> Result<Events<'_>, String> {
    let (stamp, rest) = line.split_once('|').ok_or("expected `time|item|value`, found no `|`")?;
    let time = time(stamp)?;
    if let Some((item, value)) = condition(rest) {
        return Ok(Events { time, pairs: vec![(named(item)?, value.into())] });
    }
    let fields: Vec<&str> = rest.split('|').collect();
    if fields.len() % 2 == 1 {
        return Err(format!("`{}` has no value: {} fields after the time", fields[fields.len() - 1], fields.len()));
    }
    let pairs = fields.chunks_exact(2).map(|pair| Ok((named(pair[0])?, pair[1].trim().into())));
    Ok(Events { time, pairs: pairs.collect::<Result<_, String>>()? })
}

fn named(item: &str) -> Result<&str, String> {
    let item = item.trim();
    // A name may carry its device: `Mazak03:execution`.
    let item = item.rsplit(':').next().unwrap_or(item);
    if item.is_empty() { Err("an item without a name".to_owned()) } else { Ok(item) }
}

/// `item|level|code|severity|qualifier|text`, when it is one and not three pairs.
fn condition(rest: &str) -> Option<(&str, &str)> {
    let (item, value) = rest.split_once('|')?;
    let fields: Vec<&str> = value.splitn(5, '|').collect();
    let [level, code, _, qualifier, _] = fields.as_slice() else { return None };
    let named = ["normal", "warning", "fault"].iter().any(|word| level.eq_ignore_ascii_case(word));
    let silent = level.eq_ignore_ascii_case(UNAVAILABLE) && (code.is_empty() || qualifier.is_empty());
    (named || silent).then_some((item, value))
}

/// Whether a value is a condition's.
pub(super) fn is_condition(value: &str) -> bool {
    condition_level(value).is_some()
}

/// The level of a condition's value: its first field, when there are five and it is one.
pub(super) fn condition_level(value: &str) -> Option<&str> {
    let level = value.split('|').next()?;
    let known = ["normal", "warning", "fault", UNAVAILABLE].iter().any(|word| level.eq_ignore_ascii_case(word));
    (known && value.bytes().filter(|b| *b == b'|').count() >= 4).then_some(level)
}

/// Whether a value says that the source cannot tell.
pub(super) fn is_unavailable(value: &str) -> bool {
    value.eq_ignore_ascii_case(UNAVAILABLE)
        || condition_level(value).is_some_and(|l| l.eq_ignore_ascii_case(UNAVAILABLE))
}

fn row(line: &str, places: [usize; 3]) -> Result<Events<'_>, String> {
    let mut cells = cells(line)?;
    let most = places.into_iter().max().unwrap_or(0);
    if cells.len() <= most {
        return Err(format!("expected at least {} cells, found {}", most + 1, cells.len()));
    }
    let mut take = |place: usize| std::mem::take(&mut cells[place]);
    let (stamp, item, value) = (take(places[0]), take(places[1]), take(places[2]));
    let time = time(&stamp)?;
    match item {
        std::borrow::Cow::Borrowed(item) => Ok(Events { time, pairs: vec![(named(item)?, value)] }),
        std::borrow::Cow::Owned(item) => Err(format!("`{item}` is no item name")),
    }
}

/// The cells of a line of CSV (RFC 4180, no line breaks within quotes).
fn cells(line: &str) -> Result<Vec<std::borrow::Cow<'_, str>>, String> {
    let mut cells = Vec::with_capacity(3);
    let mut rest = line;
    loop {
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut end = 0;
            loop {
                let at = quoted[end..].find('"').ok_or("a quote is not closed")? + end;
                if quoted[at + 1..].starts_with('"') {
                    end = at + 2;
                } else {
                    end = at;
                    break;
                }
            }
            let text = &quoted[..end];
            cells.push(if text.contains('"') { text.replace("\"\"", "\"").into() } else { text.into() });
            rest = &quoted[end + 1..];
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            cells.push(rest[..end].into());
            rest = &rest[end..];
        }
        match rest.strip_prefix(',') {
            Some(next) => rest = next,
            None if rest.is_empty() => return Ok(cells),
            None => return Err("text after a closing quote".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: &str = "2016-11-01T08:42:54.248Z";

    fn pairs(line: &str) -> Result<Vec<(String, String)>, String> {
        let events = Form::Piped.read(line)?;
        Ok(events.pairs.into_iter().map(|(item, value)| (item.to_owned(), value.into_owned())).collect())
    }

    #[test]
    fn pairs_and_conditions_are_told_apart() {
        let own = |pairs: &[(&str, &str)]| Ok(pairs.iter().map(|(i, v)| ((*i).to_owned(), (*v).to_owned())).collect());
        assert_eq!(pairs(&format!("{T}|execution|ACTIVE")), own(&[("execution", "ACTIVE")]));
        assert_eq!(pairs(&format!("{T}|a|1|b|2|c|3")), own(&[("a", "1"), ("b", "2"), ("c", "3")]));
        assert_eq!(
            pairs(&format!("{T}|system_cond|Warning|1101|||INTERFERE")),
            own(&[("system_cond", "Warning|1101|||INTERFERE")])
        );
        assert_eq!(pairs(&format!("{T}|x|Fault|1|2|3|a|b")), own(&[("x", "Fault|1|2|3|a|b")]), "a text may hold pipes");
        assert_eq!(pairs(&format!("{T}|x|Unavailable||||")), own(&[("x", "Unavailable||||")]));
        assert_eq!(
            pairs(&format!("{T}|a|UNAVAILABLE|b|UNAVAILABLE|c|UNAVAILABLE")),
            own(&[("a", "UNAVAILABLE"), ("b", "UNAVAILABLE"), ("c", "UNAVAILABLE")])
        );
        assert_eq!(pairs(&format!("{T}@2.5|dev:a|")), own(&[("a", "")]));
    }

    #[test]
    fn bad_lines_say_what_is_wrong() {
        for (line, part) in [
            ("no pipes here", "no `|`"),
            ("yesterday|a|1", "yesterday"),
            (&format!("{T}|a"), "no value"),
            (&format!("{T}|a|1|b"), "`b` has no value"),
            (&format!("{T}||1"), "without a name"),
        ] {
            let reason = pairs(line).expect_err(line);
            assert!(reason.contains(part), "{line}: {reason}");
        }
    }

    #[test]
    fn tables_are_known_by_their_first_line() {
        let (form, head) = Form::of("timestamp,item,value");
        assert!(head);
        let line = format!("{T},program_cmt,\"say \"\"hi\"\", twice\"");
        let events = form.read(&line).expect("valid");
        assert_eq!(events.pairs, [("program_cmt", "say \"hi\", twice".into())]);
        let (form, _) = Form::of("value,timestamp,item");
        let line = format!("5,{T},a");
        assert_eq!(form.read(&line).expect("valid").pairs, [("a", "5".into())]);
        assert!(form.read("5").is_err() && form.read("\"5").is_err() && form.read("\"5\"x,1,2").is_err());
        assert_eq!(Form::of(&format!("{T}|a|1")), (Form::Piped, false));
    }
}
