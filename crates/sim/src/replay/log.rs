//! One line of a log.

use std::{collections::HashMap, sync::Arc};

use gemba_domain::Timestamp;

use crate::agent::{Category, Device, ObservationValue};

/// What a line of the log can be about.
struct Known {
    id: Arc<str>,
    category: Category,
    is_message: bool,
}

/// The items of a device, by name and by id.
pub(super) struct Items {
    device: String,
    known: HashMap<String, Known>,
}

/// An item and its value, or the name of an item that the device file does not have.
pub(super) type Entry<'a> = Result<(Arc<str>, ObservationValue), &'a str>;

impl Items {
    pub(super) fn new(device: &Device) -> Self {
        let mut known = HashMap::new();
        for item in device.all_items() {
            let id: Arc<str> = item.id.as_str().into();
            for key in item.name.iter().chain([&item.id]) {
                known.entry(key.clone()).or_insert_with(|| Known {
                    id: id.clone(),
                    category: item.category,
                    is_message: item.kind == "MESSAGE",
                });
            }
        }
        Self { device: device.name.clone(), known }
    }

    /// Reads a line; `None` when it has no time, no item or no value.
    pub(super) fn read<'a>(&self, line: &'a str) -> Option<(Timestamp, Vec<Entry<'a>>)> {
        let mut fields = line.trim_end_matches(['\r', '\n']).split('|').collect::<Vec<_>>().into_iter();
        let time = fields.next()?.parse().ok()?;
        let mut entries = Vec::new();
        while let Some(key) = fields.next() {
            let left = fields.as_slice();
            if left.is_empty() {
                break;
            }
            let name = key.strip_prefix(&self.device).and_then(|rest| rest.strip_prefix(':')).unwrap_or(key);
            let Some(item) = self.known.get(name) else {
                entries.push(Err(name));
                let is_condition =
                    left.len() >= 5 && matches!(left.first(), Some(&("Normal" | "Warning" | "Fault" | "Unavailable")));
                fields.nth(if is_condition { 4 } else { 0 });
                continue;
            };
            let width = match item.category {
                Category::Condition => 5,
                _ if item.is_message => 2,
                _ => 1,
            };
            let taken: Vec<&str> = fields.by_ref().take(width).collect();
            let value = match item.category {
                Category::Condition => ObservationValue::condition_from_log(&taken.join("|")),
                // The native code of a message has no place here; its text is the last field.
                Category::Event => taken.last().map(|text| ObservationValue::from(*text)),
                Category::Sample => taken.first().map(|text| match *text {
                    "" => ObservationValue::Unavailable,
                    text => text.into(),
                }),
            };
            entries.push(value.map(|value| (item.id.clone(), value)).ok_or(name));
        }
        (!entries.is_empty()).then_some((time, entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::{Condition, DataItem};

    fn items() -> Items {
        Items::new(
            &Device::new("M1")
                .item(DataItem::event("m1-exec", "EXECUTION").name("execution"))
                .item(DataItem::sample("m1-x", "POSITION", "MILLIMETER").name("Xabs"))
                .item(DataItem::event("m1-msg", "MESSAGE").name("message"))
                .item(DataItem::condition("m1-sys", "SYSTEM").name("system")),
        )
    }

    fn read(line: &str) -> Vec<Entry<'_>> {
        items().read(line).unwrap().1
    }

    fn ok(id: &str, value: impl Into<ObservationValue>) -> Entry<'static> {
        Ok((id.into(), value.into()))
    }

    const AT: &str = "2016-11-01T08:42:17.075Z";

    #[test]
    fn items_are_known_by_name_and_by_id() {
        assert_eq!(read(&format!("{AT}|execution|ACTIVE")), [ok("m1-exec", "ACTIVE")]);
        assert_eq!(read(&format!("{AT}|m1-exec|UNAVAILABLE\r\n")), [ok("m1-exec", ObservationValue::Unavailable)]);
        assert_eq!(read(&format!("{AT}|M1:Xabs|1.5")), [ok("m1-x", "1.5")]);
        assert_eq!(read(&format!("{AT}|Xabs|")), [ok("m1-x", ObservationValue::Unavailable)]);
        let time = items().read(&format!("{AT}|execution|ACTIVE")).unwrap().0;
        assert_eq!(time.to_string(), AT);
    }

    #[test]
    fn a_line_may_carry_several_items() {
        let line = format!("{AT}|Xabs|2|system|Fault|42|700|HIGH|too hot|execution|STOPPED|message|7|door open");
        let fault = Condition::fault("42", "too hot").severity("700").qualifier("HIGH");
        assert_eq!(
            read(&line),
            [ok("m1-x", "2"), ok("m1-sys", fault), ok("m1-exec", "STOPPED"), ok("m1-msg", "door open")]
        );
    }

    #[test]
    fn unknown_items_do_not_disturb_their_neighbours() {
        let line = format!("{AT}|foo|1|bar|Normal||||x|execution|READY|baz|UNAVAILABLE");
        assert_eq!(read(&line), [Err("foo"), Err("bar"), ok("m1-exec", "READY"), Err("baz")]);
    }

    #[test]
    fn lines_without_time_or_value_are_none() {
        for line in ["", "execution|ACTIVE", AT, &format!("{AT}|execution"), "yesterday|execution|ACTIVE"] {
            assert!(items().read(line).is_none(), "{line}");
        }
        assert_eq!(read(&format!("{AT}|system|Broken||||")), [Err("system")]);
    }
}
