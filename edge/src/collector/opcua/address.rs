//! Node ids as text. Indexes of namespaces change when a server is set up anew, their URIs do not: ids are shown, and best written,
//! with the URI (`nsu=http://example.org/press;s=Load`; OPC UA part 6, 5.1.12). The standard's own namespace is left out.

use std::{fmt::Write, str::FromStr};

use opcua::types::{ExpandedNodeId, Identifier, NodeId};

/// The server's namespaces, by index.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Namespaces {
    uris: Vec<String>,
}

/// Where browsing begins.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Start {
    /// At this node.
    Node(NodeId),
    /// Below the folder Objects, by browse names.
    Path(Vec<String>),
}

impl Namespaces {
    pub(super) fn new(uris: Vec<String>) -> Self {
        Self { uris }
    }

    /// By index.
    pub(super) fn uris(&self) -> &[String] {
        &self.uris
    }

    /// The URI of an index; empty where the server has none.
    pub(super) fn uri(&self, index: u16) -> &str {
        self.uris.get(usize::from(index)).map_or("", String::as_str)
    }

    /// A node id as text, with the namespace's URI.
    pub(super) fn text(&self, id: &NodeId) -> String {
        let mut out = String::new();
        match (id.namespace, self.uri(id.namespace)) {
            (0, _) => {}
            (index, "") => out.push_str(&format!("ns={index};")),
            (_, uri) => {
                // The two characters that would end it too early (part 6, 5.1.12).
                let uri = uri.replace('%', "%25").replace(';', "%3B");
                let _ = write!(out, "nsu={uri};");
            }
        }
        let _ = match &id.identifier {
            Identifier::Numeric(number) => write!(out, "i={number}"),
            Identifier::String(text) => write!(out, "s={text}"),
            Identifier::Guid(guid) => write!(out, "g={guid}"),
            Identifier::ByteString(bytes) => write!(out, "b={}", bytes.as_base64()),
        };
        out
    }

    /// From text with an index or a URI; the error is for a person.
    pub(super) fn parse(&self, text: &str) -> Result<NodeId, String> {
        let bad = || format!("`{text}` is no node id: write ns=2;s=Name, nsu=http://…;s=Name, or i= with a number");
        let Some(rest) = text.strip_prefix("nsu=") else {
            return NodeId::from_str(text).map_err(|_| bad());
        };
        let (uri, identifier) = rest.split_once(';').ok_or_else(bad)?;
        let uri = uri.replace("%3B", ";").replace("%3b", ";").replace("%25", "%");
        let index = self.uris.iter().position(|known| *known == uri);
        let index = index.and_then(|index| u16::try_from(index).ok()).ok_or_else(|| {
            let others: Vec<_> = self.uris.iter().skip(1).take(20).map(String::as_str).collect();
            format!("the server has no namespace `{uri}`; it has {}", others.join(", "))
        })?;
        let id = NodeId::from_str(identifier).map_err(|_| bad())?;
        if id.namespace != 0 {
            return Err(bad());
        }
        Ok(NodeId { namespace: index, ..id })
    }

    /// `device` of the settings.
    pub(super) fn start(&self, device: &str) -> Result<Start, String> {
        if looks_like_id(device) {
            return self.parse(device).map(Start::Node);
        }
        let names = device.split('/').map(str::trim).filter(|name| !name.is_empty());
        let mut names: Vec<_> = names.map(str::to_owned).collect();
        if names.first().is_some_and(|first| first == "Objects") {
            names.remove(0);
        }
        Ok(Start::Path(names))
    }

    /// `ns=2;s=Load` as `nsu=…;s=Load`; what is no id with an index as it stands.
    pub(super) fn canonical(&self, text: &str) -> String {
        match text.starts_with("ns=").then(|| NodeId::from_str(text)) {
            Some(Ok(id)) => self.text(&id),
            _ => text.to_owned(),
        }
    }

    /// The local node that is meant, where it is in this server.
    pub(super) fn resolve(&self, id: &ExpandedNodeId) -> Option<NodeId> {
        if id.server_index != 0 {
            return None;
        }
        let uri = id.namespace_uri.as_ref();
        if uri.is_empty() {
            return Some(id.node_id.clone());
        }
        let index = self.uris.iter().position(|known| known == uri)?;
        Some(NodeId { namespace: u16::try_from(index).ok()?, identifier: id.node_id.identifier.clone() })
    }
}

fn looks_like_id(text: &str) -> bool {
    ["ns=", "nsu=", "i=", "s=", "g=", "b="].iter().any(|begin| text.starts_with(begin))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn namespaces() -> Namespaces {
        let uris = ["http://opcfoundation.org/UA/", "urn:server", "http://example.org/press;a%"];
        Namespaces::new(uris.map(str::to_owned).to_vec())
    }

    #[test]
    fn ids_go_to_text_and_back() {
        let known = namespaces();
        for text in
            ["i=85", "nsu=urn:server;s=A;B=c", "nsu=http://example.org/press%3Ba%25;i=7", "nsu=urn:server;b=AQID"]
        {
            assert_eq!(known.text(&known.parse(text).unwrap()), text);
        }
        assert_eq!(known.parse("ns=1;s=X").unwrap(), NodeId::new(1, "X"));
        assert_eq!(known.text(&NodeId::new(9, 5_u32)), "ns=9;i=5");
        assert_eq!(known.canonical("ns=1;s=X"), "nsu=urn:server;s=X");
        assert_eq!(known.canonical("Spindle/Load"), "Spindle/Load");
    }

    #[test]
    fn what_is_no_id_is_told() {
        let known = namespaces();
        assert!(known.parse("nsu=urn:other;s=X").unwrap_err().contains("it has urn:server, http"));
        assert!(known.parse("ns=2").unwrap_err().contains("write ns=2;s=Name"));
        assert!(known.parse("nsu=urn:server;ns=3;s=X").is_err());
    }

    #[test]
    fn a_device_is_an_id_or_a_path() {
        let known = namespaces();
        assert_eq!(known.start("ns=1;i=5").unwrap(), Start::Node(NodeId::new(1, 5_u32)));
        let path = ["Machines", "Press 1"].map(str::to_owned).to_vec();
        assert_eq!(known.start("Objects/Machines/Press 1").unwrap(), Start::Path(path.clone()));
        assert_eq!(known.start("/Machines/Press 1/").unwrap(), Start::Path(path));
    }

    proptest! {
        #[test]
        fn any_text_is_borne(text in "\\PC{0,40}") {
            let known = namespaces();
            let _ = known.start(&text);
            if let Ok(id) = known.parse(&text) {
                prop_assert_eq!(known.parse(&known.text(&id)), Ok(id));
            }
        }
    }
}
