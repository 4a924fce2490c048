//! The subscription, and the nodes that it watches.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use futures::stream::FuturesOrdered;
use gemba_contract::edge::LocalSignal;
use opcua::{
    client::services::{CreateMonitoredItems, CreateSubscription, DeleteMonitoredItems, Publish},
    types::{
        AttributeId, DataChangeFilter, DataChangeTrigger, DeadbandType, ExtensionObject, MonitoredItemCreateRequest,
        MonitoringMode, MonitoringParameters, NodeId, PublishResponse, ReadValueId, StatusCode, TimestampsToReturn,
    },
};

use super::reading::Reader;
use crate::collector::{
    Failure,
    opcua::{mapping::Mapped, settings::Settings, words},
};

/// Requests to send that lie with the server at once: one may be on its way while the other waits.
const PUBLISHING: usize = 2;
/// Values in one message.
const MAX_NOTIFICATIONS: u32 = 10_000;
/// How long the server keeps a subscription that nobody asks for: the collector's queue may make it wait.
const LIFETIME: Duration = Duration::from_secs(600);

pub(super) type Answer = Result<Result<PublishResponse, StatusCode>, Failure>;
pub(super) type Publishing = FuturesOrdered<Pin<Box<dyn Future<Output = Answer> + Send>>>;

/// A subscription that the server has.
#[derive(Clone, Debug)]
pub(super) struct Subscription {
    pub(super) id: u32,
    /// Silence after which it counts as lost.
    silence: Duration,
    /// The number of the message that was taken last.
    pub(super) last: Option<u32>,
    /// How many requests the server takes at once.
    pub(super) publishing: usize,
}

impl Subscription {
    pub(super) fn silence(&self) -> Duration {
        self.silence
    }
}

/// One node that is watched.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    pub(super) id: NodeId,
    pub(super) path: String,
    pub(super) signal: LocalSignal,
    pub(super) has_history: bool,
    /// The server's number of it.
    item: u32,
    /// It has sent something in this session.
    pub(super) heard: bool,
    /// Its quality, when that is bad.
    pub(super) bad: Option<StatusCode>,
}

impl Reader<'_> {
    /// Sees to it that the server always has requests to answer.
    pub(super) fn ask(&mut self, publishing: &mut Publishing) {
        let Some(subscription) = &self.subscription else { return };
        while publishing.len() < subscription.publishing {
            let within = subscription.silence.saturating_mul(PUBLISHING as u32 + 1);
            let (link, acknowledge) = (Arc::clone(&self.link), std::mem::take(&mut self.acknowledge));
            publishing.push_back(Box::pin(async move {
                let request = Publish::new(link.session()).acks(acknowledge).timeout(within);
                link.call_within(request, within).await
            }));
        }
    }

    async fn subscribed(&mut self) -> Result<u32, Failure> {
        if let Some(subscription) = &self.subscription {
            return Ok(subscription.id);
        }
        let Settings { publishing_interval, timeout, .. } = *self.source.settings;
        let counts = |time: Duration| {
            let count = time.as_secs_f64() / publishing_interval.as_secs_f64();
            (count.round() as u32).max(1)
        };
        // Half the time before silence would count, so that one that is late does no harm.
        let keep_alive = counts(timeout / 3).min(counts(Duration::from_secs(10)));
        let request = CreateSubscription::new(self.link.session())
            .publishing_interval(publishing_interval)
            .max_keep_alive_count(keep_alive)
            .max_lifetime_count(counts(LIFETIME.max(10 * timeout)).max(3 * keep_alive))
            .max_notifications_per_publish(MAX_NOTIFICATIONS)
            .publishing_enabled(true);
        let answer = words::needed("a subscription", self.link.call(request).await?)?;
        // The server may have made it slower.
        let revised =
            Duration::try_from_secs_f64(answer.revised_publishing_interval / 1_000.0).unwrap_or(publishing_interval);
        let alive = revised.saturating_mul(answer.revised_max_keep_alive_count.saturating_add(1));
        let silence = timeout.max(alive.saturating_mul(2)).min(Duration::from_secs(24 * 3_600));
        let id = answer.subscription_id;
        self.subscription = Some(Subscription { id, silence, last: None, publishing: PUBLISHING });
        Ok(id)
    }

    /// Watches these nodes too, in as few requests as the server takes. What it refuses is noted.
    pub(super) async fn watch(&mut self, nodes: &[(&Mapped, LocalSignal)]) -> Result<(), Failure> {
        self.refused.retain(|(path, _)| !nodes.iter().any(|(mapped, _)| mapped.path == *path));
        if nodes.is_empty() {
            return Ok(());
        }
        let subscription = self.subscribed().await?;
        let unfiltered = self.watch_with(subscription, nodes, self.source.settings.deadband).await?;
        // A deadband that the server does not have is no reason not to read.
        let left = self.watch_with(subscription, &unfiltered, None).await?;
        self.refused.extend(left.iter().map(|(mapped, _)| (mapped.path.clone(), StatusCode::BadFilterNotAllowed)));
        Ok(())
    }

    /// Returns those whose filter the server does not know.
    async fn watch_with<'m>(
        &mut self,
        subscription: u32,
        nodes: &[(&'m Mapped, LocalSignal)],
        deadband: Option<f64>,
    ) -> Result<Vec<(&'m Mapped, LocalSignal)>, Failure> {
        let mut unfiltered = Vec::new();
        let mut rest = nodes;
        while !rest.is_empty() {
            let (chunk, more) = rest.split_at(rest.len().min(self.limits.monitor.max(1)));
            let first = self.next_handle + 1;
            let settings = &self.source.settings;
            let items = (first..).zip(chunk).map(|(handle, (mapped, _))| item(settings, mapped, handle, deadband));
            let request = CreateMonitoredItems::new(subscription, self.link.session())
                .timestamps_to_return(TimestampsToReturn::Both)
                .items_to_create(items.collect());
            let answer = match self.link.call(request).await? {
                Err(StatusCode::BadTooManyOperations) if chunk.len() > 1 => {
                    self.limits.monitor = chunk.len() / 2;
                    continue;
                }
                answer => words::needed("nodes to be watched", answer)?,
            };
            rest = more;
            self.next_handle += u32::try_from(chunk.len()).unwrap_or(u32::MAX);
            for ((handle, (mapped, signal)), created) in (first..).zip(chunk).zip(answer.results) {
                match created.result.status_code {
                    status if !status.is_bad() => {
                        let watched = Watched {
                            id: mapped.id.clone(),
                            path: mapped.path.clone(),
                            signal: *signal,
                            has_history: mapped.facts.has_history,
                            item: created.result.monitored_item_id,
                            heard: false,
                            bad: None,
                        };
                        self.watched.insert(handle, watched);
                    }
                    StatusCode::BadMonitoredItemFilterUnsupported
                    | StatusCode::BadMonitoredItemFilterInvalid
                    | StatusCode::BadFilterNotAllowed
                    | StatusCode::BadDeadbandFilterInvalid
                        if deadband.is_some() =>
                    {
                        unfiltered.push((*mapped, *signal));
                    }
                    status => self.refused.push((mapped.path.clone(), status)),
                }
            }
        }
        Ok(unfiltered)
    }

    /// Watches these no more.
    pub(super) async fn forget(&mut self, gone: impl Fn(&Watched) -> bool) -> Result<(), Failure> {
        let Some(subscription) = self.subscription.as_ref().map(|subscription| subscription.id) else { return Ok(()) };
        let handles: Vec<u32> =
            self.watched.iter().filter(|(_, watched)| gone(watched)).map(|(handle, _)| *handle).collect();
        for chunk in handles.chunks(self.limits.monitor.max(1)) {
            let items = chunk.iter().filter_map(|handle| self.watched.remove(handle)).map(|watched| watched.item);
            let request = DeleteMonitoredItems::new(subscription, self.link.session()).items_to_delete(items.collect());
            // One that went away with its node is not there to be deleted.
            let _ = self.link.call(request).await?;
        }
        Ok(())
    }

    /// The nodes that the server refuses to watch, in words.
    pub(super) fn refused_words(&self) -> Vec<String> {
        self.refused
            .iter()
            .map(|(path, status)| format!("{path} cannot be watched: {}", words::plain(*status)))
            .collect()
    }
}

fn item(settings: &Settings, mapped: &Mapped, handle: u32, deadband: Option<f64>) -> MonitoredItemCreateRequest {
    let filter = deadband.filter(|_| mapped.facts.base.is_number()).map(|deadband_value| DataChangeFilter {
        trigger: DataChangeTrigger::StatusValue,
        deadband_type: DeadbandType::Absolute as u32,
        deadband_value,
    });
    MonitoredItemCreateRequest {
        item_to_monitor: ReadValueId::new(mapped.id.clone(), AttributeId::Value),
        monitoring_mode: MonitoringMode::Reporting,
        requested_parameters: MonitoringParameters {
            client_handle: handle,
            sampling_interval: settings.sampling_interval.as_secs_f64() * 1_000.0,
            filter: filter.map_or_else(ExtensionObject::null, ExtensionObject::from_message),
            queue_size: settings.queue_size,
            discard_oldest: true,
        },
    }
}
