//! Batches: what a collector sends.

use std::{collections::HashMap, sync::Arc};

use crate::{
    DecodeError, Limits, Run,
    pack::{pack, unpack},
    reader::read,
    writer::{Cells, Writer},
};

/// A finished batch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EncodedBatch {
    /// Number of samples, after duplicates were resolved.
    pub samples: u32,
    /// Length of the body before compression, in bytes.
    pub raw_len: u32,
    /// Earliest sample time, microseconds since 1970 (0 when there is none).
    pub first_time: i64,
    /// Latest sample time, microseconds since 1970 (0 when there is none).
    pub last_time: i64,
    /// One zstd frame; empty when there is no sample.
    pub body: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tag {
    Number,
    Text,
    Unavailable,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    time: i64,
    /// A number, or the bits of a position in `texts`.
    value: f64,
    signal: u32,
    tag: Tag,
}

/// Collects samples in any order and packs them into an [`EncodedBatch`].
///
/// Of two samples with the same (signal, time) the one pushed later stands, whatever their kinds. A builder is
/// cheapest when it is kept and used again: it keeps its memory.
///
/// ```
/// use gemba_codec::{BatchBuilder, Limits, Values, decode_batch};
///
/// let mut builder = BatchBuilder::new();
/// builder.push_number(0, 1_763_800_000_000_000, 23.4);
/// builder.push_text(1, 1_763_800_000_000_000, "ACTIVE");
/// let batch = builder.finish();
/// let runs = decode_batch(&batch.body, batch.raw_len, Limits::default())?;
/// assert_eq!(runs[0].1.values, Values::Number(vec![23.4]));
/// # Ok::<(), gemba_codec::DecodeError>(())
/// ```
#[derive(Debug, Default)]
pub struct BatchBuilder {
    entries: Vec<Entry>,
    /// The entries are out of order: (signal, time) does not grow from each to the next.
    unordered: bool,
    /// Some entries are no numbers.
    mixed: bool,
    texts: Vec<Arc<str>>,
    text_at: HashMap<Arc<str>, u32>,
    text_bytes: usize,
    sorted: Sorted,
    /// Times and values of one kind of a signal that has several.
    times: Vec<i64>,
    numbers: Vec<f64>,
    indices: Vec<u32>,
    writer: Writer,
}

/// Entries by signal, in columns.
#[derive(Debug, Default)]
struct Sorted {
    times: Vec<i64>,
    values: Vec<f64>,
    tags: Vec<Tag>,
    /// End of each signal's entries, by signal.
    ends: Vec<u32>,
}

const LEVEL: i32 = 1;

impl BatchBuilder {
    /// An empty builder.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a number; `time` in microseconds since 1970.
    #[inline]
    pub fn push_number(&mut self, signal: u32, time: i64, value: f64) {
        self.push(Entry { time, value, signal, tag: Tag::Number });
    }

    /// Adds a text; `time` in microseconds since 1970.
    pub fn push_text(&mut self, signal: u32, time: i64, value: &str) {
        let at = match self.text_at.get(value) {
            Some(&at) => at,
            None => {
                let at = self.texts.len() as u32;
                let text: Arc<str> = value.into();
                self.texts.push(text.clone());
                self.text_at.insert(text, at);
                self.text_bytes += value.len();
                at
            }
        };
        self.mixed = true;
        self.push(Entry { time, value: f64::from_bits(at.into()), signal, tag: Tag::Text });
    }

    /// Adds that the signal had no value from `time` on.
    pub fn push_unavailable(&mut self, signal: u32, time: i64) {
        self.mixed = true;
        self.push(Entry { time, value: 0.0, signal, tag: Tag::Unavailable });
    }

    #[inline]
    fn push(&mut self, entry: Entry) {
        if let Some(last) = self.entries.last() {
            self.unordered |= (last.signal, last.time) >= (entry.signal, entry.time);
        }
        self.entries.push(entry);
    }

    /// Samples pushed since the last [`finish`](Self::finish), duplicates included.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing was pushed since the last [`finish`](Self::finish).
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// An upper bound of the length that the body will have before compression, in bytes. A batch is to be closed
    /// before this passes [`Limits::max_raw_len`], or no receiver takes it.
    pub fn raw_bound(&self) -> usize {
        // A sample alone in its run with a time column of its own: at most 5 + 1 + 6 + 1 + 2 + 22 bytes of heads and
        // bases, 10 of origin, 8 + 8 of residuals; a text 5 more for its length.
        256 + self.entries.len() * 64 + self.texts.len() * 5 + self.text_bytes
    }

    /// Forgets all samples; keeps the memory.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.texts.clear();
        self.text_at.clear();
        self.text_bytes = 0;
        self.unordered = false;
        self.mixed = false;
    }

    /// Packs the samples and leaves the builder empty, ready for the next batch.
    pub fn finish(&mut self) -> EncodedBatch {
        let mut batch = EncodedBatch::default();
        let Some(&first) = self.entries.first() else { return batch };
        (batch.first_time, batch.last_time) =
            self.entries.iter().fold((first.time, first.time), |(lo, hi), e| (lo.min(e.time), hi.max(e.time)));
        batch.samples = self.write();
        let texts = &self.texts;
        let (raw, ends) = self.writer.finish(|at| &texts[at as usize]);
        batch.raw_len = u32::try_from(raw.len()).unwrap_or(u32::MAX);
        pack(raw, ends, LEVEL, &mut batch.body);
        self.clear();
        batch
    }

    /// For a chunk's body: what [`finish`](Self::finish) would compress.
    pub(crate) fn finish_raw<T>(&mut self, then: impl FnOnce(&[u8], &[usize]) -> T) -> T {
        self.write();
        let texts = &self.texts;
        let (raw, ends) = self.writer.finish(|at| &texts[at as usize]);
        let result = then(raw, ends);
        self.clear();
        result
    }

    /// Hands all runs to the writer; gives the number of samples left after duplicates were resolved.
    fn write(&mut self) -> u32 {
        self.writer.begin(self.texts.len());
        let signals = self.entries.iter().map(|e| e.signal).max().unwrap_or(0);
        let mut samples = 0;
        // Signals are numbered densely by the protocol; then one pass puts each sample in its place.
        if self.unordered && (signals as usize) < 4 * self.entries.len() + 4096 {
            self.sorted.scatter(&self.entries, signals as usize + 1, self.mixed);
            let mut from = 0;
            for signal in 0..=signals {
                let to = self.sorted.ends[signal as usize] as usize;
                if to > from {
                    samples += self.group(signal, from, to);
                    from = to;
                }
            }
        } else {
            if self.unordered {
                self.entries.sort_by_key(|e| (e.signal, e.time));
            }
            self.sorted.copy(&self.entries, self.mixed);
            let mut from = 0;
            while let Some(&Entry { signal, .. }) = self.entries.get(from) {
                let to = from + self.entries[from..].iter().take_while(|e| e.signal == signal).count();
                samples += self.group(signal, from, to);
                from = to;
            }
        }
        samples
    }

    /// The samples of one signal.
    fn group(&mut self, signal: u32, from: usize, to: usize) -> u32 {
        let mut to = to;
        if self.sorted.times[from..to].windows(2).any(|pair| pair[0] >= pair[1]) {
            to = self.sorted.resolve(from, to, self.mixed);
        }
        let Sorted { times, values, tags, .. } = &self.sorted;
        let (times, values) = (&times[from..to], &values[from..to]);
        if !self.mixed || tags[from..to].iter().all(|&tag| tag == Tag::Number) {
            self.writer.run(signal, times, Cells::Numbers(values));
            return times.len() as u32;
        }
        let tags = &tags[from..to];
        for kind in [Tag::Number, Tag::Text, Tag::Unavailable] {
            self.times.clear();
            self.numbers.clear();
            self.indices.clear();
            for ((&time, &value), _) in times.iter().zip(values).zip(tags).filter(|(_, tag)| **tag == kind) {
                self.times.push(time);
                match kind {
                    Tag::Number => self.numbers.push(value),
                    Tag::Text => self.indices.push(value.to_bits() as u32),
                    Tag::Unavailable => {}
                }
            }
            if self.times.is_empty() {
                continue;
            }
            let cells = match kind {
                Tag::Number => Cells::Numbers(&self.numbers),
                Tag::Text => Cells::Texts(&self.indices),
                Tag::Unavailable => Cells::Unavailable,
            };
            self.writer.run(signal, &self.times, cells);
        }
        times.len() as u32
    }
}

impl Sorted {
    /// Puts the entries in order of signal, otherwise as they were pushed.
    fn scatter(&mut self, entries: &[Entry], signals: usize, mixed: bool) {
        self.ends.clear();
        self.ends.resize(signals, 0);
        for entry in entries {
            self.ends[entry.signal as usize] += 1;
        }
        let mut begin = 0;
        for slot in &mut self.ends {
            (*slot, begin) = (begin, begin + *slot);
        }
        self.times.resize(entries.len(), 0);
        self.values.resize(entries.len(), 0.0);
        self.tags.resize(entries.len(), Tag::Number);
        for entry in entries {
            let at = &mut self.ends[entry.signal as usize];
            self.times[*at as usize] = entry.time;
            self.values[*at as usize] = entry.value;
            if mixed {
                self.tags[*at as usize] = entry.tag;
            }
            *at += 1;
        }
    }

    fn copy(&mut self, entries: &[Entry], mixed: bool) {
        self.times.clear();
        self.times.extend(entries.iter().map(|e| e.time));
        self.values.clear();
        self.values.extend(entries.iter().map(|e| e.value));
        self.tags.clear();
        if mixed {
            self.tags.extend(entries.iter().map(|e| e.tag));
        }
    }

    /// Sorts a signal's entries by time, the later of two with the same time stands. Gives their new end.
    fn resolve(&mut self, from: usize, to: usize, mixed: bool) -> usize {
        let mut order: Vec<usize> = (from..to).collect();
        order.sort_by_key(|&i| self.times[i]);
        let kept: Vec<(i64, f64, Tag)> = order
            .iter()
            .enumerate()
            .filter(|&(at, &i)| order.get(at + 1).is_none_or(|&next| self.times[next] != self.times[i]))
            .map(|(_, &i)| (self.times[i], self.values[i], if mixed { self.tags[i] } else { Tag::Number }))
            .collect();
        for (i, (time, value, tag)) in kept.iter().copied().enumerate() {
            self.times[from + i] = time;
            self.values[from + i] = value;
            if mixed {
                self.tags[from + i] = tag;
            }
        }
        from + kept.len()
    }
}

/// Unpacks the body of an [`EncodedBatch`]: runs by ascending signal; a signal with values of several kinds has one
/// run for each (numbers, texts, unavailable, in this order).
///
/// # Errors
/// When the body is damaged, contradicts itself or is larger than `limits` permit. Never panics; what it asks of
/// memory is bounded by `limits`.
pub fn decode_batch(body: &[u8], raw_len: u32, limits: Limits) -> Result<Vec<(u32, Run)>, DecodeError> {
    if raw_len > limits.max_raw_len {
        return Err(DecodeError::TooLarge { announced: raw_len.into(), limit: limits.max_raw_len.into() });
    }
    if body.is_empty() && raw_len == 0 {
        return Ok(Vec::new());
    }
    unpack(body, raw_len as usize, |raw| read(raw, limits))
}
