//! How fast samples become durable, how small they are kept, how fast a signal's day is read: by the real server with its
//! own Postgres, beside one COPY into a keyed table of the same Postgres and beside VictoriaMetrics, with the same samples
//! in the same run.
//!
//! Ours is measured from the first sample packed by the collector's code to the last acknowledgement, which is given after a
//! synchronous commit; packing goes on meanwhile. The neighbours get what is generous to them: their requests are made
//! before the clock starts, and VictoriaMetrics acknowledges what it has in memory.

mod copy;
mod feed;
mod load;
mod store;
mod victoria;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use clap::Args;
use gemba_codec::{Limits, decode_series};
use gemba_domain::{Timestamp, signal::SignalId};

use crate::{
    report::{Report, quantile},
    rig::{Programs, Rig, Sender, Session},
};
use feed::{Fed, feed};
use load::{Load, plant_of};
use store::{Stored, at_rest, packed};
use victoria::Victoria;

/// Signals of which a day is read, and how often each.
const DAY_SIGNALS: u32 = 20;
const DAY_READS: usize = 10;

/// COPY slows down as its index grows. It is also measured with so few samples, and its better rate is the one that counts.
const COPY_FEW: usize = 2_000_000;

/// `bench ingest`.
#[derive(Args, Debug)]
pub struct IngestArguments {
    /// Signals, each once a second
    #[arg(long, default_value_t = 1000)]
    signals: u32,
    /// Hours of samples
    #[arg(long, default_value_t = 2.0)]
    hours: f64,
    /// Samples of a batch
    #[arg(long, default_value_t = 5000)]
    batch: usize,
    /// Samples of a small batch
    #[arg(long, default_value_t = 1000)]
    small_batch: usize,
    /// Runs, of which the median counts
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Only the server's own rates, without neighbours, sizes and reads
    #[arg(long)]
    quick: bool,
    /// Folder with recorded day files (MACHINE-*.txt.gz in full_rate_days); left out when there is none
    #[arg(long, value_name = "DIR", default_value = "../shared/data/nist_smstestbed")]
    data: PathBuf,
}

#[derive(Debug, Default)]
struct Rates {
    ours: Vec<f64>,
    packed: Vec<f64>,
    small: Vec<f64>,
    copy: Vec<f64>,
    copy_few: Vec<f64>,
    victoria: Vec<f64>,
    copy_bytes: f64,
    busy: u32,
}

/// What is found once, in the last round.
#[derive(Debug, Default)]
struct Sizes {
    bytes_per_sample: f64,
    day_bytes_per_sample: f64,
    read_ms: Vec<f64>,
}

/// Measures and prints.
///
/// # Errors
/// A program failed, or VictoriaMetrics is not installed.
pub async fn run(arguments: &IngestArguments) -> Result<ExitCode> {
    if !arguments.quick {
        victoria::installed()?;
    }
    println!("making {} signals x {} h", arguments.signals, arguments.hours);
    let plant = Load::plant(arguments.signals, arguments.hours);
    let day = Load::day(if arguments.quick { 0 } else { DAY_SIGNALS });
    let count = plant.samples.len() as f64;
    let mut rates = Rates::default();
    let (mut ours, mut victorias) = (Sizes::default(), Sizes::default());
    for round in 1..=arguments.runs {
        let last = round == arguments.runs;
        println!("round {round} of {}", arguments.runs);
        let mut bed = Bed::start(&[&plant, &day]).await?;
        if !arguments.quick {
            let postgres = bed.rig.postmaster()?;
            let few = &plant.samples[..plant.samples.len().min(COPY_FEW)];
            let (elapsed, _) = copy::copy(&postgres, &copy::rows(few)).await?;
            tell(&format!("COPY of the first {}", few.len()), few.len() as f64, elapsed);
            rates.copy_few.push(few.len() as f64 / elapsed.as_secs_f64());
            let (elapsed, bytes) = copy::copy(&postgres, &copy::rows(&plant.samples)).await?;
            tell("COPY", count, elapsed);
            rates.copy.push(count / elapsed.as_secs_f64());
            rates.copy_bytes = bytes / count;
        }
        let (fed, until_packed) = bed.feed(&plant, arguments.batch).await?;
        rates.ours.push(count / fed.elapsed.as_secs_f64());
        rates.packed.push(count / until_packed.as_secs_f64());
        rates.busy += fed.busy;
        if last && !arguments.quick {
            ours = bed.weigh(&plant, &day, arguments.batch).await?;
        }
        bed.rig.stop().await?;

        let mut bed = Bed::start(&[&plant]).await?;
        let (fed, _) = bed.feed(&plant, arguments.small_batch).await?;
        rates.small.push(count / fed.elapsed.as_secs_f64());
        bed.rig.stop().await?;

        if !arguments.quick {
            let requests = victoria::lines(&plant.samples)?;
            let victoria = Victoria::start().await?;
            let elapsed = victoria.write(&requests).await?;
            tell("VictoriaMetrics", count, elapsed);
            rates.victoria.push(count / elapsed.as_secs_f64());
            if last {
                victorias = weigh_victoria(&victoria, &plant, &day).await?;
            }
            victoria.stop().await?;
        }
    }
    let recorded = if arguments.quick { Vec::new() } else { recorded(&arguments.data)? };
    let nist = if recorded.is_empty() { None } else { Some(machine_days(&recorded, arguments.batch).await?) };
    report(arguments, &rates, &ours, &victorias, nist.as_ref());
    Ok(ExitCode::SUCCESS)
}

fn tell(who: &str, samples: f64, elapsed: Duration) {
    let seconds = elapsed.as_secs_f64();
    println!("  {who:<34} {:>10.0} samples/s ({seconds:.2} s)", samples / seconds);
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    quantile(&sorted, 0.5)
}

/// A fresh server that has the signals of some loads, and someone signed in.
struct Bed {
    rig: Rig,
    session: Session,
}

impl Bed {
    async fn start(loads: &[&Load]) -> Result<Self> {
        let rig = Rig::start(Programs::find()?, &plant_of(loads)).await?;
        let session = rig.sign_in().await?;
        for load in loads.iter().filter(|load| !load.units.is_empty()) {
            session.until_known(&load.path()?).await?;
        }
        Ok(Self { rig, session })
    }

    /// Sends a load. How that went, and from its begin until all was packed.
    async fn feed(&mut self, load: &Load, batch: usize) -> Result<(Fed, Duration)> {
        let name = format!("bench-{}", rand::random::<u32>());
        let identity = self.rig.enrol(&name).await?;
        let mut sender = Sender::new(&self.rig.ingest_url(), &identity, load.addresses())?;
        sender.hello().await?;
        let postgres = self.rig.postmaster()?;
        let (server, database) = (self.rig.server()?.usage()?.cpu_seconds, postgres.cpu_seconds());
        let begun = Instant::now();
        let fed = feed(&mut sender, &load.samples, batch).await?;
        let used = (self.rig.server()?.usage()?.cpu_seconds - server, postgres.cpu_seconds() - database);
        packed(&self.rig, &load.path()?).await?;
        let until_packed = begun.elapsed();
        // The next one may write the same signals.
        self.rig.gemba(&["collector", "release", &name]).await?;
        let count = load.samples.len() as f64;
        tell(&format!("gemba, batches of {batch}"), count, fed.elapsed);
        println!(
            "    {} requests, {:.2} B/sample sent, {} times busy ({:.1} s); gemba {:.2} s, Postgres {:.2} s of processor; \
             packed after {:.2} s",
            fed.requests,
            fed.bytes as f64 / count,
            fed.busy,
            fed.waited.as_secs_f64(),
            used.0,
            used.1,
            until_packed.as_secs_f64()
        );
        Ok((fed, until_packed))
    }

    /// Bytes of the plant's samples, of the day's, and the time to read a signal's day.
    async fn weigh(&mut self, plant: &Load, day: &Load, batch: usize) -> Result<Sizes> {
        let before = at_rest(&self.rig, &plant.path()?).await?;
        ensure!(before.samples >= plant.samples.len() as f64, "{before:?} stored of {} samples", plant.samples.len());
        self.feed(day, batch).await?;
        let after = at_rest(&self.rig, &plant.path()?).await?;
        Ok(Sizes {
            bytes_per_sample: before.bytes / before.samples,
            day_bytes_per_sample: (after.bytes - before.bytes) / (after.samples - before.samples),
            read_ms: self.read_days(day).await?,
        })
    }

    async fn read_days(&self, day: &Load) -> Result<Vec<f64>> {
        let unit = self.session.unit(&day.path()?).await?.context("the unit is gone")?;
        let ids: HashMap<&str, SignalId> =
            unit.signals.iter().map(|signal| (signal.code.as_str(), signal.id)).collect();
        let (first, last) = day.span();
        let (from, to) = (Timestamp::from_micros(first), Timestamp::from_micros(last + 1));
        let mut took = Vec::new();
        for read in 0..DAY_READS {
            for number in 0..day.signals.len() {
                let id = *ids.get(format!("s-{number}").as_str()).context("a signal is gone")?;
                let begun = Instant::now();
                let bytes = self.session.samples_bin(id, from, to).await?;
                took.push(begun.elapsed().as_secs_f64() * 1000.0);
                if read == 0 {
                    let found: usize =
                        decode_series(&bytes, Limits::default())?.iter().map(|run| run.times.len()).sum();
                    let sent = day.samples.iter().filter(|sample| sample.0 as usize == number).count();
                    ensure!(found == sent, "{found} of {sent} samples of signal {number} were read");
                }
            }
        }
        took.sort_by(f64::total_cmp);
        Ok(took)
    }
}

async fn weigh_victoria(victoria: &Victoria, plant: &Load, day: &Load) -> Result<Sizes> {
    let before = victoria.bytes().await?;
    // The day's signals get numbers of their own.
    let base = u32::try_from(plant.signals.len())?;
    let samples: Vec<_> = day.samples.iter().map(|(signal, time, value)| (base + signal, *time, *value)).collect();
    victoria.write(&victoria::lines(&samples)?).await?;
    let after = victoria.bytes().await?;
    let (first, last) = day.span();
    let mut read_ms = Vec::new();
    for read in 0..DAY_READS {
        for number in 0..u32::try_from(day.signals.len())? {
            let begun = Instant::now();
            let answer: Bytes = victoria.export(base + number, first / 1000, last / 1000).await?;
            read_ms.push(begun.elapsed().as_secs_f64() * 1000.0);
            if read == 0 {
                // {"metric":…,"values":[…],"timestamps":[…]}, in blocks.
                let found: usize = String::from_utf8_lossy(&answer).lines().map(timestamps).sum();
                let sent = day.samples.iter().filter(|sample| sample.0 == number).count();
                ensure!(found == sent, "VictoriaMetrics gave {found} of {sent} samples of signal {number}");
            }
        }
    }
    read_ms.sort_by(f64::total_cmp);
    Ok(Sizes {
        bytes_per_sample: before / plant.samples.len() as f64,
        day_bytes_per_sample: (after - before) / day.samples.len() as f64,
        read_ms,
    })
}

fn timestamps(line: &str) -> usize {
    line.split_once("\"timestamps\":[").map_or(0, |(_, rest)| rest.split(',').count())
}

/// The recorded days, by name of their files.
fn recorded(directory: &Path) -> Result<Vec<Load>> {
    let folder = directory.join("full_rate_days");
    let Ok(entries) = folder.read_dir() else {
        println!("skipped: no recorded days at {}", folder.display());
        return Ok(Vec::new());
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.retain(|file| file.to_string_lossy().ends_with(".txt.gz"));
    files.sort();
    files.iter().map(|file| Load::recorded(file)).collect()
}

/// Figures of the recorded days.
#[derive(Debug)]
struct MachineDays {
    samples: f64,
    rate: f64,
    bytes_per_sample: f64,
    victoria_bytes_per_sample: f64,
}

async fn machine_days(days: &[Load], batch: usize) -> Result<MachineDays> {
    println!("recorded days");
    let mut bed = Bed::start(&days.iter().collect::<Vec<_>>()).await?;
    let mut elapsed = Duration::ZERO;
    for day in days {
        elapsed += bed.feed(day, batch).await?.0.elapsed;
    }
    let samples: f64 = days.iter().map(|day| day.samples.len() as f64).sum();
    let Stored { samples: stored, bytes } = at_rest(&bed.rig, &days.first().context("no day")?.path()?).await?;
    ensure!(stored >= samples, "{stored} stored of {samples} samples");
    bed.rig.stop().await?;

    let victoria = Victoria::start().await?;
    let mut base = 0;
    for day in days {
        let samples: Vec<_> = day.samples.iter().map(|(signal, time, value)| (base + signal, *time, *value)).collect();
        victoria.write(&victoria::lines(&samples)?).await?;
        base += u32::try_from(day.signals.len())?;
    }
    let victoria_bytes = victoria.bytes().await?;
    victoria.stop().await?;
    Ok(MachineDays {
        samples,
        rate: samples / elapsed.as_secs_f64(),
        bytes_per_sample: bytes / stored,
        victoria_bytes_per_sample: victoria_bytes / samples,
    })
}

fn report(arguments: &IngestArguments, rates: &Rates, ours: &Sizes, victoria: &Sizes, nist: Option<&MachineDays>) {
    let rate = median(&rates.ours);
    let mut report = Report::new("ingest");
    report.figure("samples_per_s", format!("durable, batches of {}", arguments.batch), rate, "1/s").at_least(1e6);
    report.figure(
        "small_batch_samples_per_s",
        format!("batches of {}", arguments.small_batch),
        median(&rates.small),
        "1/s",
    );
    report.figure("packed_samples_per_s", "until all of it was packed, too", median(&rates.packed), "1/s");
    report.word("busy", "requests answered with busy", rates.busy);
    if arguments.quick {
        return report.print();
    }
    let (whole, few, other) = (median(&rates.copy), median(&rates.copy_few), median(&rates.victoria));
    let copy = whole.max(few);
    report.figure("copy_samples_per_s", "one binary COPY, primary key (signal, time)", copy, "1/s");
    report.beside(format!("all samples {whole:.0}, the first {COPY_FEW} {few:.0}"));
    report.figure("ratio_to_copy", "ours over COPY's", rate / copy, "x").at_least(3.0).beside("aim 8");
    report.figure("victoriametrics_samples_per_s", "VictoriaMetrics, line protocol", other, "1/s");
    report.beside("requests made beforehand, not on disk yet");
    report
        .figure("ratio_to_victoriametrics", "ours over VictoriaMetrics'", rate / other, "x")
        .at_least(1.0)
        .beside("aim 3");
    let bytes = ours.bytes_per_sample;
    report.figure("bytes_per_sample", "kept, all indexes, journal apart", bytes, "B").at_most(1.5);
    report.beside(format!("VictoriaMetrics {:.3}, the table {:.1}", victoria.bytes_per_sample, rates.copy_bytes));
    report.figure(
        "bytes_ratio_to_victoriametrics",
        "ours over VictoriaMetrics'",
        bytes / victoria.bytes_per_sample,
        "x",
    );
    report.at_most(1.3).beside("aim 1");
    report.figure("day_bytes_per_sample", "a whole day of 20 signals", ours.day_bytes_per_sample, "B");
    report.beside(format!("VictoriaMetrics {:.3}", victoria.day_bytes_per_sample));
    let (ms, other_ms) = (quantile(&ours.read_ms, 0.95), quantile(&victoria.read_ms, 0.95));
    report.figure("signal_day_p50_ms", "a signal's day over HTTP, p50", quantile(&ours.read_ms, 0.5), "ms");
    report.beside(format!("VictoriaMetrics {:.1}", quantile(&victoria.read_ms, 0.5)));
    report.figure("signal_day_ms", "a signal's day over HTTP, p95", ms, "ms").at_most(10.0);
    report.beside(format!("VictoriaMetrics {other_ms:.1}"));
    report
        .figure("signal_day_ratio_to_victoriametrics", "ours over VictoriaMetrics', p95", ms / other_ms, "x")
        .at_most(1.0);
    if let Some(nist) = nist {
        report.figure("nist_samples", "recorded days: numbers", nist.samples, "");
        report.figure("nist_samples_per_s", "recorded days: durable", nist.rate, "1/s");
        report.figure("nist_bytes_per_sample", "recorded days: kept", nist.bytes_per_sample, "B");
        report.beside(format!("VictoriaMetrics {:.3}", nist.victoria_bytes_per_sample));
    }
    report.print();
}
