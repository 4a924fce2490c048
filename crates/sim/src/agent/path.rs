//! The part of XPath that clients send to narrow a request: `//Device[@name="a"]`,
//! `//DataItem[@type="EXECUTION" and @subType='ACTUAL']`, one after the other, and unions with `|`.

use super::{catalog::Catalog, problem::Problem};

/// Attributes and the values they must have.
type Conditions = Vec<(String, String)>;

/// One alternative: conditions on the device and on the item.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    device: Conditions,
    item: Conditions,
}

/// What a request asks for.
#[derive(Debug, Default)]
pub(super) struct Filter {
    pub(super) device: Option<String>,
    /// Empty: everything.
    pub(super) path: Vec<Step>,
}

impl Filter {
    /// For each item whether it is asked for.
    pub(super) fn select(&self, catalog: &Catalog) -> Result<Vec<bool>, Problem> {
        let device = self.device.as_deref().map(|name| device_index(catalog, name)).transpose()?;
        let devices = catalog.devices.list();
        let matches = |step: &Step, item: &super::catalog::Item| {
            let Some(owner) = devices.get(item.device as usize) else { return false };
            step.device.iter().all(|(name, value)| match name.as_str() {
                "name" => owner.name == *value,
                "uuid" => owner.uuid == *value,
                _ => owner.id == *value,
            }) && step.item.iter().all(|(name, value)| match name.as_str() {
                "id" => item.id == *value,
                "name" => item.name.as_deref() == Some(value),
                "type" => item.kind == *value,
                "subType" => item.sub_type.as_deref() == Some(value),
                _ => item.category.as_str() == value,
            })
        };
        let wanted = |item: &super::catalog::Item| {
            device.is_none_or(|device| item.device as usize == device)
                && (self.path.is_empty() || self.path.iter().any(|step| matches(step, item)))
        };
        Ok(catalog.items.iter().map(wanted).collect())
    }
}

pub(super) fn device_index(catalog: &Catalog, name: &str) -> Result<usize, Problem> {
    catalog
        .devices
        .list()
        .iter()
        .position(|d| d.name == name || d.uuid == name)
        .ok_or_else(|| Problem::NoDevice(name.to_owned()))
}

/// Reads the `path` parameter.
pub(super) fn parse(text: &str) -> Result<Vec<Step>, Problem> {
    let refuse = || {
        Problem::InvalidPath(format!(
            "the path `{text}` cannot be read; this agent knows //Device and //DataItem with [@attribute=\"value\"]"
        ))
    };
    text.split('|')
        .map(|alternative| {
            let mut step = Step::default();
            let mut rest = alternative.trim();
            if rest.is_empty() {
                return Err(refuse());
            }
            while !rest.is_empty() {
                rest = rest.strip_prefix("//").ok_or_else(refuse)?;
                let (into, known, after): (_, &[&str], _) = if let Some(after) = rest.strip_prefix("DataItem") {
                    (&mut step.item, &["id", "name", "type", "subType", "category"], after)
                } else if let Some(after) = rest.strip_prefix("Device") {
                    (&mut step.device, &["id", "name", "uuid"], after)
                } else {
                    return Err(refuse());
                };
                rest = after;
                if let Some(predicate) = rest.strip_prefix('[') {
                    let (conditions, after) = predicate.split_once(']').ok_or_else(refuse)?;
                    for condition in conditions.split(" and ") {
                        let (name, value) = condition.trim().split_once('=').ok_or_else(refuse)?;
                        let name = name.trim().strip_prefix('@').filter(|n| known.contains(n)).ok_or_else(refuse)?;
                        let value = value.trim();
                        let quoted = |q| value.strip_prefix(q).and_then(|v: &str| v.strip_suffix(q));
                        let value = quoted('"').or_else(|| quoted('\'')).ok_or_else(refuse)?;
                        into.push((name.to_owned(), value.to_owned()));
                    }
                    rest = after;
                }
            }
            Ok(step)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_paths_are_read() {
        let steps =
            parse("//Device[@name=\"a\"]//DataItem[@type='EXECUTION' and @category=\"EVENT\"]|//DataItem").unwrap();
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(steps[0].device, [pair("name", "a")]);
        assert_eq!(steps[0].item, [pair("type", "EXECUTION"), pair("category", "EVENT")]);
        assert_eq!(steps[1], Step::default());
    }

    #[test]
    fn what_is_not_understood_is_refused_not_ignored() {
        for path in [
            "",
            "//Axes//Linear",
            "//DataItem[@type=EXECUTION]",
            "//DataItem[@foo='a']",
            "//Device[",
            "DataItem",
            "//Device/x",
        ] {
            assert_eq!(parse(path).unwrap_err().code(), "INVALID_PATH", "{path}");
        }
    }
}
