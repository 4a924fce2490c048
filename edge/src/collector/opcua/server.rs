//! What a server says of itself: its namespaces, its limits, whether it runs and since when.

use opcua::{
    client::services::Read,
    types::{
        AttributeId, DataValue, DateTime, NodeId, ReadValueId, ServerStatusDataType, TimestampsToReturn, VariableId,
        Variant,
    },
};

use super::{address::Namespaces, link::Link, words};
use crate::collector::Failure;

/// How much is asked for in one request where the server names no limit; and at most where it does.
const LIMITS: Limits = Limits { read: 1_000, browse: 100, monitor: 1_000, history: 20 };
/// The most namespaces that are taken.
const MAX_NAMESPACES: usize = 10_000;

/// How much one request may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) read: usize,
    pub(super) browse: usize,
    pub(super) monitor: usize,
    pub(super) history: usize,
}

/// The part of `ServerStatus` that is used.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Status {
    /// `Running` is 0.
    pub(super) state: i32,
    /// The state's name.
    pub(super) state_name: String,
    pub(super) started: Option<DateTime>,
    pub(super) now: Option<DateTime>,
}

/// Reads attributes in as few requests as the server takes.
pub(super) async fn read(link: &Link, nodes: &[(NodeId, AttributeId)], most: usize) -> Result<Vec<DataValue>, Failure> {
    let mut out = Vec::with_capacity(nodes.len());
    for chunk in nodes.chunks(most.max(1)) {
        let ids = chunk.iter().map(|(node, attribute)| ReadValueId::new(node.clone(), *attribute)).collect();
        let request = Read::new(link.session()).timestamps_to_return(TimestampsToReturn::Neither).nodes_to_read(ids);
        let answer = words::needed("to be read", link.call(request).await?)?;
        let mut results = answer.results.unwrap_or_default();
        results.resize(chunk.len(), DataValue::null());
        out.append(&mut results);
    }
    Ok(out)
}

/// The namespaces by index; later requests are decoded by them.
pub(super) async fn namespaces(link: &Link) -> Result<Namespaces, Failure> {
    let node = (VariableId::Server_NamespaceArray.into(), AttributeId::Value);
    let answer = read(link, &[node], 1).await?;
    let Some(Variant::Array(array)) = answer.into_iter().next().and_then(|value| value.value) else {
        return Err(Failure::Refused("the server does not tell its namespaces".to_owned()));
    };
    let uris = array.values.iter().take(MAX_NAMESPACES).map(|uri| match uri {
        Variant::String(uri) => uri.as_ref().to_owned(),
        _ => String::new(),
    });
    let namespaces = Namespaces::new(uris.collect());
    link.set_namespaces(namespaces.uris());
    Ok(namespaces)
}

/// What one request may ask for.
pub(super) async fn limits(link: &Link) -> Result<Limits, Failure> {
    let ids = [
        VariableId::Server_ServerCapabilities_OperationLimits_MaxNodesPerRead,
        VariableId::Server_ServerCapabilities_OperationLimits_MaxNodesPerBrowse,
        VariableId::Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall,
        VariableId::Server_ServerCapabilities_OperationLimits_MaxNodesPerHistoryReadData,
    ];
    // One by one: how many are allowed at once is what is being asked.
    let told = read(link, &ids.map(|id| (id.into(), AttributeId::Value)), 1).await?;
    let told: Vec<usize> = told.into_iter().map(|value| count(value.value.as_ref())).collect();
    let limit =
        |at: usize, ours: usize| told.get(at).copied().filter(|told| *told > 0).map_or(ours, |told| told.min(ours));
    Ok(Limits {
        read: limit(0, LIMITS.read),
        browse: limit(1, LIMITS.browse),
        monitor: limit(2, LIMITS.monitor),
        history: limit(3, LIMITS.history),
    })
}

fn count(value: Option<&Variant>) -> usize {
    match value {
        Some(Variant::UInt32(count)) => usize::try_from(*count).unwrap_or(0),
        _ => 0,
    }
}

/// Whether the server runs, and since when.
pub(super) async fn status(link: &Link) -> Result<Status, Failure> {
    let node = (VariableId::Server_ServerStatus.into(), AttributeId::Value);
    let answer = read(link, &[node], 1).await?;
    let told = match answer.into_iter().next().and_then(|value| value.value) {
        Some(Variant::ExtensionObject(object)) => object.into_inner_as::<ServerStatusDataType>(),
        _ => None,
    };
    let known = |time: DateTime| (!time.is_null()).then_some(time);
    Ok(told.map_or_else(Status::default, |told| Status {
        state: told.state as i32,
        state_name: format!("{:?}", told.state),
        started: known(told.start_time),
        now: known(told.current_time),
    }))
}
