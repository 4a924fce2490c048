//! What follows from the server's answers.

use std::time::Duration;

use gemba_contract::edge::{Acknowledged, Welcome};

use super::{Answer, MAX_FRAMES, MAX_REQUEST_BYTES, Next, Uplink};
use crate::{clock, queue::QueueStatus};

impl Uplink {
    /// Brings the queue's numbers and the server's together.
    pub(super) async fn reconcile(&mut self, welcome: &Welcome, status: &QueueStatus) -> Next {
        let acked = welcome.acked;
        if acked > self.sent || acked >= status.next_seq {
            tracing::error!(
                acked,
                sent = self.sent,
                "the server has batches that this queue never sent: the queue is an old copy. A new epoch begins; what \
                 is held is numbered anew, nothing is dropped"
            );
            return self.begin_epoch(0).await;
        }
        if self.queue.acknowledge(status.epoch, acked).await.is_err() {
            return Next::Pause(Duration::ZERO);
        }
        let status = self.queue.status().borrow().clone();
        if status.first_seq > acked + 1 {
            tracing::warn!(
                expected = acked + 1,
                oldest = status.first_seq,
                "the server expects batches that are no longer held (given up, or the server was restored from an older \
                 state). A new epoch begins; what is held is numbered anew"
            );
            return self.begin_epoch(0).await;
        }
        Next::Go
    }

    async fn begin_epoch(&mut self, at_least: u64) -> Next {
        self.hello = None;
        let now = u64::try_from(clock::now().micros()).unwrap_or(0);
        match self.queue.begin_epoch(now.max(at_least)).await {
            Ok(()) => {
                self.sent = 0;
                Next::Go
            }
            Err(_) => Next::Pause(Duration::ZERO),
        }
    }

    /// Where the server may refuse again: not at once.
    async fn begin_epoch_after_pause(&mut self, at_least: u64) -> Next {
        match self.begin_epoch(at_least).await {
            Next::Go => Next::Pause(Duration::ZERO),
            other => other,
        }
    }

    pub(super) async fn send_batches(&mut self) -> Next {
        let Ok(frames) = self.queue.take(self.frames, MAX_REQUEST_BYTES).await else {
            return Next::Pause(Duration::ZERO);
        };
        let (Some(first), Some(last)) = (frames.first(), frames.last()) else { return Next::Go };
        let (epoch, first, last) = (first.epoch, first.seq, last.seq);
        // A batch may have been stored, and with it a signal, since the hello.
        let status = self.queue.status().borrow().clone();
        if self.hello.as_ref().is_none_or(|told| told.signals_generation != status.signals_generation) {
            return self.say_hello(&status).await;
        }
        let mut body = Vec::with_capacity(frames.iter().map(|frame| frame.bytes.len()).sum());
        for frame in &frames {
            body.extend_from_slice(&frame.bytes);
        }
        self.sent = self.sent.max(last);
        match self.client.batches(body).await {
            Answer::Ok(answer) => self.acknowledged(&answer, epoch, first, last).await,
            other => self.refused(other, &status).await,
        }
    }

    async fn acknowledged(&mut self, answer: &Acknowledged, epoch: u64, first: u64, last: u64) -> Next {
        for quarantined in &answer.quarantined {
            tracing::warn!(
                seq = quarantined.seq, samples = quarantined.samples, reason = %quarantined.reason,
                "the server set samples aside"
            );
        }
        if answer.acked > last {
            // Believed only when the hello says it again, and never beyond what was sent.
            tracing::error!(acked = answer.acked, sent = last, "the server acknowledges more than was sent");
            self.hello = None;
            return Next::Pause(Duration::ZERO);
        }
        if answer.acked < first {
            tracing::warn!(
                acked = answer.acked,
                first,
                "the server accepted the request but stored none of its batches"
            );
            self.hello = None;
            return Next::Pause(Duration::ZERO);
        }
        if self.queue.acknowledge(epoch, answer.acked).await.is_err() {
            return Next::Pause(Duration::ZERO);
        }
        self.backoff.reset();
        self.malformed = 0;
        self.frames = (self.frames * 2).min(MAX_FRAMES);
        self.health.server("connected".to_owned(), true);
        Next::Go
    }

    /// Every answer that is not the one that was hoped for.
    pub(super) async fn refused<T>(&mut self, answer: Answer<T>, status: &QueueStatus) -> Next {
        let (text, next) = match answer {
            // Handled where it was asked for.
            Answer::Ok(_) => return Next::Go,
            Answer::Gap(Some(expected)) if expected >= status.first_seq && expected <= status.next_seq => {
                tracing::warn!(expected, "the server goes on from another batch than was sent");
                let acked = expected.saturating_sub(1);
                if acked > self.sent || self.queue.acknowledge(status.epoch, acked).await.is_err() {
                    self.hello = None;
                    return Next::Pause(Duration::ZERO);
                }
                // Where this does not end in progress, the pauses grow.
                return Next::Pause(Duration::ZERO);
            }
            Answer::Gap(expected) => {
                tracing::warn!(?expected, first = status.first_seq, "the server expects a batch that is not held");
                self.hello = None;
                return Next::Pause(Duration::ZERO);
            }
            Answer::UnknownEpoch => {
                self.hello = None;
                ("the server asks for a hello".to_owned(), Next::Pause(Duration::ZERO))
            }
            Answer::StaleEpoch(newest) => {
                tracing::warn!(epoch = status.epoch, ?newest, "the server has seen a newer epoch: a new one begins");
                // Without being told the newest, leap further each time: the clock may be far behind.
                let leap = status.epoch.saturating_add(3_600_000_000);
                return self.begin_epoch_after_pause(newest.map_or(leap, |newest| newest.saturating_add(1))).await;
            }
            Answer::SignalTable(detail) => {
                tracing::error!(
                    epoch = status.epoch, %detail,
                    "the server knows other numbers for the signals of this epoch: the queue is an old copy. A new epoch begins; \
                     nothing is dropped"
                );
                return self.begin_epoch_after_pause(0).await;
            }
            Answer::Malformed(detail) => {
                self.malformed += 1;
                if self.malformed >= 3 {
                    // Every read verifies the copy and sets a damaged one aside: what is left is sound here. One
                    // batch a request shows which one the server means.
                    self.frames = 1;
                }
                (format!("the server calls the request malformed: {detail}"), Next::Pause(Duration::ZERO))
            }
            Answer::TooLarge => {
                self.frames = (self.frames / 2).max(1);
                let text = format!("the request is too large for the server; now {} batches each", self.frames);
                tracing::warn!("{text}");
                if self.frames > 1 {
                    return Next::Go;
                }
                (text, Next::Pause(Duration::ZERO))
            }
            Answer::Busy(after) => {
                ("the server is busy or read-only".to_owned(), Next::Pause(after.unwrap_or_default()))
            }
            Answer::Unauthorized(detail) => {
                self.hello = None;
                // Perhaps it was enrolled anew meanwhile.
                self.client.member.look_again();
                (format!("the server does not let this collector in: {detail}"), Next::Unauthorized)
            }
            Answer::Expired => {
                self.hello = None;
                self.client.member.renew_now();
                ("the certificate is over and is being renewed".to_owned(), Next::Pause(Duration::ZERO))
            }
            Answer::NotEnrolled(error) => (error.to_string(), Next::Unauthorized),
            Answer::Failed(text) => {
                self.hello = None;
                (text, Next::Pause(Duration::ZERO))
            }
        };
        if self.health.server(text.clone(), false) {
            tracing::warn!(waiting = status.batches, "{text}; batches are kept and sent later");
        }
        next
    }
}
