//! What is asked of each variable besides its place: its data type, whether it may be read, its unit of measure.

use std::collections::{HashMap, HashSet};

use opcua::types::{
    AttributeId, BrowseDescription, BrowseDirection, DataValue, EUInformation, Identifier, NodeId, ReferenceTypeId,
    Variant,
};

use super::{
    address::Namespaces,
    browse::{self, Variable},
    link::Link,
    server::{self, Limits},
};
use crate::collector::Failure;

/// Supertypes that are walked up from a data type.
const MAX_SUPERTYPES: usize = 16;
/// Data types that are looked into.
const MAX_TYPES: usize = 2_000;
/// Bits of AccessLevel (OPC UA part 3, 8.57).
const CURRENT_READ: u8 = 1;
const HISTORY_READ: u8 = 4;

/// The built-in type that a data type comes down to, as far as it matters here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Base {
    Boolean,
    Integer,
    /// A number with a fraction, or any number.
    Number,
    Enumeration,
    Structure,
    /// Text, times, ids.
    Text,
    #[default]
    Unknown,
}

impl Base {
    /// From the identifier of a built-in type (OPC UA part 6, 5.1.2).
    fn built_in(id: u32) -> Option<Self> {
        match id {
            1 => Some(Self::Boolean),
            2..=9 | 27 | 28 => Some(Self::Integer),
            10 | 11 | 26 => Some(Self::Number),
            12..=21 => Some(Self::Text),
            22 => Some(Self::Structure),
            29 => Some(Self::Enumeration),
            23..=25 => Some(Self::Unknown),
            _ => None,
        }
    }

    /// Whether a deadband makes sense.
    pub(super) fn is_number(self) -> bool {
        matches!(self, Self::Integer | Self::Number)
    }
}

/// Of one variable.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Facts {
    pub(super) base: Base,
    /// The type's name or id, for people.
    pub(super) type_name: String,
    /// It is a structure that the server defines itself.
    pub(super) own_structure: bool,
    pub(super) readable: bool,
    pub(super) has_history: bool,
    pub(super) uom: Option<String>,
}

/// For each variable, in order.
pub(super) async fn of(
    link: &Link,
    limits: Limits,
    namespaces: &Namespaces,
    variables: &[Variable],
) -> Result<Vec<Facts>, Failure> {
    let ask = |variable: &Variable| {
        let id = &variable.id;
        [AttributeId::DataType, AttributeId::AccessLevel, AttributeId::UserAccessLevel].map(|a| (id.clone(), a))
    };
    let asked: Vec<_> = variables.iter().flat_map(ask).collect();
    let answers = server::read(link, &asked, limits.read).await?;
    let types: Vec<Option<NodeId>> = answers.chunks(3).map(|three| data_type(three.first())).collect();
    let bases = bases(link, limits, namespaces, types.iter().flatten()).await?;
    let units: Vec<_> = variables.iter().filter_map(|variable| variable.units.clone()).collect();
    let asked: Vec<_> = units.iter().map(|id| (id.clone(), AttributeId::Value)).collect();
    let read = server::read(link, &asked, limits.read).await?;
    let units: HashMap<NodeId, String> =
        units.into_iter().zip(&read).filter_map(|(id, value)| unit(value).map(|unit| (id, unit))).collect();
    let facts = variables.iter().zip(answers.chunks(3)).zip(types).map(|((variable, three), data_type)| {
        let level = access(three.get(1), three.get(2));
        let base = data_type.as_ref().and_then(|id| bases.get(id)).copied().unwrap_or_default();
        let own = data_type.as_ref().is_some_and(|id| id.namespace != 0);
        Facts {
            base,
            type_name: data_type.map(|id| type_name(namespaces, &id)).unwrap_or_default(),
            own_structure: own && base == Base::Structure,
            readable: level & CURRENT_READ != 0,
            has_history: level & HISTORY_READ != 0,
            uom: variable.units.as_ref().and_then(|id| units.get(id).cloned()),
        }
    });
    Ok(facts.collect())
}

fn data_type(value: Option<&DataValue>) -> Option<NodeId> {
    match value?.value.as_ref()? {
        Variant::NodeId(id) => Some((**id).clone()),
        _ => None,
    }
}

/// What the user may do, as far as told; a server that tells nothing lets try.
fn access(level: Option<&DataValue>, user: Option<&DataValue>) -> u8 {
    let told = |value: Option<&DataValue>| match value.and_then(|value| value.value.as_ref()) {
        Some(Variant::Byte(level)) => Some(*level),
        _ => None,
    };
    match (told(level), told(user)) {
        (Some(level), Some(user)) => level & user,
        (Some(level), None) | (None, Some(level)) => level,
        (None, None) => CURRENT_READ,
    }
}

fn unit(value: &DataValue) -> Option<String> {
    let Some(Variant::ExtensionObject(object)) = &value.value else { return None };
    let unit = object.inner_as::<EUInformation>()?.display_name.text.as_ref().trim();
    (!unit.is_empty() && unit.len() <= 64).then(|| unit.to_owned())
}

fn type_name(namespaces: &Namespaces, id: &NodeId) -> String {
    match id.as_data_type_id() {
        Ok(known) => format!("{known:?}"),
        Err(_) => namespaces.text(id),
    }
}

/// Walks up from each data type to the built-in one.
async fn bases(
    link: &Link,
    limits: Limits,
    namespaces: &Namespaces,
    types: impl Iterator<Item = &NodeId>,
) -> Result<HashMap<NodeId, Base>, Failure> {
    let mut out = HashMap::new();
    let types: HashSet<&NodeId> = types.take(MAX_TYPES * 100).collect();
    let mut open: Vec<(NodeId, NodeId)> = Vec::new();
    for id in types.into_iter().take(MAX_TYPES) {
        match base(id) {
            Some(base) => drop(out.insert(id.clone(), base)),
            None => open.push((id.clone(), id.clone())),
        }
    }
    for _ in 0..MAX_SUPERTYPES {
        if open.is_empty() {
            break;
        }
        let ask = |(_, at): &(NodeId, NodeId)| BrowseDescription {
            node_id: at.clone(),
            browse_direction: BrowseDirection::Inverse,
            reference_type_id: ReferenceTypeId::HasSubtype.into(),
            include_subtypes: false,
            node_class_mask: 0,
            result_mask: 0,
        };
        let answers = browse::browse(link, limits, open.iter().map(ask).collect()).await?;
        let walked = open.into_iter().zip(answers).filter_map(|((id, _), answer)| {
            let above = answer.ok()?.into_iter().next()?;
            Some((id, namespaces.resolve(&above.node_id)?))
        });
        let mut next = Vec::new();
        for (id, at) in walked {
            match base(&at) {
                Some(base) => drop(out.insert(id, base)),
                None => next.push((id, at)),
            }
        }
        open = next;
    }
    Ok(out)
}

fn base(id: &NodeId) -> Option<Base> {
    match (&id.identifier, id.namespace) {
        (Identifier::Numeric(number), 0) => Base::built_in(*number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_read() {
        let level = |level: u8| DataValue::new_now(Variant::Byte(level));
        assert_eq!(access(Some(&level(5)), Some(&level(1))), 1);
        assert_eq!(access(Some(&level(2)), None), 2);
        assert_eq!(access(None, None), CURRENT_READ);
    }

    #[test]
    fn built_in_types() {
        assert_eq!(base(&NodeId::new(0, 6_u32)), Some(Base::Integer));
        assert_eq!(base(&NodeId::new(0, 290_u32)), None);
        assert_eq!(base(&NodeId::new(1, 6_u32)), None);
    }
}
