//! What a server recorded of its nodes while it could not be reached.

use std::collections::HashMap;

use gemba_contract::edge::LocalSignal;
use gemba_domain::{Timestamp, signal::Value};
use opcua::{
    client::{HistoryReadAction, services::HistoryRead},
    types::{
        ByteString, DataValue, HistoryData, HistoryReadValueId, NodeId, ReadRawModifiedDetails, StatusCode,
        TimestampsToReturn,
    },
};

use super::reading::Reader;
use crate::{
    clock,
    collector::{
        Failure, Feed, Observation,
        opcua::{link::Link, values, words},
    },
};

/// Values of one node asked for at once, and taken at most.
const PAGE: u32 = 10_000;
const MAX_VALUES: usize = 100_000;
/// Values of all nodes that are taken after one loss.
const MAX_ALL: usize = 1_000_000;

/// One node whose loss is to be filled.
#[derive(Clone, Debug)]
struct Lost {
    id: NodeId,
    signal: LocalSignal,
    /// By the server's clock.
    at: Timestamp,
    /// The time of what was in force until then.
    since: Option<Timestamp>,
}

/// What the server recorded of it.
#[derive(Clone, Debug, Default)]
struct Kept {
    values: Vec<DataValue>,
    /// All was read, up to now.
    whole: bool,
}

impl Reader<'_> {
    /// Reads what the nodes' history has since their loss. What the server cannot tell stays a gap.
    pub(super) async fn fill(&mut self, feed: &mut Feed) -> Result<(), Failure> {
        let lost = self.watched.values().filter(|watched| watched.has_history).filter_map(|watched| {
            let (at, since) = feed.loss_of(watched.signal)?;
            Some(Lost { id: watched.id.clone(), signal: watched.signal, at, since })
        });
        let lost: Vec<_> = lost.collect();
        let now = feed.source_time(clock::now());
        let mut taken = 0;
        for chunk in lost.chunks(self.limits.history.max(1)) {
            if taken >= MAX_ALL {
                tracing::warn!(source = %feed.name(), taken, "the server's history is too long; the rest stays a gap");
                break;
            }
            let Some(kept) = self.kept(chunk, now).await? else { break };
            for (lost, kept) in chunk.iter().zip(kept) {
                taken += self.hand_on(feed, lost, kept).await?;
            }
        }
        if taken > 0 {
            tracing::info!(source = %feed.name(), values = taken, "read from the server's history");
            self.source.counts.history += taken as u64;
            self.source.tell(feed);
        }
        Ok(())
    }

    /// `None`: this server has no history to read.
    async fn kept(&self, chunk: &[Lost], now: Timestamp) -> Result<Option<Vec<Kept>>, Failure> {
        let start = chunk.iter().map(|lost| lost.at).min().unwrap_or(now);
        let mut out = vec![Kept::default(); chunk.len()];
        let mut open: HashMap<usize, ByteString> = (0..chunk.len()).map(|at| (at, ByteString::null())).collect();
        while !open.is_empty() {
            let asked: Vec<(usize, ByteString)> = open.drain().collect();
            let nodes: Vec<_> =
                asked.iter().filter_map(|(at, point)| Some((chunk.get(*at)?.id.clone(), point.clone()))).collect();
            let results = match page(&self.link, nodes, (start, now), PAGE).await? {
                Ok(results) => results,
                Err(status) => {
                    tracing::info!(why = words::plain(status), "the server tells no history");
                    return Ok(None);
                }
            };
            for ((at, _), (status, point, mut values)) in asked.into_iter().zip(results) {
                let Some(kept) = out.get_mut(at).filter(|_| !status.is_bad()) else { continue };
                let nothing_more = point.is_null_or_empty();
                let endless = values.is_empty() && !nothing_more;
                // A full page without a way to the next one: the server does not say whether there is more.
                let full = values.len() >= PAGE as usize;
                kept.values.append(&mut values);
                if nothing_more {
                    kept.whole = !full;
                } else if kept.values.len() < MAX_VALUES && !endless {
                    open.insert(at, point);
                }
            }
        }
        Ok(Some(out))
    }

    /// Returns how many values it were.
    async fn hand_on(&mut self, feed: &mut Feed, lost: &Lost, kept: Kept) -> Result<usize, Failure> {
        let mut before: Option<Value> = None;
        let mut after: Vec<(Timestamp, Value)> = Vec::new();
        {
            let context = self.link.session().encoding_context().read();
            for data in &kept.values {
                // Stands for a bound that the server does not have.
                if data.status == Some(StatusCode::BadBoundNotFound) {
                    continue;
                }
                let read = values::read(data, &context);
                match read.time {
                    Some(time) if time <= lost.at => before = Some(read.value),
                    Some(time) => after.push((time, read.value)),
                    None => {}
                }
            }
        }
        after.sort_by_key(|(time, _)| *time);
        // Recorded without a break: the server lived all the time, and has the value from before the loss.
        let lived = self.status.started.as_ref().and_then(values::timestamp).is_some_and(|started| started <= lost.at);
        if lived && before.is_none() && (kept.whole || !after.is_empty()) {
            before = self.recorded_before(lost).await?;
        }
        let count = after.len();
        if count == 0 && !(lived && before.is_some() && kept.whole) {
            return Ok(0);
        }
        if !kept.whole
            && let Some((last, _)) = after.last()
        {
            after.push((last.plus_micros(1), Value::Unavailable));
        }
        let first = self.sequence + 1;
        self.sequence += after.len() as u64;
        let observed = (first..).zip(after).map(|(sequence, (time, value))| Observation {
            sequence,
            signal: lost.signal,
            time,
            value,
        });
        feed.recover(lost.signal, before.filter(|_| lived), observed.collect()).await?;
        Ok(count)
    }

    /// The value that was in force at the loss, where the history has it. Not every server tells the bounds of what it was asked for.
    async fn recorded_before(&self, lost: &Lost) -> Result<Option<Value>, Failure> {
        let Some(since) = lost.since else { return Ok(None) };
        let nodes = vec![(lost.id.clone(), ByteString::null())];
        let answer = page(&self.link, nodes, (since, lost.at), 1).await?;
        let found = answer.ok().and_then(|results| results.into_iter().next());
        let Some((status, _, values)) = found else { return Ok(None) };
        let context = self.link.session().encoding_context().read();
        let first = values.first().filter(|data| !status.is_bad() && data.status != Some(StatusCode::BadBoundNotFound));
        Ok(first
            .map(|data| values::read(data, &context))
            .filter(|read| read.time.is_some_and(|time| time <= lost.at))
            .map(|read| read.value))
    }
}

type Page = (StatusCode, ByteString, Vec<DataValue>);

/// One piece of each node's history.
async fn page(
    link: &Link,
    nodes: Vec<(NodeId, ByteString)>,
    (from, to): (Timestamp, Timestamp),
    most: u32,
) -> Result<Result<Vec<Page>, StatusCode>, Failure> {
    let count = nodes.len();
    let details = ReadRawModifiedDetails {
        is_read_modified: false,
        start_time: values::date_time(from),
        end_time: values::date_time(to),
        num_values_per_node: most,
        return_bounds: true,
    };
    let nodes = nodes.into_iter().map(|(node_id, continuation_point)| HistoryReadValueId {
        node_id,
        continuation_point,
        ..HistoryReadValueId::default()
    });
    let request = HistoryRead::new(HistoryReadAction::ReadRawModifiedDetails(details), link.session())
        .timestamps_to_return(TimestampsToReturn::Both)
        .nodes_to_read(nodes.collect());
    let answer = link.call(request).await?;
    Ok(answer.map(|answer| {
        let results = answer.results.unwrap_or_default().into_iter().map(|result| {
            let data = result.history_data.into_inner_as::<HistoryData>();
            (result.status_code, result.continuation_point, data.and_then(|data| data.data_values).unwrap_or_default())
        });
        let mut results: Vec<Page> = results.take(count).collect();
        results.resize(count, (StatusCode::BadNoData, ByteString::null(), Vec::new()));
        results
    }))
}
