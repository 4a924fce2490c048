//! Structures that a server defines itself are read by its own definitions.

use std::sync::Arc;

use opcua::{
    client::custom_types::DataTypeTreeBuilder,
    types::{NodeId, custom::DynamicTypeLoader},
};

use super::{link::Link, mapping::Mapping, server::Limits};

/// How many times the limit of one request reading the definitions may take.
const PATIENCE: u32 = 2;

/// Reads the definitions where a node needs them. Without them, such a value is its bytes.
pub(super) async fn load(link: &Link, limits: Limits, mapping: &Mapping) {
    if !mapping.mapped.iter().any(|mapped| mapped.facts.own_structure) {
        return;
    }
    let own = |id: &NodeId| id.namespace != 0;
    let builder = DataTypeTreeBuilder::new(own).values_per_read(limits.read);
    match tokio::time::timeout(PATIENCE * link.timeout(), builder.build(link.session())).await {
        Ok(Ok(tree)) => link.add_types(Arc::new(DynamicTypeLoader::new(Arc::new(tree)))),
        Ok(Err(error)) => tracing::info!(%error, "the server does not tell its structures; they are kept as bytes"),
        Err(_) => tracing::info!("the server does not tell its structures in time; they are kept as bytes"),
    }
}
