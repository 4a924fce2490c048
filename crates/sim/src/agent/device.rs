//! What a probe describes: devices, their components and data items.

use super::probe::{self, Original, ProbeError};

/// A whole device file.
#[derive(Clone, Debug)]
pub struct Devices {
    pub(super) version: String,
    pub(super) list: Vec<Device>,
    /// Prefixes of extensions and their names in streams documents.
    pub(super) namespaces: Vec<(String, String)>,
    /// The text it was read from, when it was.
    pub(super) original: Option<Original>,
}

impl Devices {
    /// Described in code; served as MTConnect 2.0.
    pub fn new(devices: impl IntoIterator<Item = Device>) -> Self {
        Self { version: "2.0".to_owned(), list: devices.into_iter().collect(), namespaces: Vec::new(), original: None }
    }

    /// Reads an `MTConnectDevices` document. The probe then serves this very text, with its header
    /// made new, and all documents carry the version of its namespace.
    ///
    /// # Errors
    /// The text is no well-formed XML, or an element lacks an attribute that the standard requires.
    pub fn from_xml(text: &str) -> Result<Self, ProbeError> {
        probe::parse(text)
    }

    /// The devices, in the order of the document.
    pub fn list(&self) -> &[Device] {
        &self.list
    }

    /// The device of this name, UUID or id.
    pub fn device(&self, name: &str) -> Option<&Device> {
        self.list.iter().find(|d| d.name == name || d.uuid == name || d.id == name)
    }
}

/// One device.
#[derive(Clone, Debug)]
pub struct Device {
    /// Identity within the document.
    pub id: String,
    /// Name; also the path of its own probe, current and sample.
    pub name: String,
    /// Identity for its whole life.
    pub uuid: String,
    /// For people.
    pub description: Option<String>,
    /// Items of the device itself.
    pub items: Vec<DataItem>,
    /// Its parts.
    pub components: Vec<Component>,
}

impl Device {
    /// With id and name `name`, and a UUID made of it.
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        Self {
            id: name.clone(),
            uuid: format!("gemba-sim-{name}"),
            name,
            description: None,
            items: Vec::new(),
            components: Vec::new(),
        }
    }

    /// Sets the UUID.
    #[must_use]
    pub fn uuid(mut self, uuid: impl Into<String>) -> Self {
        self.uuid = uuid.into();
        self
    }

    /// Sets the description.
    #[must_use]
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// Adds an item.
    #[must_use]
    pub fn item(mut self, item: DataItem) -> Self {
        self.items.push(item);
        self
    }

    /// Adds a component.
    #[must_use]
    pub fn component(mut self, component: Component) -> Self {
        self.components.push(component);
        self
    }

    /// Every item of the device and of its components, in the order of the document.
    pub fn all_items(&self) -> Vec<&DataItem> {
        fn collect<'a>(components: &'a [Component], into: &mut Vec<&'a DataItem>) {
            for component in components {
                into.extend(&component.items);
                collect(&component.components, into);
            }
        }
        let mut items = self.items.iter().collect();
        collect(&self.components, &mut items);
        items
    }
}

/// A part of a device, such as `Controller`, `Path` or `Axes`.
#[derive(Clone, Debug)]
pub struct Component {
    /// Name of the element.
    pub element: String,
    /// Identity within the document.
    pub id: String,
    /// Name, where it has one.
    pub name: Option<String>,
    /// Its items.
    pub items: Vec<DataItem>,
    /// Its own parts.
    pub components: Vec<Component>,
}

impl Component {
    /// An element such as `Controller`, with an id unique in the document.
    pub fn new(element: impl Into<String>, id: impl Into<String>) -> Self {
        Self { element: element.into(), id: id.into(), name: None, items: Vec::new(), components: Vec::new() }
    }

    /// Sets the name.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Adds an item.
    #[must_use]
    pub fn item(mut self, item: DataItem) -> Self {
        self.items.push(item);
        self
    }

    /// Adds a component.
    #[must_use]
    pub fn component(mut self, component: Component) -> Self {
        self.components.push(component);
        self
    }
}

/// What sort of thing a data item reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// A continuous quantity.
    Sample,
    /// A state, a count, a text.
    Event,
    /// Health: normal, warning, fault.
    Condition,
}

impl Category {
    /// The word in the probe.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sample => "SAMPLE",
            Self::Event => "EVENT",
            Self::Condition => "CONDITION",
        }
    }
}

/// One data item.
#[derive(Clone, Debug)]
pub struct DataItem {
    /// Identity within the document.
    pub id: String,
    /// Name, where it has one.
    pub name: Option<String>,
    /// What sort of thing it reports.
    pub category: Category,
    /// MTConnect type such as `EXECUTION`; extensions carry a prefix (`x:PALLET_NUMBER`).
    pub kind: String,
    /// MTConnect subType such as `ACTUAL`.
    pub sub_type: Option<String>,
    /// MTConnect units such as `MILLIMETER`.
    pub units: Option<String>,
    /// `VALUE` when absent.
    pub representation: Option<String>,
    /// Equal observations that follow each other are each an occurrence.
    pub discrete: bool,
}

impl DataItem {
    fn new(category: Category, id: impl Into<String>, kind: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            name: None,
            category,
            kind: kind.into(),
            sub_type: None,
            units: None,
            representation: None,
            discrete: false,
        }
    }

    /// An event such as `EXECUTION`.
    pub fn event(id: impl Into<String>, kind: impl Into<String>) -> Self {
        Self::new(Category::Event, id, kind)
    }

    /// A sample such as `TEMPERATURE` in MTConnect units such as `CELSIUS`.
    pub fn sample(id: impl Into<String>, kind: impl Into<String>, units: impl Into<String>) -> Self {
        let mut item = Self::new(Category::Sample, id, kind);
        item.units = Some(units.into());
        item
    }

    /// A condition such as `SYSTEM`.
    pub fn condition(id: impl Into<String>, kind: impl Into<String>) -> Self {
        Self::new(Category::Condition, id, kind)
    }

    pub(super) fn of(category: Category, id: String, kind: String) -> Self {
        Self::new(category, id, kind)
    }

    /// Sets the name.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the subType.
    #[must_use]
    pub fn sub_type(mut self, sub_type: impl Into<String>) -> Self {
        self.sub_type = Some(sub_type.into());
        self
    }

    /// Sets the units.
    #[must_use]
    pub fn units(mut self, units: impl Into<String>) -> Self {
        self.units = Some(units.into());
        self
    }

    /// Makes each observation an occurrence of its own, equal or not.
    #[must_use]
    pub fn discrete(mut self) -> Self {
        self.discrete = true;
        self
    }
}
