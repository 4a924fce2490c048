//! The devices document: what an agent has.

use std::borrow::Cow;

use super::xml::{Document, Element, Step, XmlError};

/// What stands in the header of every answer, as far as it is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Changes when the agent loses its buffer: sequence numbers of different instances have nothing in common.
    pub instance: u64,
    /// How many observations the agent keeps.
    pub buffer_size: Option<u64>,
    /// When the document was made, by the agent's clock, as written.
    pub creation_time: Option<String>,
    /// Where to go on reading.
    pub next_sequence: Option<u64>,
    /// The oldest observation the agent still has.
    pub first_sequence: Option<u64>,
    /// The newest one.
    pub last_sequence: Option<u64>,
}

impl Header {
    pub(super) fn read(element: &Element<'_>) -> Result<Self, XmlError> {
        let mut header = Self::default();
        let mut instance = None;
        element.attributes(|name, value| match name {
            "instanceId" => instance = value.trim().parse().ok(),
            "bufferSize" => header.buffer_size = value.trim().parse().ok(),
            "creationTime" => header.creation_time = Some(value.into_owned()),
            "nextSequence" => header.next_sequence = value.trim().parse().ok(),
            "firstSequence" => header.first_sequence = value.trim().parse().ok(),
            "lastSequence" => header.last_sequence = value.trim().parse().ok(),
            _ => {}
        })?;
        header.instance = instance.ok_or(XmlError::Missing("Header with a numeric instanceId"))?;
        Ok(header)
    }
}

/// A devices document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Devices {
    /// Its header.
    pub header: Header,
    /// In document order; an agent's description of itself counts as one.
    pub devices: Vec<Device>,
}

/// One device with all data items of all its components.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// `id`.
    pub id: String,
    /// `uuid`.
    pub uuid: String,
    /// `name`.
    pub name: String,
    /// It is the agent's description of itself.
    pub is_agent: bool,
    /// In document order.
    pub items: Vec<DataItem>,
}

/// One `DataItem`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DataItem {
    /// `id`, unique in the agent.
    pub id: String,
    /// `name`.
    pub name: Option<String>,
    /// `SAMPLE`, `EVENT` or `CONDITION`.
    pub category: String,
    /// `type`, such as `EXECUTION`.
    pub kind: String,
    /// `subType`, such as `ACTUAL`.
    pub sub_type: Option<String>,
    /// `units`, such as `MILLIMETER`.
    pub units: Option<String>,
    /// `representation`, such as `DATA_SET`; none is `VALUE`.
    pub representation: Option<String>,
}

/// Reads a devices document.
pub fn parse(bytes: &[u8]) -> Result<Devices, XmlError> {
    let mut document = Document::new(bytes)?;
    document.root("MTConnectDevices")?;
    let mut out = Devices::default();
    let mut header = None;
    // Depth of the device that is open; the root is at 1.
    let (mut depth, mut device_depth) = (1_usize, None);
    loop {
        match document.step()? {
            Step::Start(element) => {
                depth += 1;
                match (element.name(), device_depth) {
                    ("Header", None) => header = Some(Header::read(&element)?),
                    ("Device" | "Agent", None) => {
                        device_depth = Some(depth);
                        out.devices.push(device(&element)?);
                    }
                    ("DataItem", Some(_)) => {
                        if let (Some(item), Some(device)) = (data_item(&element)?, out.devices.last_mut()) {
                            device.items.push(item);
                        }
                    }
                    _ => {}
                }
            }
            Step::End => {
                if device_depth == Some(depth) {
                    device_depth = None;
                }
                depth -= 1;
            }
            Step::Text(_) => {}
            Step::Done => break,
        }
    }
    out.header = header.ok_or(XmlError::Missing("Header"))?;
    Ok(out)
}

fn device(element: &Element<'_>) -> Result<Device, XmlError> {
    let mut device = Device { is_agent: element.name() == "Agent", ..Device::default() };
    element.attributes(|name, value| match name {
        "id" => device.id = value.into_owned(),
        "uuid" => device.uuid = value.into_owned(),
        "name" => device.name = value.into_owned(),
        _ => {}
    })?;
    Ok(device)
}

fn data_item(element: &Element<'_>) -> Result<Option<DataItem>, XmlError> {
    let mut item = DataItem::default();
    let some = |value: Cow<'_, str>| (!value.is_empty()).then(|| value.into_owned());
    element.attributes(|name, value| match name {
        "id" => item.id = value.into_owned(),
        "name" => item.name = some(value),
        "category" => item.category = value.into_owned(),
        "type" => item.kind = value.into_owned(),
        "subType" => item.sub_type = some(value),
        "units" => item.units = some(value),
        "representation" => item.representation = some(value),
        _ => {}
    })?;
    Ok((!item.id.is_empty()).then_some(item))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_components_and_items_are_found_at_any_depth() {
        let text = r#"<?xml version="1.0"?><MTConnectDevices xmlns="urn:mtconnect.org:MTConnectDevices:1.8">
            <Header creationTime="2009-03-22T01:50:29Z" instanceId="7" bufferSize="1000"/><Devices>
            <Device uuid="u1" name="press-1" id="d"><DataItems><DataItem type="AVAILABILITY" category="EVENT" id="a"/></DataItems>
              <Components><Axes id="x"><Components><Linear id="l" name="X"><DataItems>
                <DataItem category="SAMPLE" id="p" name="Xpos" subType="ACTUAL" type="POSITION" units="MILLIMETER"><Source>x</Source></DataItem>
              </DataItems></Linear></Components></Axes></Components></Device>
            <Agent uuid="u2" name="agent" id="g"><DataItems><DataItem category="EVENT" id="" type="X"/></DataItems></Agent>
            </Devices></MTConnectDevices>"#;
        let devices = parse(text.as_bytes()).unwrap();
        assert_eq!((devices.header.instance, devices.header.buffer_size), (7, Some(1000)));
        let names: Vec<_> = devices.devices.iter().map(|d| (d.name.as_str(), d.is_agent, d.items.len())).collect();
        assert_eq!(names, [("press-1", false, 2), ("agent", true, 0)]);
        let item = &devices.devices[0].items[1];
        assert_eq!((item.name.as_deref(), item.units.as_deref()), (Some("Xpos"), Some("MILLIMETER")));
    }

    #[test]
    fn other_documents_are_refused() {
        assert!(matches!(parse(b"<MTConnectStreams/>"), Err(XmlError::WrongRoot { .. })));
        assert!(matches!(parse(b"<MTConnectDevices/>"), Err(XmlError::Missing(_))));
        assert!(matches!(
            parse(b"<MTConnectDevices><Header instanceId='x'/></MTConnectDevices>"),
            Err(XmlError::Missing(_))
        ));
    }
}
