//! Reading and writing `MTConnectDevices` documents.

use quick_xml::{
    Reader, XmlVersion,
    events::{BytesStart, Event},
};

use super::{
    device::{Category, Component, DataItem, Device, Devices},
    xml::attribute,
};

/// A device file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// Not well-formed.
    #[error("the device file is no well-formed XML: {0}")]
    Xml(String),
    /// An element lacks an attribute that the standard requires.
    #[error("the device file has a {element} without `{attribute}` (byte {position})")]
    MissingAttribute {
        /// Name of the element.
        element: String,
        /// Name of the attribute.
        attribute: &'static str,
        /// Where the element ends.
        position: u64,
    },
    /// A category that the standard does not know.
    #[error("data item `{id}` has category `{category}`; expected SAMPLE, EVENT or CONDITION")]
    Category {
        /// The item.
        id: String,
        /// What it says.
        category: String,
    },
    /// Two items of one id.
    #[error("two data items have the id `{0}`; ids are unique over the whole device file")]
    DuplicateId(String),
    /// Not an `MTConnectDevices` document with a header.
    #[error("the device file has no {0} element; expected an MTConnectDevices document")]
    Missing(&'static str),
}

/// The text of a device file, cut where its header and its devices stand.
#[derive(Clone, Debug, Default)]
pub(super) struct Original {
    before_header: String,
    before_devices: String,
    devices: Vec<String>,
    after_devices: String,
}

struct Reading<'a> {
    text: &'a str,
    devices: Devices,
    original: Original,
    /// Names of the open elements.
    open: Vec<String>,
    components: Vec<Component>,
    device: Option<(Device, usize)>,
    header_at: Option<usize>,
    cut: usize,
    ids: std::collections::BTreeSet<String>,
}

/// See [`Devices::from_xml`].
pub(super) fn parse(text: &str) -> Result<Devices, ProbeError> {
    let mut reader = Reader::from_str(text);
    let mut reading = Reading {
        text,
        devices: Devices { version: "1.3".to_owned(), ..Devices::new([]) },
        original: Original::default(),
        open: Vec::new(),
        components: Vec::new(),
        device: None,
        header_at: None,
        cut: 0,
        ids: std::collections::BTreeSet::new(),
    };
    loop {
        let start = offset(reader.buffer_position());
        let event = reader.read_event().map_err(|e| ProbeError::Xml(e.to_string()))?;
        let end = reader.buffer_position();
        match event {
            Event::Start(element) => reading.start(&element, start, end)?,
            Event::Empty(element) => {
                reading.start(&element, start, end)?;
                reading.end(end);
            }
            Event::End(_) => reading.end(end),
            Event::Eof => break,
            _ => {}
        }
    }
    reading.finish()
}

fn offset(position: u64) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}

impl Reading<'_> {
    fn slice(&self, from: usize, to: usize) -> String {
        self.text.get(from..to).unwrap_or_default().to_owned()
    }

    fn start(&mut self, element: &BytesStart<'_>, start: usize, end: u64) -> Result<(), ProbeError> {
        let name = element.local_name().as_ref().to_owned();
        let parent = self.open.last().map_or("", String::as_str);
        let missing = |attribute| ProbeError::MissingAttribute { element: name.clone(), attribute, position: end };
        match (parent, name.as_str()) {
            ("", "MTConnectDevices") => self.root(element)?,
            ("MTConnectDevices", "Header") => {
                self.original.before_header = self.slice(0, start);
                self.header_at = Some(start);
            }
            ("Devices", _) => {
                let device = Device {
                    id: value(element, "id")?.ok_or(missing("id"))?,
                    name: value(element, "name")?.ok_or(missing("name"))?,
                    uuid: value(element, "uuid")?.ok_or(missing("uuid"))?,
                    description: None,
                    items: Vec::new(),
                    components: Vec::new(),
                };
                if self.original.devices.is_empty() {
                    self.original.before_devices = self.slice(self.cut, start);
                }
                self.device = Some((device, start));
            }
            ("Components", _) => self.components.push(Component {
                element: name.clone(),
                id: value(element, "id")?.ok_or(missing("id"))?,
                name: value(element, "name")?,
                items: Vec::new(),
                components: Vec::new(),
            }),
            ("DataItems", "DataItem") => {
                let id = value(element, "id")?.ok_or(missing("id"))?;
                let category = match value(element, "category")?.ok_or(missing("category"))? {
                    word if word == "SAMPLE" => Category::Sample,
                    word if word == "EVENT" => Category::Event,
                    word if word == "CONDITION" => Category::Condition,
                    category => return Err(ProbeError::Category { id, category }),
                };
                if !self.ids.insert(id.clone()) {
                    return Err(ProbeError::DuplicateId(id));
                }
                let mut item = DataItem::of(category, id, value(element, "type")?.ok_or(missing("type"))?);
                item.name = value(element, "name")?;
                item.sub_type = value(element, "subType")?;
                item.units = value(element, "units")?;
                item.representation = value(element, "representation")?;
                item.discrete = value(element, "discrete")?.as_deref() == Some("true")
                    || item.representation.as_deref() == Some("DISCRETE")
                    || item.kind == "MESSAGE";
                if let Some(component) = self.components.last_mut() {
                    component.items.push(item);
                } else if let Some((device, _)) = &mut self.device {
                    device.items.push(item);
                }
            }
            _ => {}
        }
        self.open.push(name);
        Ok(())
    }

    /// Version and extensions stand in the names of the namespaces.
    fn root(&mut self, element: &BytesStart<'_>) -> Result<(), ProbeError> {
        for attribute in element.attributes() {
            let attribute = attribute.map_err(|e| ProbeError::Xml(e.to_string()))?;
            let urn = attribute
                .normalized_value(XmlVersion::Explicit1_0)
                .map_err(|e| ProbeError::Xml(e.to_string()))?
                .into_owned();
            match attribute.key.as_ref() {
                "xmlns" => {
                    if let Some((_, version)) = urn.rsplit_once(':') {
                        self.devices.version = version.to_owned();
                    }
                }
                "xmlns:xsi" | "xmlns:m" => {}
                key => {
                    if let Some(prefix) = key.strip_prefix("xmlns:") {
                        self.devices.namespaces.push((prefix.to_owned(), urn.replace("Devices", "Streams")));
                    }
                }
            }
        }
        Ok(())
    }

    fn end(&mut self, end: u64) {
        let Some(name) = self.open.pop() else { return };
        match self.open.last().map_or("", String::as_str) {
            "MTConnectDevices" if name == "Header" => self.cut = offset(end),
            "Devices" => {
                if let Some((device, start)) = self.device.take() {
                    self.original.devices.push(self.slice(start, offset(end)));
                    self.devices.list.push(device);
                    self.cut = offset(end);
                }
            }
            "Components" => {
                if let Some(component) = self.components.pop() {
                    if let Some(parent) = self.components.last_mut() {
                        parent.components.push(component);
                    } else if let Some((device, _)) = &mut self.device {
                        device.components.push(component);
                    }
                }
            }
            _ => {}
        }
    }

    fn finish(mut self) -> Result<Devices, ProbeError> {
        if self.header_at.is_none() {
            return Err(ProbeError::Missing("Header"));
        }
        if self.devices.list.is_empty() {
            return Err(ProbeError::Missing("Device"));
        }
        self.original.after_devices = self.slice(self.cut, self.text.len());
        self.devices.original = Some(self.original);
        Ok(self.devices)
    }
}

fn value(element: &BytesStart<'_>, name: &str) -> Result<Option<String>, ProbeError> {
    let attribute = element.try_get_attribute(name).map_err(|e| ProbeError::Xml(e.to_string()))?;
    attribute
        .map(|a| a.normalized_value(XmlVersion::Explicit1_0).map(std::borrow::Cow::into_owned))
        .transpose()
        .map_err(|e| ProbeError::Xml(e.to_string()))
}

/// Writes the probe document of all devices, or of the one at `only`.
pub(super) fn render(devices: &Devices, header: &str, only: Option<usize>) -> String {
    let wanted = |index: usize| only.is_none_or(|only| only == index);
    if let Some(original) = &devices.original {
        let mut out = format!("{}{header}{}", original.before_header, original.before_devices);
        let shown = original.devices.iter().enumerate().filter(|(i, _)| wanted(*i)).map(|(_, d)| d.as_str());
        out.push_str(&shown.collect::<Vec<_>>().join("\n    "));
        out.push_str(&original.after_devices);
        return out;
    }
    let version = &devices.version;
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <MTConnectDevices xmlns=\"urn:mtconnect.org:MTConnectDevices:{version}\" \
         xmlns:m=\"urn:mtconnect.org:MTConnectDevices:{version}\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">{header}<Devices>"
    );
    for (_, device) in devices.list.iter().enumerate().filter(|(i, _)| wanted(*i)) {
        out.push_str("<Device");
        attribute(&mut out, "id", &device.id);
        attribute(&mut out, "name", &device.name);
        attribute(&mut out, "uuid", &device.uuid);
        out.push('>');
        if let Some(text) = &device.description {
            out.push_str("<Description>");
            super::xml::escape(&mut out, text);
            out.push_str("</Description>");
        }
        contents(&mut out, &device.items, &device.components);
        out.push_str("</Device>");
    }
    out.push_str("</Devices></MTConnectDevices>\n");
    out
}

fn contents(out: &mut String, items: &[DataItem], components: &[Component]) {
    if !items.is_empty() {
        out.push_str("<DataItems>");
        for item in items {
            data_item(out, item);
        }
        out.push_str("</DataItems>");
    }
    if !components.is_empty() {
        out.push_str("<Components>");
        for component in components {
            out.push('<');
            out.push_str(&component.element);
            attribute(out, "id", &component.id);
            if let Some(name) = &component.name {
                attribute(out, "name", name);
            }
            out.push('>');
            contents(out, &component.items, &component.components);
            out.push_str("</");
            out.push_str(&component.element);
            out.push('>');
        }
        out.push_str("</Components>");
    }
}

fn data_item(out: &mut String, item: &DataItem) {
    out.push_str("<DataItem");
    attribute(out, "id", &item.id);
    attribute(out, "category", item.category.as_str());
    attribute(out, "type", &item.kind);
    let optional = [
        ("name", &item.name),
        ("subType", &item.sub_type),
        ("units", &item.units),
        ("representation", &item.representation),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            attribute(out, name, value);
        }
    }
    if item.discrete {
        attribute(out, "discrete", "true");
    }
    out.push_str("/>");
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"<?xml version="1.0"?>
<MTConnectDevices xmlns="urn:mtconnect.org:MTConnectDevices:1.3" xmlns:x="urn:acme:AcmeDevices:1.3">
  <Header instanceId="7"/>
  <Devices>
    <Device id="a" name="A" uuid="ua"><DataItems><DataItem id="a1" category="EVENT" type="AVAILABILITY"/></DataItems></Device>
    <!-- between -->
    <Device id="b" name="B &amp; C" uuid="ub"><Components><Controller id="b2" name="ctl">
      <DataItems><DataItem id="b3" name="exec" category="EVENT" type="EXECUTION"><Source>x</Source></DataItem></DataItems>
      <Components><Path id="b4"><DataItems><DataItem id="b5" category="EVENT" type="y:MODE"/></DataItems></Path></Components>
    </Controller></Components></Device>
  </Devices>
</MTConnectDevices>"#;

    #[test]
    fn a_device_file_is_read_and_served_with_a_new_header() {
        let devices = parse(FILE).unwrap();
        assert_eq!(devices.version, "1.3");
        let ids: Vec<_> = devices.list[1].all_items().iter().map(|i| i.id.clone()).collect();
        assert_eq!(ids, ["b3", "b5"]);
        assert_eq!(devices.list[1].name, "B & C");
        assert_eq!(devices.namespaces[0], ("x".into(), "urn:acme:AcmeStreams:1.3".into()));
        let all = render(&devices, "<Header instanceId=\"8\"/>", None);
        assert!(all.contains("instanceId=\"8\"") && !all.contains("instanceId=\"7\""));
        assert_eq!(parse(&all).unwrap().list.len(), 2);
        let one = render(&devices, "<Header instanceId=\"8\"/>", Some(1));
        assert!(!one.contains("name=\"A\"") && one.contains("B &amp; C"));
        assert_eq!(parse(&one).unwrap().list[0].id, "b");
    }

    #[test]
    fn what_is_written_reads_back_the_same() {
        let device = Device::new("press<1>")
            .description("A \"press\" & more")
            .item(DataItem::event("p-avail", "AVAILABILITY"))
            .component(Component::new("Controller", "p-c").component(
                Component::new("Path", "p-p").name("path").item(DataItem::event("p-n", "PART_COUNT").sub_type("GOOD")),
            ));
        let text = render(&Devices::new([device]), "<Header/>", None);
        let again = parse(&text).unwrap();
        assert_eq!(again.list[0].name, "press<1>");
        assert_eq!(again.list[0].components[0].components[0].items[0].sub_type.as_deref(), Some("GOOD"));
        assert_eq!(again.version, "2.0");
    }

    #[test]
    fn mistakes_are_named() {
        let twice = FILE.replace("\"b5\"", "\"b3\"");
        assert_eq!(parse(&twice).unwrap_err(), ProbeError::DuplicateId("b3".into()));
        let nameless = FILE.replace("id=\"a1\" ", "");
        assert!(matches!(parse(&nameless).unwrap_err(), ProbeError::MissingAttribute { attribute: "id", .. }));
        assert!(matches!(parse("<a><b></a>").unwrap_err(), ProbeError::Xml(_)));
        assert_eq!(parse("<html/>").unwrap_err(), ProbeError::Missing("Header"));
    }
}
