//! Puts runs into the raw body: the columns before compression.

use std::ops::Range;

use crate::{
    decimal::{Converter, Form},
    ints::IntWriter,
    kind::Kind,
    lanes::Owner,
    wire::{FIRST_TIMES, NEW_TIMES, POWERS, SAME_TIMES, STREAMS, Stream, put_signed, put_varint},
};

/// Values of a run as the writer takes them.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cells<'a> {
    Numbers(&'a [f64]),
    /// Positions in the caller's list of texts.
    Texts(&'a [u32]),
    Unavailable,
}

/// Time columns of a body are found again by hash, in so many slots; a collision only costs a repetition.
const SLOTS: usize = 256;

#[derive(Debug, Default)]
pub(crate) struct Writer {
    runs: u64,
    signal: u32,
    signals: Vec<u8>,
    counts: Vec<u8>,
    time_refs: Vec<u8>,
    kinds: Vec<u8>,
    ints: IntWriter,
    numbers: Converter,
    /// All time columns so far, one after the other.
    times: Vec<i64>,
    columns: Vec<Range<usize>>,
    last_column: Option<usize>,
    slots: Vec<u32>,
    origins: Vec<i64>,
    /// Caller's position of each text of the dictionary, and the way back.
    dictionary: Vec<u32>,
    dictionary_at: Vec<u32>,
    scratch: Vec<i64>,
    raw: Vec<u8>,
    ends: Vec<usize>,
}

const NOWHERE: u32 = u32::MAX;

impl Writer {
    /// Begins a body. `texts`: how many the caller's list has.
    pub(crate) fn begin(&mut self, texts: usize) {
        self.runs = 0;
        self.signal = 0;
        for stream in [&mut self.signals, &mut self.counts, &mut self.time_refs, &mut self.kinds] {
            stream.clear();
        }
        self.ints.clear();
        self.times.clear();
        self.columns.clear();
        self.last_column = None;
        self.slots.clear();
        self.slots.resize(SLOTS, NOWHERE);
        self.origins.clear();
        self.dictionary.clear();
        self.dictionary_at.clear();
        self.dictionary_at.resize(texts, NOWHERE);
    }

    /// Adds a run; by ascending signal, and within it by ascending kind. Not empty; times strictly ascending.
    pub(crate) fn run(&mut self, signal: u32, times: &[i64], cells: Cells<'_>) {
        put_varint(&mut self.signals, signal.wrapping_sub(self.signal).into());
        self.signal = signal;
        self.runs += 1;
        put_varint(&mut self.counts, times.len() as u64);
        self.times(times);
        let (kind, patched) = match cells {
            Cells::Unavailable => (Kind::Unavailable, false),
            Cells::Texts(texts) => {
                self.texts(texts);
                (Kind::Text, false)
            }
            Cells::Numbers(values) => {
                let form = self.numbers.convert(values);
                let owner = match form {
                    Form::Decimal { .. } => Owner::Decimals,
                    Form::Bits { .. } => Owner::Floats,
                };
                self.ints.write(&self.numbers.ints, owner);
                (Kind::Number(form), !self.numbers.patches.is_empty())
            }
        };
        self.kinds.push(kind.to_byte(patched));
        if patched {
            let out = &mut self.ints.exceptions;
            put_varint(out, self.numbers.patches.len() as u64);
            let mut next = 0;
            for &(i, bits) in &self.numbers.patches {
                put_varint(out, (i - next) as u64);
                out.extend_from_slice(&bits.to_le_bytes());
                next = i + 1;
            }
        }
    }

    fn times(&mut self, times: &[i64]) {
        let is = |column: usize, columns: &[Range<usize>], all: &[i64]| {
            columns.get(column).is_some_and(|range| &all[range.clone()] == times)
        };
        if self.last_column.is_some_and(|last| is(last, &self.columns, &self.times)) {
            put_varint(&mut self.time_refs, SAME_TIMES);
            return;
        }
        let hash = times.iter().fold(times.len() as u64, |h, &t| (h ^ t as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let slot = (hash >> 56) as usize % SLOTS;
        let known = self.slots[slot] as usize;
        if is(known, &self.columns, &self.times) {
            put_varint(&mut self.time_refs, known as u64 + FIRST_TIMES);
            self.last_column = Some(known);
            return;
        }
        put_varint(&mut self.time_refs, NEW_TIMES);
        let column = self.columns.len();
        self.slots[slot] = column as u32;
        self.last_column = Some(column);
        let from = self.times.len();
        self.times.extend_from_slice(times);
        self.columns.push(from..self.times.len());

        let origin = times[0];
        self.origins.push(origin);
        self.scratch.clear();
        self.scratch.extend(times.iter().map(|t| t.wrapping_sub(origin)));
        let power = scale_down(&mut self.scratch);
        self.ints.shapes.push(power);
        self.ints.write(&self.scratch, Owner::Times);
    }

    fn texts(&mut self, texts: &[u32]) {
        self.scratch.clear();
        for &text in texts {
            let at = &mut self.dictionary_at[text as usize];
            if *at == NOWHERE {
                *at = self.dictionary.len() as u32;
                self.dictionary.push(text);
            }
            self.scratch.push((*at).into());
        }
        self.ints.write(&self.scratch, Owner::Texts);
    }

    /// The raw body, and where stretches of like bytes end in it. `text`: the caller's list.
    pub(crate) fn finish<'t>(&mut self, text: impl Fn(u32) -> &'t str) -> (&[u8], &[usize]) {
        self.scratch.clear();
        let mut before = 0_i64;
        for &origin in &self.origins {
            self.scratch.push(origin.wrapping_sub(before));
            before = origin;
        }
        // The first origin is taken as it is: it is the one that need not be a multiple of the rest.
        let ones = self.scratch.len().min(1);
        let (first, steps) = self.scratch.split_at_mut(ones);
        let mut origins = vec![scale_down(steps)];
        first.iter().chain(&*steps).for_each(|&step| put_signed(&mut origins, step));

        let (mut lengths, mut texts) = (Vec::new(), Vec::new());
        for &at in &self.dictionary {
            let text = text(at);
            put_varint(&mut lengths, text.len() as u64);
            texts.extend_from_slice(text.as_bytes());
        }

        let mut streams: [&[u8]; STREAMS] = [&[]; STREAMS];
        for (stream, bytes) in [
            (Stream::Signals, &self.signals),
            (Stream::Counts, &self.counts),
            (Stream::TimeRefs, &self.time_refs),
            (Stream::Kinds, &self.kinds),
            (Stream::Shapes, &self.ints.shapes),
            (Stream::Bases, &self.ints.bases),
            (Stream::Exceptions, &self.ints.exceptions),
            (Stream::Origins, &origins),
            (Stream::TextLengths, &lengths),
            (Stream::Texts, &texts),
        ] {
            streams[stream as usize] = bytes;
        }
        let lens = streams.iter().map(|s| s.len()).chain(self.ints.lanes.iter().flat_map(|l| l.counts()));

        let raw = &mut self.raw;
        raw.clear();
        put_varint(raw, self.runs);
        let present = lens.clone().enumerate().fold(0_u32, |bits, (i, len)| bits | u32::from(len != 0) << i);
        raw.extend_from_slice(&present.to_le_bytes());
        lens.filter(|&len| len != 0).for_each(|len| put_varint(raw, len as u64));
        self.ends.clear();
        for stream in streams {
            raw.extend_from_slice(stream);
            self.ends.push(raw.len());
        }
        for lanes in &self.ints.lanes {
            lanes.write(raw, &mut self.ends);
        }
        (&self.raw, &self.ends)
    }
}

/// Divides by the largest power of ten up to 10^6 that divides all, and gives its exponent.
fn scale_down(x: &mut [i64]) -> u8 {
    fn divides<const POWER: i64>(x: &[i64]) -> bool {
        x.iter().all(|v| v % POWER == 0)
    }
    fn divide<const POWER: i64>(x: &mut [i64]) {
        x.iter_mut().for_each(|v| *v /= POWER);
    }
    const fn power(exponent: usize) -> i64 {
        POWERS[exponent]
    }
    if x.iter().all(|&v| v == 0) {
        return 0;
    }
    if divides::<{ power(3) }>(x) {
        divide::<{ power(3) }>(x);
        if divides::<{ power(3) }>(x) {
            divide::<{ power(3) }>(x);
            6
        } else if divides::<{ power(2) }>(x) {
            divide::<{ power(2) }>(x);
            5
        } else if divides::<{ power(1) }>(x) {
            divide::<{ power(1) }>(x);
            4
        } else {
            3
        }
    } else if divides::<{ power(2) }>(x) {
        divide::<{ power(2) }>(x);
        2
    } else if divides::<{ power(1) }>(x) {
        divide::<{ power(1) }>(x);
        1
    } else {
        0
    }
}
