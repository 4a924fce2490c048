//! The neighbour VictoriaMetrics (Debian's package), on a port and in a directory of its own.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use reqwest::Client;
use tempfile::TempDir;

use super::load::Sample;
use crate::rig::{Program, free_port, http_client};

const PROGRAM: &str = "victoria-metrics";
/// Bytes of a request, about.
const REQUEST: usize = 2 << 20;
/// Fields of a line: what a controller has is read at once.
const FIELDS: u32 = 50;
/// Requests in flight.
const IN_FLIGHT: usize = 2;

/// A running one.
#[derive(Debug)]
pub(super) struct Victoria {
    program: Program,
    client: Client,
    url: String,
    directory: TempDir,
}

/// Whether it is installed; if not, what to do.
pub(super) fn installed() -> Result<()> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if std::env::split_paths(&path).any(|directory| directory.join(PROGRAM).is_file()) {
        return Ok(());
    }
    bail!("{PROGRAM} is not installed, and the comparison needs it (Debian and Ubuntu: apt-get install {PROGRAM})")
}

/// Samples in the line protocol, in requests. One line for each time that a controller was read, as long as that goes;
/// made before the clock starts.
pub(super) fn lines(samples: &[Sample]) -> Result<Vec<Bytes>> {
    let (mut requests, mut text) = (Vec::new(), String::with_capacity(REQUEST + 4096));
    let mut line: Option<i64> = None;
    let mut fields = 0;
    for (signal, time, value) in samples {
        if line == Some(*time) && fields < FIELDS {
            write!(text, ",s{signal}={value}")?;
            fields += 1;
            continue;
        }
        if let Some(time) = line {
            writeln!(text, " {}", time / 1000)?;
            if text.len() >= REQUEST {
                requests.push(std::mem::take(&mut text).into());
                text.reserve(REQUEST + 4096);
            }
        }
        write!(text, "p s{signal}={value}")?;
        (line, fields) = (Some(*time), 1);
    }
    if let Some(time) = line {
        writeln!(text, " {}", time / 1000)?;
        requests.push(text.into());
    }
    Ok(requests)
}

impl Victoria {
    /// Starts one that is empty.
    pub async fn start() -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("gemba-bench-").tempdir()?;
        let port = free_port()?;
        let words = [
            format!("-httpListenAddr=127.0.0.1:{port}"),
            format!("-storageDataPath={}", directory.path().join("data").display()),
            "-retentionPeriod=100y".to_owned(),
            // The answers are to come from its store, not from its memory of answers.
            "-search.disableCache".to_owned(),
        ];
        let log = directory.path().join("log");
        let program = Program::start("VictoriaMetrics", Path::new(PROGRAM), &words, &log)?;
        let mut started = Self { program, client: http_client()?, url: format!("http://127.0.0.1:{port}"), directory };
        let begun = Instant::now();
        while started.get("/health").await.is_err() {
            if started.program.has_ended()? || begun.elapsed() > Duration::from_secs(30) {
                bail!("VictoriaMetrics does not answer. Its last words:\n{}", started.program.last_words());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(started)
    }

    async fn get(&self, path: &str) -> Result<Bytes> {
        let response = self.client.get(format!("{}{path}", self.url)).send().await?.error_for_status()?;
        Ok(response.bytes().await?)
    }

    /// Writes all requests. From the first to the last answer.
    pub async fn write(&self, requests: &[Bytes]) -> Result<Duration> {
        let begun = Instant::now();
        let url = format!("{}/write?precision=ms", self.url);
        let post = |body: &Bytes| {
            let request = self.client.post(&url).body(body.clone());
            async move { anyhow::Ok(request.send().await?.error_for_status()?) }
        };
        let posts = stream::iter(requests).map(post).buffer_unordered(IN_FLIGHT);
        posts.try_for_each(async |_| Ok(())).await?;
        Ok(begun.elapsed())
    }

    /// Bytes on disk, data and index, after everything was flushed and merged.
    pub async fn bytes(&self) -> Result<f64> {
        self.settle().await?;
        let root = self.directory.path().join("data");
        Ok((size(&root.join("data"))? + size(&root.join("indexdb"))?) as f64)
    }

    async fn settle(&self) -> Result<()> {
        self.get("/internal/force_flush").await?;
        self.get("/internal/force_merge").await?;
        // It merges in the background; idle twice in a row is done.
        let mut idle = 0;
        for _ in 0..600 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let metrics = self.get("/metrics").await?;
            let text = String::from_utf8_lossy(&metrics);
            let active = text.lines().filter(|line| line.starts_with("vm_active_merges{"));
            let merging = active.filter_map(|line| line.rsplit_once(' ')).any(|(_, count)| count != "0");
            idle = if merging { 0 } else { idle + 1 };
            if idle == 5 {
                return Ok(());
            }
        }
        bail!("VictoriaMetrics merges for more than a minute")
    }

    /// All samples of a signal within a stretch (milliseconds since 1970), as it exports them. The answer's bytes.
    pub async fn export(&self, signal: u32, from: i64, to: i64) -> Result<Bytes> {
        let seconds = |ms: i64| format!("{}.{:03}", ms / 1000, ms % 1000);
        self.get(&format!("/api/v1/export?match[]=p_s{signal}&start={}&end={}", seconds(from), seconds(to))).await
    }

    /// Ends it.
    pub async fn stop(mut self) -> Result<()> {
        self.program.stop().await
    }
}

fn size(path: &PathBuf) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(path).with_context(|| format!("{} cannot be read", path.display()))? {
        let entry = entry?;
        let kind = entry.metadata()?;
        bytes += if kind.is_dir() { size(&entry.path())? } else { kind.len() };
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_at_once_is_one_line() -> Result<()> {
        let samples = [(0, 5_000, 1.5), (1, 5_000, 2.0), (50, 6_000, 3.0), (0, 7_000, 1.0)];
        let whole = lines(&samples)?.concat();
        assert_eq!(String::from_utf8_lossy(&whole), "p s0=1.5,s1=2 5\np s50=3 6\np s0=1 7\n");
        Ok(())
    }
}
