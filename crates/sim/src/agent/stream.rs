//! Long-poll streams: one multipart answer that never ends, a document a part.

use std::{io, sync::Arc, time::Duration};

use axum::body::Bytes;
use tokio::{sync::mpsc, time::Instant};

use super::{
    fault::{BEFORE_CUT, half},
    path::Filter,
    problem::Problem,
    state::Shared,
    state::Streams,
};

pub(super) type Part = Result<Bytes, io::Error>;

/// What is streamed.
pub(super) enum What {
    /// Everything from this sequence on (the oldest held when `None`), at most `count` a part.
    Sample { from: Option<u64>, count: usize },
    /// What is in force, again and again.
    Current,
}

pub(super) struct Follow {
    pub(super) filter: Filter,
    pub(super) what: What,
    pub(super) interval: Duration,
    pub(super) heartbeat: Duration,
    pub(super) boundary: String,
}

enum End {
    /// Regular: the boundary is closed.
    Close,
    /// The connection breaks off inside a part.
    Cut,
    /// Nobody listens any more.
    Gone,
}

impl Follow {
    pub(super) async fn run(mut self, shared: Arc<Shared>, parts: mpsc::Sender<Part>) {
        let mut cuts = shared.faults.cuts();
        let end = tokio::select! {
            biased;
            _ = cuts.changed() => End::Cut,
            () = shared.stop.cancelled() => End::Close,
            () = parts.closed() => End::Gone,
            end = self.send_all(&shared, &parts) => end,
        };
        let last = match end {
            End::Close => format!("--{}--\r\n", self.boundary),
            End::Cut => match shared.current(&Filter::default(), None) {
                Ok(document) => half(&self.part(&document.text)).to_owned(),
                Err(_) => format!("--{}\r\nContent-type: text/xml\r\n", self.boundary),
            },
            End::Gone => return,
        };
        // A failed send means that the client went away first.
        let _ = parts.send(Ok(last.into())).await;
        if matches!(end, End::Cut) {
            tokio::time::sleep(BEFORE_CUT).await;
            let _ = parts.send(Err(io::ErrorKind::ConnectionAborted.into())).await;
        }
    }

    async fn send_all(&mut self, shared: &Shared, parts: &mpsc::Sender<Part>) -> End {
        let mut arrived = shared.arrived.subscribe();
        let mut heartbeat = Instant::now() + self.heartbeat;
        let mut first = true;
        loop {
            shared.faults.while_stalled().await;
            let seen = *arrived.borrow_and_update();
            let document = match self.next_document(shared) {
                Ok(document) => document,
                Err(problem) => {
                    let text = shared.faults.spoil(shared.error(&problem));
                    return match parts.send(Ok(self.part(&text).into())).await {
                        Ok(()) => End::Close,
                        Err(_) => End::Gone,
                    };
                }
            };
            if document.observations > 0 || Instant::now() >= heartbeat || first {
                if shared.faults.takes_drop() {
                    return End::Cut;
                }
                let text = shared.faults.spoil(document.text);
                if parts.send(Ok(self.part(&text).into())).await.is_err() {
                    return End::Gone;
                }
                heartbeat = Instant::now() + self.heartbeat;
                first = false;
            }
            tokio::time::sleep(self.interval).await;
            if let What::Sample { from, .. } = &mut self.what {
                *from = Some(document.next);
                if document.next >= seen && !arrived.has_changed().unwrap_or(false) {
                    tokio::select! {
                        _ = arrived.changed() => {}
                        () = tokio::time::sleep_until(heartbeat) => {}
                    }
                }
            }
        }
    }

    fn next_document(&self, shared: &Shared) -> Result<Streams, Problem> {
        match self.what {
            What::Sample { from, count } => shared.sample(&self.filter, from, count),
            What::Current => shared.current(&self.filter, None),
        }
    }

    fn part(&self, document: &str) -> String {
        format!(
            "--{}\r\nContent-type: text/xml\r\nContent-length: {}\r\n\r\n{document}\r\n",
            self.boundary,
            document.len()
        )
    }
}
