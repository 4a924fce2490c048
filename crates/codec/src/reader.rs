//! Takes the raw body apart again. Trusts nothing: each count is checked against the limits, and against what is there,
//! before memory is asked for.

use std::{ops::Range, sync::Arc};

use crate::{
    DecodeError, Limits, Run, Values,
    decimal::numbers,
    ints::IntReader,
    kind::Kind,
    lanes::{LANES, Lane, OWNERS, Owner, WIDTHS},
    wire::{FIRST_TIMES, NEW_TIMES, POWERS, SAME_TIMES, STREAM_NAMES, STREAMS, Source, Stream},
};

/// The runs of a raw body, with their signals.
pub(crate) fn read(raw: &[u8], limits: Limits) -> Result<Vec<(u32, Run)>, DecodeError> {
    let (mut reader, runs) = Reader::open(raw, limits)?;
    let mut out: Vec<(u32, Run)> = Vec::with_capacity(runs);
    let mut signal = 0_u32;
    // Rank of the run before and where the runs of its signal begin.
    let mut before: Option<(u8, usize)> = None;
    for at in 0..runs {
        let step = reader.signals.varint()?;
        let next = u32::try_from(step).ok().and_then(|step| signal.checked_add(step));
        let next = next.ok_or(DecodeError::Invalid("signals"))?;
        let (kind, run) = reader.run(next)?;
        let begin = match before {
            Some((rank, begin)) if step == 0 => {
                if kind.rank() <= rank {
                    return Err(DecodeError::Invalid("signals"));
                }
                if out[begin..].iter().any(|(_, other)| share_a_time(&other.times, &run.times)) {
                    return Err(DecodeError::Times { signal });
                }
                begin
            }
            _ => at,
        };
        before = Some((kind.rank(), begin));
        signal = next;
        out.push((signal, run));
    }
    reader.end()?;
    Ok(out)
}

fn share_a_time(a: &[i64], b: &[i64]) -> bool {
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    while let (Some(x), Some(y)) = (a.peek(), b.peek()) {
        match x.cmp(y) {
            std::cmp::Ordering::Less => a.next(),
            std::cmp::Ordering::Greater => b.next(),
            std::cmp::Ordering::Equal => return true,
        };
    }
    false
}

struct Reader<'a> {
    signals: Source<'a>,
    counts: Source<'a>,
    time_refs: Source<'a>,
    kinds: Source<'a>,
    origins: Source<'a>,
    text_lengths: Source<'a>,
    texts: Source<'a>,
    ints: IntReader<'a>,
    max_samples: u64,
    samples: u64,
    origin: i64,
    origin_power: i64,
    /// The time columns so far, one after the other; the range of each; the one used last.
    times: Vec<i64>,
    columns: Vec<Range<usize>>,
    last_column: usize,
    dictionary: Vec<Arc<str>>,
    scratch: Vec<i64>,
}

impl<'a> Reader<'a> {
    fn open(raw: &'a [u8], limits: Limits) -> Result<(Self, usize), DecodeError> {
        let mut source = Source::new(raw, "header");
        let runs = source.varint()?;
        let mut present = [0; 4];
        present.copy_from_slice(source.take(4)?);
        let present = u32::from_le_bytes(present);
        if present >> (STREAMS + LANES) != 0 {
            return Err(DecodeError::Invalid("header"));
        }
        let mut lens = [0_usize; STREAMS + LANES];
        for (i, len) in lens.iter_mut().enumerate() {
            if present >> i & 1 == 1 {
                *len = usize::try_from(source.varint()?).map_err(|_| DecodeError::Truncated("header"))?;
            }
        }
        let mut sources = [Source::new(&[], ""); STREAMS];
        for ((stream, &len), name) in sources.iter_mut().zip(&lens).zip(STREAM_NAMES) {
            *stream = Source::new(source.take(len).map_err(|_| DecodeError::Truncated(name))?, name);
        }
        let mut lanes = [[Lane::default(); 4]; OWNERS];
        for (i, &count) in lens[STREAMS..].iter().enumerate() {
            let len = count.checked_mul(WIDTHS[i % 4 + 1]).ok_or(DecodeError::Truncated("residuals"))?;
            let bytes = source.take(len).map_err(|_| DecodeError::Truncated("residuals"))?;
            lanes[i / 4][i % 4] = Lane::new(bytes, count);
        }
        source.end()?;

        let of = |stream: Stream| sources[stream as usize];
        // Each run has a byte in the stream of kinds.
        let runs = usize::try_from(runs).ok().filter(|&runs| runs == of(Stream::Kinds).left());
        let runs = runs.ok_or(DecodeError::Invalid("kinds"))?;
        let mut origins = of(Stream::Origins);
        let origin_power = power(origins.byte()?)?;
        let reader = Self {
            signals: of(Stream::Signals),
            counts: of(Stream::Counts),
            time_refs: of(Stream::TimeRefs),
            kinds: of(Stream::Kinds),
            origins,
            text_lengths: of(Stream::TextLengths),
            texts: of(Stream::Texts),
            ints: IntReader {
                shapes: of(Stream::Shapes),
                bases: of(Stream::Bases),
                exceptions: of(Stream::Exceptions),
                lanes,
            },
            max_samples: limits.max_samples.into(),
            samples: 0,
            origin: 0,
            origin_power,
            times: Vec::new(),
            columns: Vec::new(),
            last_column: 0,
            dictionary: Vec::new(),
            scratch: Vec::new(),
        };
        if runs as u64 > reader.max_samples {
            return Err(DecodeError::TooManySamples { announced: runs as u64, limit: reader.max_samples });
        }
        Ok((reader, runs))
    }

    fn run(&mut self, signal: u32) -> Result<(Kind, Run), DecodeError> {
        let count = self.counts.varint()?;
        let announced = self.samples.saturating_add(count);
        if announced > self.max_samples {
            return Err(DecodeError::TooManySamples { announced, limit: self.max_samples });
        }
        self.samples = announced;
        let n = usize::try_from(count).ok().filter(|&n| n > 0).ok_or(DecodeError::Invalid("counts"))?;

        self.last_column = match self.time_refs.varint()? {
            SAME_TIMES => self.last_column,
            NEW_TIMES => self.new_column(n, signal)?,
            column => usize::try_from(column - FIRST_TIMES).unwrap_or(usize::MAX),
        };
        let column = self.columns.get(self.last_column).filter(|column| column.len() == n);
        let times = self.times[column.ok_or(DecodeError::Invalid("references to time columns"))?.clone()].to_vec();

        let (kind, patched) = Kind::from_byte(self.kinds.byte()?)?;
        let values = match kind {
            Kind::Unavailable => Values::Unavailable,
            Kind::Text => {
                self.ints.read(n, Owner::Texts, &mut self.scratch)?;
                self.read_dictionary()?;
                let text = |&at: &i64| usize::try_from(at).ok().and_then(|at| self.dictionary.get(at)).cloned();
                let texts: Option<Vec<_>> = self.scratch.iter().map(text).collect();
                Values::Text(texts.ok_or(DecodeError::Invalid("texts"))?)
            }
            Kind::Number(form) => {
                let owner = match form {
                    crate::decimal::Form::Decimal { .. } => Owner::Decimals,
                    crate::decimal::Form::Bits { .. } => Owner::Floats,
                };
                self.ints.read(n, owner, &mut self.scratch)?;
                let mut values = numbers(form, &self.scratch);
                if patched {
                    self.patch(&mut values)?;
                }
                Values::Number(values)
            }
        };
        Ok((kind, Run { times, values }))
    }

    fn new_column(&mut self, n: usize, signal: u32) -> Result<usize, DecodeError> {
        let step = self.origins.signed()?;
        // The first is written as it is, the others in units of the power of ten.
        let step = if self.columns.is_empty() { step } else { step.wrapping_mul(self.origin_power) };
        self.origin = self.origin.wrapping_add(step);
        let power = power(self.ints.shapes.byte()?)?;
        self.ints.read(n, Owner::Times, &mut self.scratch)?;
        let from = self.times.len();
        let origin = self.origin;
        self.times.extend(self.scratch.iter().map(|offset| origin.wrapping_add(offset.wrapping_mul(power))));
        if self.times[from..].windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(DecodeError::Times { signal });
        }
        self.columns.push(from..self.times.len());
        Ok(self.columns.len() - 1)
    }

    /// When the first run of texts is met: the texts themselves.
    fn read_dictionary(&mut self) -> Result<(), DecodeError> {
        if !self.dictionary.is_empty() {
            return Ok(());
        }
        // Each text of the dictionary is that of a sample at least.
        let limit = self.max_samples;
        while self.text_lengths.left() > 0 {
            let len = usize::try_from(self.text_lengths.varint()?).map_err(|_| DecodeError::Truncated("texts"))?;
            let text = std::str::from_utf8(self.texts.take(len)?).map_err(|_| DecodeError::Invalid("texts"))?;
            if self.dictionary.len() as u64 >= limit {
                return Err(DecodeError::TooManySamples { announced: limit + 1, limit });
            }
            self.dictionary.push(text.into());
        }
        Ok(())
    }

    fn patch(&mut self, values: &mut [f64]) -> Result<(), DecodeError> {
        let mut next = 0_usize;
        let source = &mut self.ints.exceptions;
        for _ in 0..source.varint()? {
            let at = usize::try_from(source.varint()?).ok().and_then(|skip| next.checked_add(skip));
            let slot = at.and_then(|at| values.get_mut(at)).ok_or(DecodeError::Invalid("exceptions"))?;
            *slot = f64::from_bits(source.word()?);
            next = at.unwrap_or(next) + 1;
        }
        Ok(())
    }

    /// That nothing is left over.
    fn end(&self) -> Result<(), DecodeError> {
        for source in [
            &self.signals,
            &self.counts,
            &self.time_refs,
            &self.kinds,
            &self.origins,
            &self.text_lengths,
            &self.texts,
            &self.ints.shapes,
            &self.ints.bases,
            &self.ints.exceptions,
        ] {
            source.end()?;
        }
        match self.ints.lanes.iter().flatten().all(|lane| lane.left() == 0) {
            true => Ok(()),
            false => Err(DecodeError::LeftOver("residuals")),
        }
    }
}

fn power(exponent: u8) -> Result<i64, DecodeError> {
    POWERS.get(usize::from(exponent)).copied().ok_or(DecodeError::Invalid("powers of ten"))
}
