//! Topics of Sparkplug B: `spBv1.0/GROUP/KIND/NODE` and `spBv1.0/GROUP/KIND/NODE/DEVICE`.

/// What all topics begin with.
pub const NAMESPACE: &str = "spBv1.0";

/// What a message of an edge node is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The node is there, and has these metrics.
    NodeBirth,
    /// The node is gone.
    NodeDeath,
    /// Values of the node.
    NodeData,
    /// A device is there, and has these metrics.
    DeviceBirth,
    /// A device is gone.
    DeviceDeath,
    /// Values of a device.
    DeviceData,
}

/// A topic taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic<'t> {
    /// The group.
    pub group: &'t str,
    /// The edge node.
    pub node: &'t str,
    /// The device, where the message is of one.
    pub device: Option<&'t str>,
    /// What it is about.
    pub kind: Kind,
}

/// A topic of an edge node; `None` for commands, STATE and everything else.
pub fn read(topic: &str) -> Option<Topic<'_>> {
    let mut parts = topic.split('/');
    let (namespace, group, word, node) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let device = parts.next();
    if namespace != NAMESPACE || parts.next().is_some() {
        return None;
    }
    let kind = match (word, device.is_some()) {
        ("NBIRTH", false) => Kind::NodeBirth,
        ("NDEATH", false) => Kind::NodeDeath,
        ("NDATA", false) => Kind::NodeData,
        ("DBIRTH", true) => Kind::DeviceBirth,
        ("DDEATH", true) => Kind::DeviceDeath,
        ("DDATA", true) => Kind::DeviceData,
        _ => return None,
    };
    Some(Topic { group, node, device, kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_taken_apart() {
        let topic = read("spBv1.0/Plant/DDATA/Line 1/Press").unwrap();
        assert_eq!(
            (topic.group, topic.node, topic.device, topic.kind),
            ("Plant", "Line 1", Some("Press"), Kind::DeviceData)
        );
        assert_eq!(read("spBv1.0/Plant/NBIRTH/n").unwrap().kind, Kind::NodeBirth);
        for other in [
            "spBv1.0/STATE/host",
            "spBv1.0/g/NCMD/n",
            "spBv1.0/g/DDATA/n",
            "spBv1.0/g/NDATA/n/d",
            "a/b/NDATA/c",
            "",
            "spBv1.0/g/DDATA/n/d/e",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
