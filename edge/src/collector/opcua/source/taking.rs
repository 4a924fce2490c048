//! What is made of the server's messages.

use opcua::types::{
    DataChangeNotification, MonitoredItemNotification, PublishResponse, StatusChangeNotification, StatusCode,
    SubscriptionAcknowledgement,
};

use super::reading::Reader;
use crate::{
    clock,
    collector::{
        Failure, Feed, Observation, SourceState,
        opcua::{values, words},
    },
    queue::Position,
};

impl Reader<'_> {
    /// Takes one answer whole.
    pub(super) async fn take(
        &mut self,
        feed: &mut Feed,
        answer: Result<PublishResponse, StatusCode>,
    ) -> Result<(), Failure> {
        let answer = match answer {
            Ok(answer) => answer,
            Err(StatusCode::BadTooManyPublishRequests) => {
                let limit = |subscription: &mut super::watching::Subscription| subscription.publishing = 1;
                self.subscription.iter_mut().for_each(limit);
                return Ok(());
            }
            Err(status @ (StatusCode::BadNoSubscription | StatusCode::BadSubscriptionIdInvalid)) => {
                return Err(Failure::Again(format!("the server ended the subscription: {}", words::plain(status))));
            }
            Err(status) => {
                return Err(Failure::Refused(format!("the server sends no values: {}", words::plain(status))));
            }
        };
        let ticket = feed.begin(clock::now());
        feed.heard(values::timestamp(&answer.response_header.timestamp));
        let message = answer.notification_message;
        let Some(subscription) = self.subscription.as_mut().filter(|known| known.id == answer.subscription_id) else {
            return Ok(());
        };
        let data = message.notification_data.unwrap_or_default();
        if data.is_empty() {
            self.flow(feed, answer.more_notifications);
            return Ok(());
        }
        self.acknowledge.push(SubscriptionAcknowledgement {
            subscription_id: subscription.id,
            sequence_number: message.sequence_number,
        });
        let before = self.source.counts;
        if let Some(last) = subscription.last.replace(message.sequence_number) {
            let next = last.checked_add(1).unwrap_or(1);
            self.source.counts.missed_messages += u64::from(message.sequence_number.saturating_sub(next));
        }
        let (mut first, mut later) = (Vec::new(), Vec::new());
        let mut quality_changed = false;
        for data in data {
            if let Some(change) = data.inner_as::<StatusChangeNotification>() {
                let why = words::plain(change.status);
                return Err(Failure::Again(format!("the server ended the subscription: {why}")));
            }
            let Some(changes) = data.into_inner_as::<DataChangeNotification>() else { continue };
            for change in changes.monitored_items.unwrap_or_default() {
                quality_changed |= self.observe(change, &mut first, &mut later);
            }
        }
        if quality_changed {
            self.source.standing.bad = self.bad_words();
        }
        if quality_changed || self.source.counts.differ(&before) {
            self.source.tell(feed);
        }
        if first.is_empty() && later.is_empty() {
            return Ok(());
        }
        feed.arrive(false);
        feed.position = Some(Position { instance: 0, next: 0, lost_at: None });
        self.any_value = true;
        if !first.is_empty() {
            feed.restate(&first, Vec::new()).await?;
        }
        feed.observe(later, vec![ticket]).await?;
        self.flow(feed, answer.more_notifications);
        Ok(())
    }

    /// Takes one value to those that come first in this session, or to the others. Whether the node's quality became bad, or good.
    fn observe(
        &mut self,
        change: MonitoredItemNotification,
        first: &mut Vec<Observation>,
        later: &mut Vec<Observation>,
    ) -> bool {
        let Some(watched) = self.watched.get_mut(&change.client_handle) else { return false };
        let status = change.value.status.unwrap_or_default();
        self.look_again |= status == StatusCode::BadNodeIdUnknown;
        let read = values::read(&change.value, &self.link.session().encoding_context().read());
        let counts = &mut self.source.counts;
        counts.uncertain += u64::from(read.uncertain);
        counts.overflows += u64::from(read.overflow);
        counts.stamped += u64::from(read.time.is_none());
        self.sequence += 1;
        let observation = Observation {
            sequence: self.sequence,
            signal: watched.signal,
            time: read.time.unwrap_or_else(clock::now),
            value: read.value,
        };
        let list = if std::mem::replace(&mut watched.heard, true) { later } else { first };
        list.push(observation);
        let bad = status.is_bad().then_some(status);
        std::mem::replace(&mut watched.bad, bad) != bad
    }

    /// What is told while values flow.
    pub(super) fn flow(&self, feed: &mut Feed, more: bool) {
        if !self.any_value {
            return;
        }
        let waiting = self.watched.values().filter(|watched| !watched.heard);
        let lacking = self.lacking().or_else(|| {
            let mut waiting = waiting.map(|watched| watched.path.as_str());
            let first = waiting.next()?;
            Some(format!("{} nodes have sent nothing yet, such as {first}", 1 + waiting.count()))
        });
        match lacking {
            // The rest of the first values is on its way.
            Some(_) if more => {}
            Some(lacking) => feed.flowing(SourceState::Partial(lacking)),
            None => feed.flowing(SourceState::Streaming),
        }
    }

    /// What of the settings is not read, in words.
    pub(super) fn lacking(&self) -> Option<String> {
        let problems = &self.source.standing.problems;
        let first = problems.first()?;
        Some(match problems.len() {
            1 => first.clone(),
            count => format!("{first}; and {} problems more", count - 1),
        })
    }

    fn bad_words(&self) -> Option<String> {
        let mut bad = self.watched.values().filter_map(|watched| Some((watched.path.as_str(), watched.bad?)));
        let (path, status) = bad.next()?;
        let count = 1 + bad.count();
        Some(format!("{count} nodes have no good value, such as {path}: {}", words::plain(status)))
    }
}

impl super::Counts {
    /// Whether there is more to tell. The first of each at once, later ones by the hundred.
    fn differ(&self, before: &Self) -> bool {
        let told = |count: u64| if count < 10 { count } else { 10 + count / 100 };
        let both = [
            (self.missed_messages, before.missed_messages),
            (self.overflows, before.overflows),
            (self.uncertain, before.uncertain),
            (self.stamped, before.stamped),
        ];
        both.iter().any(|(now, before)| told(*now) != told(*before))
    }
}
