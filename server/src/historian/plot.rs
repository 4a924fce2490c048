//! Few readings that look like many: for plots.

use std::collections::BTreeMap;

use gemba_contract::signal::{Reading, Resolution, SampleSeries};
use gemba_domain::{
    Interval, Timestamp,
    signal::{SignalId, Value},
};

use super::{
    HistorianError, Service,
    chunk::{self, ChunkHead},
    damage,
    queries::{self, HeadRow},
    series::Series,
    service::to_the_end,
};

/// Up to this many samples are simply read.
const READ_ALL: i64 = 150_000;
/// So many chunks are unpacked at a time.
const CHUNKS_AT_ONCE: usize = 16;
const MINUTE: i64 = 60_000_000;

/// What a plot shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Plot {
    pub series: SampleSeries,
    /// Stretches of which stored samples cannot be read any more.
    pub damaged: Vec<Interval>,
}

impl Service {
    /// A signal's readings for a plot: all of them when there are at most `points` x 2, otherwise for each of `points`
    /// slices of time the least, the greatest and, when there was something else than a number, the last of those.
    ///
    /// Over long stretches minimum and maximum are taken from minutes or whole chunks (never longer than a slice); they
    /// then carry a time within that minute or chunk, not the exact one.
    ///
    /// # Errors
    /// Those of Postgres.
    pub async fn series(
        &self,
        signal: SignalId,
        from: Timestamp,
        to: Timestamp,
        points: usize,
    ) -> Result<Plot, HistorianError> {
        let (begin, end) = (from.micros(), to.micros().max(from.micros()));
        let points = points.clamp(2, 100_000);
        let heads = queries::heads(&self.inner.pool, signal.0, begin, end).await?;
        let (thinned, damaged) = if heads.iter().map(|head| i64::from(head.n)).sum::<i64>() <= READ_ALL {
            self.thin_all(signal, begin, end, points).await?
        } else {
            let service = self.clone();
            to_the_end(async move { service.thin_by_chunks(signal, begin, end, points).await }).await?
        };
        let Thinned { in_force, total, readings, complete } = thinned;
        let resolution = if complete { Resolution::Raw } else { Resolution::MinMax };
        let readings = in_force
            .into_iter()
            .chain(readings)
            .map(|(time, value)| Reading { time: Timestamp::from_micros(time), value })
            .collect();
        let series = SampleSeries { signal, from, to: Timestamp::from_micros(end), resolution, readings, total };
        Ok(Plot { series, damaged })
    }

    async fn thin_all(
        &self,
        signal: SignalId,
        begin: i64,
        end: i64,
        points: usize,
    ) -> Result<(Thinned, Vec<Interval>), HistorianError> {
        let (from, to) = (Timestamp::from_micros(begin), Timestamp::from_micros(end));
        let series = self.read_in_force(&[signal], from, to).await?.remove(&signal).unwrap_or_default();
        let mut thinner = Thinner::new(begin, end, points);
        thinner.add(&series);
        let damaged = series.damaged.clone();
        let inside = series.part(begin, end);
        let mut thinned = thinner.finish();
        if inside.len() <= points * 2 {
            thinned.readings = inside.iter_micros().collect();
            thinned.complete = true;
        }
        Ok((thinned, damaged))
    }

    async fn thin_by_chunks(
        &self,
        signal: SignalId,
        begin: i64,
        end: i64,
        points: usize,
    ) -> Result<(Thinned, Vec<Interval>), HistorianError> {
        let snapshot = self.head().snapshot(signal, begin, end);
        let mut tx = self.inner.pool.begin().await?;
        sqlx::query!("set transaction isolation level repeatable read, read only").execute(&mut *tx).await?;
        let through = queries::compacted_through(&mut *tx).await?;
        let heads = queries::heads(&mut *tx, signal.0, begin, end).await?;
        let parts = queries::parts(&mut *tx, &[signal.0]).await?;

        let mut damaged: Vec<Interval> =
            self.damage().iter().filter(|d| d.signals.contains(&signal)).map(|d| d.stretch).collect();
        let mut broken = Vec::new();
        let mut newer = Vec::new();
        for part in parts {
            match chunk::unpack(&part.body, part.first_time, part.last_time, part.n) {
                Ok(series) => newer.push(series.part_in_force(begin, end)),
                Err(reason) => broken.push((part, reason)),
            }
        }
        newer.extend(snapshot.after(through));
        let newer = Series::merged(newer);
        let newer_times = newer.times();
        let untouched = |head: &ChunkHead| {
            let at = newer_times.partition_point(|t| *t < head.first_time);
            newer_times.get(at).is_none_or(|t| *t > head.last_time)
        };

        let mut thinner = Thinner::new(begin, end, points);
        let mut by_minutes: BTreeMap<i64, ChunkHead> = BTreeMap::new();
        let mut whole: Vec<ChunkHead> = Vec::new();
        for row in &heads {
            let head = row.head();
            match grade(row, &head, begin, end, thinner.slice, untouched(&head)) {
                Grade::Head => thinner.add_head(&head),
                Grade::Minutes => {
                    by_minutes.insert(head.first_time, head);
                }
                Grade::Samples => whole.push(head),
            }
        }
        let wanted: Vec<i64> = by_minutes.keys().copied().collect();
        for (first, body) in queries::minutes(&mut *tx, signal.0, &wanted).await? {
            let Some(head) = by_minutes.remove(&first) else { continue };
            match chunk::unpack_minutes(&body) {
                Ok(minutes) => thinner.add_minutes(&head, &minutes),
                // The samples themselves may be readable.
                Err(_) => whole.push(head),
            }
        }
        whole.sort_by_key(|head| head.first_time);
        let mut taken = Vec::new();
        for group in whole.chunks(CHUNKS_AT_ONCE) {
            let first: Vec<i64> = group.iter().map(|head| head.first_time).collect();
            for piece in queries::chunks(&mut *tx, &vec![signal.0; first.len()], &first).await? {
                match chunk::unpack(&piece.body, piece.first_time, piece.last_time, piece.n) {
                    Ok(series) => {
                        let over = newer.part(piece.first_time, piece.last_time.saturating_add(1));
                        taken.push((piece.first_time, piece.last_time));
                        thinner.add(&series.overlaid(over).part_in_force(begin, end));
                    }
                    Err(reason) => broken.push((piece, reason)),
                }
            }
        }
        tx.commit().await?;
        // What lies outside of the chunks that it was laid over.
        let mut rest_from = i64::MIN;
        for (first, last) in taken {
            thinner.add(&newer.part(rest_from, first));
            rest_from = last.saturating_add(1);
        }
        thinner.add(&newer.part(rest_from, i64::MAX));

        for (piece, reason) in broken {
            damaged.push(damage::stretch(piece.first_time, piece.last_time));
            self.set_aside(piece, reason).await?;
        }
        damaged.retain(|stretch| stretch.from.micros() < end && stretch.to.micros() > begin);
        Ok((thinner.finish(), damaged))
    }

    /// Cuts [from, to) into stretches of about `samples` samples each, so that long ones can be read piece by piece.
    ///
    /// # Errors
    /// Those of Postgres.
    pub async fn pages(
        &self,
        signal: SignalId,
        from: Timestamp,
        to: Timestamp,
        samples: usize,
    ) -> Result<Vec<Interval>, HistorianError> {
        let heads = queries::heads(&self.inner.pool, signal.0, from.micros(), to.micros()).await?;
        let mut pages = Vec::new();
        let (mut begin, mut held) = (from, 0);
        for head in heads {
            let n = usize::try_from(head.n).unwrap_or(0);
            let first = Timestamp::from_micros(head.first_time);
            if held > 0 && held + n > samples && first > begin {
                pages.push(Interval::new(begin, first));
                (begin, held) = (first, 0);
            }
            held += n;
        }
        pages.push(Interval::new(begin, to));
        Ok(pages)
    }
}

/// What of a chunk a plot needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grade {
    Head,
    Minutes,
    Samples,
}

fn grade(row: &HeadRow, head: &ChunkHead, begin: i64, end: i64, slice: i64, untouched: bool) -> Grade {
    let inside = head.first_time > begin && head.last_time < end;
    if !inside || !untouched || head.numbers != head.n || head.min.is_none() {
        Grade::Samples
    } else if head.last_time - head.first_time < slice {
        Grade::Head
    } else if row.has_minutes && slice >= MINUTE {
        Grade::Minutes
    } else {
        Grade::Samples
    }
}

/// The outcome of thinning.
#[derive(Debug)]
struct Thinned {
    /// The reading in force at the begin, when it is earlier than that.
    in_force: Option<(i64, Value)>,
    total: u64,
    readings: Vec<(i64, Value)>,
    complete: bool,
}

#[derive(Clone, Debug, Default)]
struct Slice {
    least: Option<(i64, f64)>,
    greatest: Option<(i64, f64)>,
    /// The last reading that is no number.
    other: Option<(i64, Value)>,
}

/// Collects readings, in any order, into slices of equal length.
#[derive(Debug)]
struct Thinner {
    begin: i64,
    end: i64,
    slice: i64,
    slices: BTreeMap<i64, Slice>,
    in_force: Option<(i64, Value)>,
    total: u64,
}

impl Thinner {
    fn new(begin: i64, end: i64, points: usize) -> Self {
        let points = i64::try_from(points).unwrap_or(i64::MAX);
        let slice = (end.saturating_sub(begin) / points).saturating_add(1);
        Self { begin, end, slice, slices: BTreeMap::new(), in_force: None, total: 0 }
    }

    fn slice(&mut self, time: i64) -> &mut Slice {
        self.slices.entry((time - self.begin) / self.slice).or_default()
    }

    fn add(&mut self, series: &Series) {
        let inside = series.part(self.begin, self.end);
        if let Some((time, value)) = series.at_micros(self.begin)
            && self.in_force.as_ref().is_none_or(|known| known.0 <= time)
        {
            self.in_force = Some((time, value));
        }
        self.total += inside.len() as u64;
        for (time, value) in inside.iter_micros() {
            match value {
                Value::Number(number) if !number.is_nan() => self.number(time, number),
                other => {
                    let slice = self.slice(time);
                    if slice.other.as_ref().is_none_or(|known| known.0 <= time) {
                        slice.other = Some((time, other));
                    }
                }
            }
        }
    }

    fn number(&mut self, time: i64, number: f64) {
        let slice = self.slice(time);
        // The earliest of equal ones, so that the order of adding does not matter.
        if slice.least.is_none_or(|(t, least)| (number, time) < (least, t)) {
            slice.least = Some((time, number));
        }
        if slice.greatest.is_none_or(|(t, greatest)| number > greatest || (number == greatest && time < t)) {
            slice.greatest = Some((time, number));
        }
    }

    fn add_head(&mut self, head: &ChunkHead) {
        self.total += u64::try_from(head.n).unwrap_or(0);
        if let (Some(min), Some(max)) = (head.min, head.max) {
            self.number(head.first_time, min);
            self.number(head.first_time, max);
        }
    }

    fn add_minutes(&mut self, head: &ChunkHead, minutes: &[chunk::MinuteRange]) {
        for minute in minutes {
            self.total += minute.n;
            let time = minute.time.clamp(head.first_time, head.last_time);
            self.number(time, minute.min);
            self.number(time, minute.max);
        }
    }

    fn finish(self) -> Thinned {
        let mut readings = Vec::with_capacity(self.slices.len() * 2);
        for slice in self.slices.into_values() {
            let least = slice.least.map(|(time, number)| (time, Value::Number(number)));
            let greatest =
                slice.greatest.filter(|g| slice.least != Some(*g)).map(|(time, number)| (time, Value::Number(number)));
            let mut of_slice: Vec<_> = [least, greatest, slice.other].into_iter().flatten().collect();
            of_slice.sort_by_key(|(time, _)| *time);
            readings.extend(of_slice);
        }
        let in_force = self.in_force.filter(|(time, _)| *time < self.begin);
        Thinned { in_force, total: self.total, readings, complete: false }
    }
}
