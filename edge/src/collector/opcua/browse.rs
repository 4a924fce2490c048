//! Looks through the address space below a node: every variable that can be reached, once, by the shortest way.

use std::collections::{HashSet, VecDeque};

use opcua::{
    client::services::{Browse, BrowseNext},
    types::{
        AttributeId, BrowseDescription, BrowseDirection, ByteString, NodeClass, NodeClassMask, NodeId, ObjectId,
        QualifiedName, ReferenceDescription, ReferenceTypeId, StatusCode, Variant,
    },
};

use super::{
    address::{Namespaces, Start},
    link::Link,
    server::{self, Limits},
    words,
};
use crate::collector::{Failure, nearest};

/// Nodes that are looked at below one node, and how deep.
pub(super) const MAX_NODES: usize = 50_000;
const MAX_DEPTH: usize = 40;
/// References of one node that are asked for at once.
const MAX_REFERENCES: u32 = 500;
/// Answers that one request may be spread over.
const MAX_ROUNDS: usize = 10_000;
/// Folders of one name that are followed.
const MAX_NAMESAKES: usize = 20;
/// What all of BrowseResultMask is.
const EVERYTHING: u32 = 63;
/// Names of the standard's properties that say something about another value.
const META: &[&str] = &[
    "DefaultInstanceBrowseName",
    "Definition",
    "EURange",
    "EngineeringUnits",
    "EnumStrings",
    "EnumValues",
    "FalseState",
    "InputArguments",
    "InstrumentRange",
    "NamingRule",
    "NodeVersion",
    "OptionSetValues",
    "OutputArguments",
    "TrueState",
    "ValueAsText",
    "ValuePrecision",
];

/// A variable.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Variable {
    pub(super) id: NodeId,
    /// Browse names from below the start, joined with `/`.
    pub(super) path: String,
    pub(super) name: QualifiedName,
    pub(super) type_definition: Option<NodeId>,
    pub(super) parent: QualifiedName,
    pub(super) parent_type: Option<NodeId>,
    /// The property that holds its unit of measure.
    pub(super) units: Option<NodeId>,
}

/// What lies below a node.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tree {
    pub(super) variables: Vec<Variable>,
    /// For a person.
    pub(super) problems: Vec<String>,
}

struct Place {
    id: NodeId,
    path: String,
    depth: usize,
    name: QualifiedName,
    type_definition: Option<NodeId>,
    /// Its place in the list, when it is a variable.
    variable: Option<usize>,
}

/// Everything below `device`; what does not exist is a problem, told with what does.
pub(super) async fn below(link: &Link, limits: Limits, namespaces: &Namespaces, device: &str) -> Result<Tree, Failure> {
    let mut tree = Tree::default();
    let start = match namespaces.start(device) {
        Ok(Start::Node(id)) => Ok(id),
        Ok(Start::Path(names)) => by_path(link, limits, &names).await?,
        Err(problem) => Err(problem),
    };
    match start {
        Err(problem) => tree.problems.push(format!("`device = \"{device}\"`: {problem}")),
        Ok(id) => {
            if let Some(place) = first(link, namespaces, device, id, &mut tree).await? {
                walk(link, limits, namespaces, device, place, &mut tree).await?;
            }
        }
    }
    Ok(tree)
}

/// The node itself, which is no child of any.
async fn first(
    link: &Link,
    namespaces: &Namespaces,
    device: &str,
    id: NodeId,
    tree: &mut Tree,
) -> Result<Option<Place>, Failure> {
    let asked = [(id.clone(), AttributeId::NodeClass), (id.clone(), AttributeId::BrowseName)];
    let mut answers = server::read(link, &asked, 2).await?.into_iter();
    let class = answers.next().unwrap_or_default();
    let Some(Variant::Int32(class)) = class.value else {
        let why = words::plain(class.status.unwrap_or(StatusCode::BadNodeIdUnknown));
        let hint = match id.namespace {
            0 => String::new(),
            index => format!("; namespace {index} of the server is `{}`", namespaces.uri(index)),
        };
        tree.problems.push(format!("`device = \"{device}\"`: {why}{hint}"));
        return Ok(None);
    };
    let name = match answers.next().and_then(|answer| answer.value) {
        Some(Variant::QualifiedName(name)) => *name,
        _ => QualifiedName::null(),
    };
    let mut place = Place { id, path: String::new(), depth: 0, name, type_definition: None, variable: None };
    if class == NodeClass::Variable as i32 {
        tree.variables.push(Variable {
            id: place.id.clone(),
            path: place.name.name.as_ref().to_owned(),
            name: place.name.clone(),
            type_definition: None,
            parent: QualifiedName::null(),
            parent_type: None,
            units: None,
        });
        place.variable = Some(0);
    }
    Ok(Some(place))
}

async fn walk(
    link: &Link,
    limits: Limits,
    namespaces: &Namespaces,
    device: &str,
    start: Place,
    tree: &mut Tree,
) -> Result<(), Failure> {
    let mut seen = HashSet::from([start.id.clone()]);
    let mut waiting = VecDeque::from([start]);
    let (mut refused, mut too_many, mut too_deep) = (Vec::new(), false, false);
    while !waiting.is_empty() {
        let batch: Vec<_> = waiting.drain(..waiting.len().min(limits.browse)).collect();
        let ids: Vec<_> = batch.iter().map(|place| place.id.clone()).collect();
        let children = children(link, limits, &ids).await?;
        for (place, children) in batch.iter().zip(children) {
            let children = match children {
                Ok(children) => children,
                Err(status) => {
                    refused.push(format!("{}: {}", namespaces.text(&place.id), words::plain(status)));
                    continue;
                }
            };
            for child in children {
                let Some(id) = namespaces.resolve(&child.node_id) else { continue };
                if id == ObjectId::Server {
                    continue;
                }
                if child.reference_type_id == ReferenceTypeId::HasProperty && is_meta(&child.browse_name) {
                    if child.browse_name.name.as_ref() == "EngineeringUnits" {
                        let of = place.variable.and_then(|at| tree.variables.get_mut(at));
                        of.into_iter().for_each(|of| of.units = Some(id.clone()));
                    }
                    continue;
                }
                if seen.contains(&id) {
                    continue;
                }
                too_many |= seen.len() >= MAX_NODES;
                too_deep |= place.depth >= MAX_DEPTH;
                if seen.len() >= MAX_NODES || place.depth >= MAX_DEPTH {
                    continue;
                }
                seen.insert(id.clone());
                waiting.push_back(adopt(namespaces, place, child, id, tree));
            }
        }
    }
    if too_many {
        tree.problems.push(format!(
            "more than {MAX_NODES} nodes lie below `{device}`, the rest is not looked at: begin lower with `device`, or divide it \
             into several units"
        ));
    }
    if too_deep {
        tree.problems.push(format!("below `{device}` more than {MAX_DEPTH} levels lie, the rest is not looked at"));
    }
    if let Some(first) = refused.first() {
        let count = refused.len();
        tree.problems.push(format!("{count} nodes below `{device}` cannot be looked into, such as {first}"));
    }
    Ok(())
}

fn is_meta(name: &QualifiedName) -> bool {
    name.namespace_index == 0 && META.contains(&name.name.as_ref())
}

fn adopt(namespaces: &Namespaces, parent: &Place, child: ReferenceDescription, id: NodeId, tree: &mut Tree) -> Place {
    let name = child.browse_name;
    let path = match parent.path.as_str() {
        "" => name.name.as_ref().to_owned(),
        above => format!("{above}/{}", name.name.as_ref()),
    };
    let type_definition = namespaces.resolve(&child.type_definition);
    let variable = (child.node_class == NodeClass::Variable).then(|| {
        tree.variables.push(Variable {
            id: id.clone(),
            path: path.clone(),
            name: name.clone(),
            type_definition: type_definition.clone(),
            parent: parent.name.clone(),
            parent_type: parent.type_definition.clone(),
            units: None,
        });
        tree.variables.len() - 1
    });
    Place { id, path, depth: parent.depth + 1, name, type_definition, variable }
}

/// Follows browse names from the folder Objects. `2:Name` names the namespace as well; without it, several folders may have the name,
/// and all of them are followed.
async fn by_path(link: &Link, limits: Limits, names: &[String]) -> Result<Result<NodeId, String>, Failure> {
    let mut at: Vec<NodeId> = vec![ObjectId::ObjectsFolder.into()];
    let mut walked = "Objects".to_owned();
    for wanted in names {
        let below = children(link, limits, &at).await?;
        let found: Vec<_> = below.into_iter().filter_map(Result::ok).flatten().collect();
        let fits = |child: &&ReferenceDescription| {
            let name = child.browse_name.name.as_ref();
            let full = || format!("{}:{name}", child.browse_name.namespace_index) == *wanted;
            child.node_id.server_index == 0 && (name == wanted || full())
        };
        at = found.iter().filter(fits).take(MAX_NAMESAKES).map(|child| child.node_id.node_id.clone()).collect();
        if at.is_empty() {
            let names: Vec<_> = found.iter().map(|child| child.browse_name.name.as_ref()).collect();
            let hint = nearest(names.iter().copied(), wanted, wanted.len().div_ceil(2));
            let there = names.iter().take(20).copied().collect::<Vec<_>>().join(", ");
            return Ok(Err(format!("{walked} has no `{wanted}`{hint} (it has: {there})")));
        }
        walked = format!("{walked}/{wanted}");
    }
    Ok(at.into_iter().next().ok_or_else(|| format!("{walked} is not there")))
}

type Children = Result<Vec<ReferenceDescription>, StatusCode>;

/// Objects and variables that hang on these nodes, for each.
async fn children(link: &Link, limits: Limits, nodes: &[NodeId]) -> Result<Vec<Children>, Failure> {
    let ask = |node: &NodeId| BrowseDescription {
        node_id: node.clone(),
        browse_direction: BrowseDirection::Forward,
        reference_type_id: ReferenceTypeId::HierarchicalReferences.into(),
        include_subtypes: true,
        node_class_mask: (NodeClassMask::OBJECT | NodeClassMask::VARIABLE).bits(),
        result_mask: EVERYTHING,
    };
    browse(link, limits, nodes.iter().map(ask).collect()).await
}

/// Browses to the end. Where the server has not continuation points enough for all at once, those left are asked for one by one.
pub(super) async fn browse(
    link: &Link,
    limits: Limits,
    asked: Vec<BrowseDescription>,
) -> Result<Vec<Children>, Failure> {
    let mut out: Vec<Children> = Vec::with_capacity(asked.len());
    for chunk in asked.chunks(limits.browse.max(1)) {
        let begin = out.len();
        out.extend(browse_once(link, chunk).await?);
        for (at, asked) in chunk.iter().enumerate() {
            if out.get(begin + at).is_some_and(|answer| *answer == Err(StatusCode::BadNoContinuationPoints)) {
                let mut again = browse_once(link, std::slice::from_ref(asked)).await?;
                if let (Some(slot), Some(answer)) = (out.get_mut(begin + at), again.pop()) {
                    *slot = answer;
                }
            }
        }
    }
    Ok(out)
}

async fn browse_once(link: &Link, asked: &[BrowseDescription]) -> Result<Vec<Children>, Failure> {
    let request = Browse::new(link.session()).max_references_per_node(MAX_REFERENCES).nodes_to_browse(asked.to_vec());
    let answer = words::needed("to be browsed", link.call(request).await?)?;
    let mut results = answer.results.unwrap_or_default();
    results.truncate(asked.len());
    let mut out: Vec<Children> = Vec::with_capacity(asked.len());
    let mut more: Vec<(usize, ByteString)> = Vec::new();
    for (at, result) in results.into_iter().enumerate() {
        if !result.continuation_point.is_null_or_empty() {
            more.push((at, result.continuation_point));
        }
        out.push(match result.status_code.is_bad() {
            true => Err(result.status_code),
            false => Ok(result.references.unwrap_or_default()),
        });
    }
    out.resize_with(asked.len(), || Err(StatusCode::BadUnexpectedError));
    let mut total: usize = out.iter().flatten().map(Vec::len).sum();
    let mut rounds = 0;
    while !more.is_empty() && total <= 2 * MAX_NODES && rounds < MAX_ROUNDS {
        rounds += 1;
        let points = more.iter().map(|(_, point)| point.clone()).collect();
        let request = BrowseNext::new(link.session()).continuation_points(points);
        let answer = words::needed("to be browsed further", link.call(request).await?)?;
        let asked = std::mem::take(&mut more);
        for ((at, _), result) in asked.into_iter().zip(answer.results.unwrap_or_default()) {
            let Some(Ok(known)) = out.get_mut(at) else { continue };
            let references = result.references.unwrap_or_default();
            total += references.len();
            known.extend(references);
            if !result.continuation_point.is_null_or_empty() {
                more.push((at, result.continuation_point));
            }
        }
    }
    Ok(out)
}
