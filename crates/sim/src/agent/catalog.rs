//! The data items of a device file as the renderer needs them: numbered, with all text that never
//! changes written once.

use std::collections::HashMap;

use super::{
    device::{Category, Component, DataItem, Devices},
    observation::{Level, Observation, ObservationValue},
    xml::{Clockface, attribute, element_name, escape},
};

pub(super) struct Item {
    pub(super) id: String,
    pub(super) name: Option<String>,
    pub(super) kind: String,
    pub(super) sub_type: Option<String>,
    pub(super) category: Category,
    pub(super) discrete: bool,
    pub(super) device: u32,
    component: u32,
    element: String,
    /// ` dataItemId="…" timestamp="`
    before_time: String,
    /// `" name="…" subType="…" sequence="`
    after_time: String,
}

struct ComponentLine {
    device: u32,
    /// The opening tag of its `ComponentStream`.
    open: String,
}

pub(super) struct Catalog {
    pub(super) devices: Devices,
    pub(super) items: Vec<Item>,
    by_id: HashMap<String, u32>,
    components: Vec<ComponentLine>,
    /// The opening tags of the `DeviceStream`s.
    device_lines: Vec<String>,
    /// The opening tag of streams documents, with the XML declaration.
    streams_open: String,
}

impl Catalog {
    pub(super) fn new(devices: Devices) -> Self {
        let version = &devices.version;
        let mut streams_open = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <MTConnectStreams xmlns=\"urn:mtconnect.org:MTConnectStreams:{version}\" \
             xmlns:m=\"urn:mtconnect.org:MTConnectStreams:{version}\" \
             xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\""
        );
        for (prefix, urn) in namespaces(&devices) {
            attribute(&mut streams_open, &format!("xmlns:{prefix}"), &urn);
        }
        streams_open.push('>');
        let mut catalog = Self {
            items: Vec::new(),
            by_id: HashMap::new(),
            components: Vec::new(),
            device_lines: Vec::new(),
            streams_open,
            devices: Devices::new([]),
        };
        for (index, device) in devices.list.iter().enumerate() {
            let mut line = "<DeviceStream".to_owned();
            attribute(&mut line, "name", &device.name);
            attribute(&mut line, "uuid", &device.uuid);
            line.push('>');
            catalog.device_lines.push(line);
            catalog.add(number(index), "Device", Some(&device.name), &device.id, &device.items);
            catalog.add_all(number(index), &device.components);
        }
        catalog.by_id = (0u32..).zip(&catalog.items).map(|(index, item)| (item.id.clone(), index)).collect();
        catalog.devices = devices;
        catalog
    }

    fn add_all(&mut self, device: u32, components: &[Component]) {
        for component in components {
            self.add(device, &component.element, component.name.as_deref(), &component.id, &component.items);
            self.add_all(device, &component.components);
        }
    }

    fn add(&mut self, device: u32, element: &str, name: Option<&str>, id: &str, items: &[DataItem]) {
        let mut open = "<ComponentStream".to_owned();
        attribute(&mut open, "component", element);
        if let Some(name) = name {
            attribute(&mut open, "name", name);
        }
        attribute(&mut open, "componentId", id);
        open.push('>');
        let component = number(self.components.len());
        self.components.push(ComponentLine { device, open });
        self.items.extend(items.iter().map(|item| {
            let mut before_time = String::new();
            attribute(&mut before_time, "dataItemId", &item.id);
            before_time.push_str(" timestamp=\"");
            let mut after_time = "\"".to_owned();
            if let Some(name) = &item.name {
                attribute(&mut after_time, "name", name);
            }
            if let Some(sub_type) = &item.sub_type {
                attribute(&mut after_time, "subType", sub_type);
            }
            after_time.push_str(" sequence=\"");
            Item {
                id: item.id.clone(),
                name: item.name.clone(),
                kind: item.kind.clone(),
                sub_type: item.sub_type.clone(),
                category: item.category,
                discrete: item.discrete,
                device,
                component,
                element: element_name(&item.kind, item.representation.as_deref()),
                before_time,
                after_time,
            }
        }));
    }

    pub(super) fn item(&self, id: &str) -> Option<u32> {
        self.by_id.get(id).copied()
    }

    pub(super) fn get(&self, index: u32) -> Option<&Item> {
        self.items.get(index as usize)
    }

    /// Writes a streams document: by device, component and category, within each by sequence.
    pub(super) fn render_streams(&self, header: &str, mut observations: Vec<Observation>) -> String {
        let key = |o: &Observation| self.get(o.item).map_or((0, 0), |i| (i.component, i.category as u8));
        observations.sort_by_key(key);
        let mut out = String::with_capacity(1024 + observations.len() * 160);
        out.push_str(&self.streams_open);
        out.push_str(header);
        out.push_str("<Streams>");
        let (mut device, mut group) = (None::<u32>, None::<(u32, Category)>);
        let mut clock = Clockface::default();
        for observation in &observations {
            let Some(item) = self.get(observation.item) else { continue };
            let here = (item.component, item.category);
            if group != Some(here) {
                if let Some((component, category)) = group {
                    out.push_str(close(category));
                    if component != item.component {
                        out.push_str("</ComponentStream>");
                    }
                }
                if device != Some(item.device) {
                    if device.is_some() {
                        out.push_str("</DeviceStream>");
                    }
                    out.push_str(self.device_lines.get(item.device as usize).map_or("", String::as_str));
                    device = Some(item.device);
                }
                if group.is_none_or(|(component, _)| component != item.component)
                    && let Some(component) = self.components.get(item.component as usize)
                {
                    debug_assert_eq!(component.device, item.device);
                    out.push_str(&component.open);
                }
                out.push_str(open(item.category));
                group = Some(here);
            }
            render(&mut out, item, observation, &mut clock);
        }
        if let Some((_, category)) = group {
            out.push_str(close(category));
            out.push_str("</ComponentStream></DeviceStream>");
        }
        out.push_str("</Streams></MTConnectStreams>\n");
        out
    }
}

/// Device files in the field use prefixes that they do not declare. A streams document must.
fn namespaces(devices: &Devices) -> Vec<(String, String)> {
    let mut known = devices.namespaces.clone();
    for item in devices.list.iter().flat_map(|d| d.all_items()) {
        if let Some((prefix, _)) = item.kind.rsplit_once(':')
            && !known.iter().any(|(name, _)| name == prefix)
        {
            known.push((prefix.to_owned(), format!("urn:{prefix}:Streams:{}", devices.version)));
        }
    }
    known
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

fn open(category: Category) -> &'static str {
    match category {
        Category::Sample => "<Samples>",
        Category::Event => "<Events>",
        Category::Condition => "<Condition>",
    }
}

fn close(category: Category) -> &'static str {
    match category {
        Category::Sample => "</Samples>",
        Category::Event => "</Events>",
        Category::Condition => "</Condition>",
    }
}

fn render(out: &mut String, item: &Item, observation: &Observation, clock: &mut Clockface) {
    let element = match (&observation.value, item.category) {
        (ObservationValue::Condition(condition), _) => condition.level.as_str(),
        (ObservationValue::Unavailable, Category::Condition) => "Unavailable",
        _ => &item.element,
    };
    out.push('<');
    out.push_str(element);
    out.push_str(&item.before_time);
    clock.write(out, observation.time);
    out.push_str(&item.after_time);
    {
        use std::fmt::Write;
        // Writing to a String cannot fail.
        let _ = write!(out, "{}\"", observation.sequence);
    }
    let text: &str = match &observation.value {
        ObservationValue::Condition(condition) => {
            attribute(out, "type", &item.kind);
            let optional = [
                ("nativeCode", &condition.code),
                ("nativeSeverity", &condition.severity),
                ("qualifier", &condition.qualifier),
            ];
            for (name, value) in optional {
                if !value.is_empty() {
                    attribute(out, name, value);
                }
            }
            if condition.level == Level::Normal { "" } else { &condition.text }
        }
        ObservationValue::Unavailable if item.category == Category::Condition => {
            attribute(out, "type", &item.kind);
            ""
        }
        ObservationValue::Unavailable => "UNAVAILABLE",
        ObservationValue::Text(text) => text,
    };
    if text.is_empty() {
        out.push_str("/>");
        return;
    }
    out.push('>');
    escape(out, text);
    out.push_str("</");
    out.push_str(element);
    out.push('>');
}
