//! One directory, read for as long as the collector runs.

mod taken;

use std::{
    collections::HashSet,
    convert::Infallible,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::mpsc;

use super::{
    folder::{self, Found, Resting},
    rows::{Job, Piece, Report, Unread},
    settings::Settings,
    text::{self, Digest},
};
use crate::{
    clock,
    collector::{Failure, Feed, Session, SourceState},
    queue::Position,
};
use taken::Taken;

/// How often the directory is looked at. Network shares do not tell of changes.
const LOOK: Duration = Duration::from_secs(1);
/// How often one that cannot be used is.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// Files that are read before it is waited until their rows are on the disk.
const TOGETHER: usize = 32;

/// Reads one directory.
pub struct Source {
    settings: Arc<Settings>,
    resting: Resting,
    taken: Taken,
    counts: Counts,
    /// The words of the newest bad row or failed file.
    newest: Option<String>,
    usable: bool,
    any: bool,
    /// Files that were taken before and wait to be moved.
    copies: HashSet<String>,
}

/// What is told as remarks.
#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    files: u64,
    copies: u64,
    failed: u64,
    bad: u64,
    strangers: u64,
}

/// What is to be done with a file when all that was handed on is on the disk.
struct Through {
    file: Found,
    identity: String,
    /// Why it goes to `failed`.
    wrong: Option<String>,
}

/// What came of a file now.
enum Took {
    /// It is through.
    Through(Through),
    /// It is left where it is.
    Left(String),
}

impl Source {
    /// Ready to run.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings: Arc::new(settings),
            resting: Resting::default(),
            taken: Taken::default(),
            counts: Counts::default(),
            newest: None,
            usable: false,
            any: false,
            copies: HashSet::new(),
        }
    }

    /// Looks, takes what rests, and looks again.
    async fn read(&mut self, feed: &mut Feed) -> Result<Infallible, Failure> {
        self.taken = Taken::new(feed.marks());
        self.any = !self.taken.is_empty();
        loop {
            match self.look().await {
                Err(why) => {
                    self.usable = false;
                    // Nothing is in force of a history: nothing becomes unavailable.
                    feed.state(SourceState::Unusable(why));
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
                Ok(files) => {
                    // What lay there meanwhile is still there: nothing was missed.
                    feed.arrive(true);
                    drop(feed.caught_up());
                    let trouble = self.take_all(feed, files).await?;
                    self.sum_up(feed, trouble);
                    tokio::time::sleep(LOOK).await;
                }
            }
        }
    }

    /// What rests in the directory.
    async fn look(&mut self) -> Result<Vec<Found>, String> {
        let (settings, usable) = (Arc::clone(&self.settings), self.usable);
        let found = apart(move || {
            if !usable {
                folder::prepare(&settings)?;
            }
            folder::list(&settings)
        });
        let found = found.await??;
        self.usable = true;
        Ok(self.resting.settled(found, self.settings.settle, Instant::now()))
    }

    /// Takes the files in order. Returns why one was left, if one was.
    async fn take_all(&mut self, feed: &mut Feed, files: Vec<Found>) -> Result<Option<String>, Failure> {
        let mut through = Vec::new();
        let mut trouble = None;
        for file in files {
            match self.take(feed, &file).await? {
                Took::Through(one) => through.push(one),
                Took::Left(why) => trouble = Some(why),
            }
            if through.len() >= TOGETHER {
                trouble = self.put_away(feed, std::mem::take(&mut through)).await?.or(trouble);
            }
        }
        Ok(self.put_away(feed, through).await?.or(trouble))
    }

    /// Hands on the rows of one file.
    async fn take(&mut self, feed: &mut Feed, file: &Found) -> Result<Took, Failure> {
        let path = self.settings.directory.join(&file.name);
        let digest = match apart(move || text::digest(&path)).await {
            Ok(Ok(digest)) => digest,
            Ok(Err(error)) => {
                let path = self.settings.directory.join(&file.name);
                return Ok(Took::Left(folder::trouble("read", &path, &error)));
            }
            Err(why) => return Ok(Took::Left(why)),
        };
        let identity = digest.identity.clone();
        let through = |wrong| Ok(Took::Through(Through { file: file.clone(), identity: identity.clone(), wrong }));
        if let Some(why) = digest.no_text {
            return through(Some(why.to_owned()));
        }
        if self.taken.is_through(&digest.identity) {
            if self.copies.insert(file.name.clone()) {
                self.counts.copies += 1;
                tracing::info!(source = %feed.name(), file = %file.name, "its content was taken before: it is not read again");
            }
            return through(None);
        }
        match self.hand_on(feed, file, digest).await? {
            Ok(report) => {
                self.counts.files += 1;
                self.note(feed, file, report);
                through(None)
            }
            Err(Unread::Wrong(why)) => through(Some(why)),
            Err(Unread::Later(why)) => Ok(Took::Left(why)),
            Err(Unread::Stopped) => Ok(Took::Left("it was not read to its end".to_owned())),
        }
    }

    async fn hand_on(
        &mut self,
        feed: &mut Feed,
        file: &Found,
        digest: Digest,
    ) -> Result<Result<Report, Unread>, Failure> {
        let identity = digest.identity.clone();
        let (pieces, mut receiver) = mpsc::channel::<Piece>(2);
        let (settings, table, name) = (Arc::clone(&self.settings), Arc::clone(feed.table()), file.name.clone());
        let before = self.taken.rows(&identity);
        let began = clock::now();
        let reading = apart(move || {
            let job = Job { settings: &settings, name: &name, digest: &digest, before, table: &table };
            job.read(|piece| pieces.blocking_send(piece).is_ok())
        });
        let reading = tokio::spawn(reading);
        while let Some(piece) = receiver.recv().await {
            if !piece.readings.is_empty() {
                self.any = true;
            }
            let position = self.taken.so_far(&identity, piece.rows, began);
            feed.history_until(piece.readings, vec![(identity.clone(), position)]).await?;
        }
        Ok(match reading.await {
            Ok(Ok(read)) => read,
            Ok(Err(why)) => Err(Unread::Later(why)),
            Err(error) => Err(Unread::Later(error.to_string())),
        })
    }

    /// Waits until all that was handed on is on the disk, and moves the files.
    async fn put_away(&mut self, feed: &mut Feed, through: Vec<Through>) -> Result<Option<String>, Failure> {
        if through.is_empty() {
            return Ok(None);
        }
        let mut marks: Vec<(String, Position)> = Vec::new();
        for one in &through {
            match one.wrong {
                None => marks.extend(self.taken.through(&one.identity, clock::now())),
                // Once it was put right it comes again, perhaps with the same content: settings can be wrong too.
                Some(_) => marks.push(self.taken.forget(&one.identity)),
            }
        }
        feed.history_until(Vec::new(), marks).await?;
        feed.stored().await?;
        let mut trouble = None;
        for one in through {
            if let Err(why) = self.move_away(feed, one).await {
                self.usable = false;
                trouble = Some(why);
            }
        }
        Ok(trouble)
    }

    async fn move_away(&mut self, feed: &Feed, one: Through) -> Result<(), String> {
        let settings = Arc::clone(&self.settings);
        let Through { file, wrong, .. } = one;
        let reason = wrong.clone();
        let name = file.name.clone();
        let moved = apart(move || {
            // It was written to meanwhile: it is another file now, which is taken when it rests.
            if folder::look(&settings.directory, &file.name).ok().as_ref() != Some(&file) {
                return Ok(None);
            }
            let place = if reason.is_some() { &settings.failed } else { &settings.done };
            let to = folder::move_to(&settings, &file.name, place)?;
            if let (Some(reason), Some(moved)) = (reason, to.file_name()) {
                let note = place.join(format!("{}.reason.txt", moved.to_string_lossy()));
                std::fs::write(&note, format!("{reason}\n"))
                    .map_err(|error| folder::trouble("written", &note, &error))?;
            }
            Ok::<_, String>(Some(to))
        });
        let moved = moved.await??;
        self.copies.remove(&name);
        if let (Some(why), Some(to)) = (wrong, moved) {
            self.counts.failed += 1;
            self.newest = Some(format!("{name}: {why} It is now {}", to.display()));
            tracing::warn!(source = %feed.name(), file = %name, to = %to.display(), "the file cannot be read: {why}");
        }
        Ok(())
    }

    fn note(&mut self, feed: &Feed, file: &Found, report: Report) {
        let Report { rows, values, bad, first, aside, strangers, problems } = report;
        tracing::info!(source = %feed.name(), file = %file.name, rows, values, bad, "the file was read");
        self.counts.bad += bad;
        self.counts.strangers += strangers;
        if let (Some(first), Some(aside)) = (first, aside) {
            self.newest = Some(format!("{}: {first}; see {}", file.name, aside.display()));
            tracing::warn!(source = %feed.name(), file = %file.name, bad, aside = %aside.display(), "rows cannot be read: {first}");
        }
        let told: HashSet<_> = problems.into_iter().collect();
        for problem in told {
            tracing::warn!(source = %feed.name(), file = %file.name, "{problem}");
            self.newest = Some(format!("{}: {problem}", file.name));
        }
    }

    fn sum_up(&mut self, feed: &mut Feed, trouble: Option<String>) {
        let mut remarks = Vec::new();
        let counts = self.counts;
        for (count, what) in [
            (counts.failed, "files could not be read"),
            (counts.bad, "rows could not be read"),
            (counts.copies, "files had been taken before, under this name or another"),
            (counts.strangers, "rows are of machines that no [[source.unit]] names"),
        ] {
            if count > 0 {
                remarks.push(format!("{count} {what}"));
            }
        }
        remarks.extend(self.newest.clone());
        feed.remarks(remarks);
        let settings = &self.settings;
        match trouble {
            Some(why) => feed.state(SourceState::Troubled(why)),
            None if self.any => feed.flowing(SourceState::Streaming),
            None => {
                let restless = self.resting.restless(settings.settle, Instant::now());
                let more = if restless > 0 {
                    format!(" that rests; {restless} are still being written")
                } else {
                    String::new()
                };
                let waits = format!("a file {} in {}{more}", settings.pattern.text(), settings.directory.display());
                feed.state(SourceState::Waiting(waits));
            }
        }
    }
}

impl Session for Source {
    async fn session(&mut self, feed: &mut Feed) -> Result<Infallible, Failure> {
        self.read(feed).await
    }
}

/// Work with files, away from the async threads.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.map_err(|error| format!("reading files broke down: {error}"))
}
