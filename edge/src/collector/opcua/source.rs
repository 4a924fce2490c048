//! One server, read for as long as the collector runs.

mod history;
mod reading;
mod taking;
mod watching;

use std::{convert::Infallible, panic::AssertUnwindSafe, sync::Arc};

use futures::FutureExt;

use self::reading::Reader;
use super::{
    link::{Link, Remarks},
    settings::Settings,
};
use crate::collector::{Failure, Feed, Session};

/// Reads one server.
pub struct Source {
    settings: Arc<Settings>,
    /// The session, to take leave of it.
    link: Option<Arc<Link>>,
    counts: Counts,
    /// Said of the connection and of the address space.
    standing: Standing,
}

/// What is told as remarks, since the start.
#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    missed_messages: u64,
    overflows: u64,
    uncertain: u64,
    stamped: u64,
    history: u64,
    unreadable: u64,
}

/// What is told as remarks, as long as it holds.
#[derive(Debug, Default, Clone, PartialEq)]
struct Standing {
    connection: Remarks,
    problems: Vec<String>,
    bad: Option<String>,
    server_state: Option<String>,
}

impl Source {
    /// Ready to run.
    pub fn new(settings: Settings) -> Self {
        Self { settings: Arc::new(settings), link: None, counts: Counts::default(), standing: Standing::default() }
    }

    async fn read(&mut self, feed: &mut Feed) -> Result<Infallible, Failure> {
        let (link, remarks) = Link::open(&self.settings).await?;
        let link = Arc::new(link);
        self.link = Some(Arc::clone(&link));
        self.standing = Standing { connection: remarks, ..Standing::default() };
        Reader::begin(self, link, feed).await?.run(feed).await
    }

    fn tell(&self, feed: &mut Feed) {
        let Standing { connection, problems, bad, server_state } = &self.standing;
        let mut remarks = connection.0.clone();
        remarks.extend(server_state.clone());
        remarks.extend(problems.iter().take(3).cloned());
        if problems.len() > 3 {
            remarks.push(format!("{} problems more: see gemba-edge check", problems.len() - 3));
        }
        remarks.extend(bad.clone());
        let counts = self.counts;
        for (count, what) in [
            (counts.missed_messages, "messages of the server were missed"),
            (
                counts.overflows,
                "times the server's queue of a node was too short and values were missed: enlarge `queue_size`",
            ),
            (counts.history, "values were read from the server's history after losses"),
            (counts.uncertain, "values were of uncertain quality"),
            (counts.stamped, "values had no time of their own (collector's time)"),
            (counts.unreadable, "times the server sent something that cannot be read"),
        ] {
            if count > 0 {
                remarks.push(format!("{count} {what}"));
            }
        }
        feed.remarks(remarks);
    }
}

impl Session for Source {
    async fn session(&mut self, feed: &mut Feed) -> Result<Infallible, Failure> {
        // The protocol's library is not proof against everything that a server may send.
        let ended = AssertUnwindSafe(self.read(feed)).catch_unwind().await;
        let ended = ended.unwrap_or_else(|_| {
            Err(Failure::Refused(format!("{} sent something that cannot be read", self.settings.url)))
        });
        if let Err(Failure::Refused(_)) = &ended {
            self.counts.unreadable += 1;
            self.tell(feed);
        }
        if let Some(link) = self.link.take()
            && !matches!(ended, Err(Failure::Silent(_)))
        {
            link.close().await;
        }
        ended
    }

    async fn goodbye(&mut self) {
        if let Some(link) = self.link.take() {
            link.close().await;
        }
    }
}
