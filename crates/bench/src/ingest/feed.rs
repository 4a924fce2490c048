//! A collector that has much to send: one thread packs, one request is in flight, as `gemba-edge` does it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use gemba_contract::batch::{BatchBuilder, encode_frame};
use gemba_domain::Timestamp;
use rand::Rng;
use tokio::sync::mpsc;

use super::load::Sample;
use crate::rig::Sender;

/// Frames of a request, as the protocol says.
const MOST_FRAMES: usize = 64;
const MOST_BYTES: usize = 4 << 20;

/// How a feed went.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fed {
    /// From the first sample packed to the last acknowledgement.
    pub elapsed: Duration,
    /// Bytes sent.
    pub bytes: u64,
    pub requests: u32,
    /// Requests that the server was too busy for, and the time waited because of them.
    pub busy: u32,
    pub waited: Duration,
}

/// Packs and sends all samples, in batches of so many. All are committed when this returns.
pub(super) async fn feed(sender: &mut Sender, samples: &[Sample], batch: usize) -> Result<Fed> {
    let (first, epoch) = (sender.reserve(u64::try_from(samples.len().div_ceil(batch))?), sender.epoch());
    let (requests, ready) = mpsc::channel::<Request>(2);
    let begun = Instant::now();
    let sender = &*sender;
    // Scoped, because the samples are borrowed; a thread of its own, because it works all the time.
    let sent = std::thread::scope(|scope| {
        scope.spawn(move || pack(samples, batch, epoch, first, &requests));
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(send_all(sender, ready)))
    });
    Ok(Fed { elapsed: begun.elapsed(), ..sent? })
}

/// Frames, and the number of the last.
type Request = (u64, Bytes);

fn pack(samples: &[Sample], batch: usize, epoch: u64, first: u64, requests: &mpsc::Sender<Request>) {
    let mut builder = BatchBuilder::new();
    let (mut body, mut frames) = (Vec::new(), 0);
    let mut covered = samples.first().map_or(0, |sample| sample.1);
    let mut seq = first;
    for chunk in samples.chunks(batch) {
        let mut to = covered;
        for (signal, time, value) in chunk {
            builder.push_number(*signal, *time, *value);
            to = to.max(time + 1);
        }
        let (from, end) = (Timestamp::from_micros(covered), Timestamp::from_micros(to));
        let frame = encode_frame(epoch, seq, from, end, &builder.finish());
        covered = to;
        if frames == MOST_FRAMES || (frames > 0 && body.len() + frame.len() > MOST_BYTES) {
            // Nobody takes it any more: that error is told.
            if requests.blocking_send((seq - 1, std::mem::take(&mut body).into())).is_err() {
                return;
            }
            frames = 0;
        }
        body.extend_from_slice(&frame);
        frames += 1;
        seq += 1;
    }
    if frames > 0 {
        requests.blocking_send((seq - 1, body.into())).ok();
    }
}

async fn send_all(sender: &Sender, mut ready: mpsc::Receiver<Request>) -> Result<Fed> {
    let mut fed = Fed::default();
    while let Some((last, body)) = ready.recv().await {
        send(sender, last, body, &mut fed).await?;
    }
    Ok(fed)
}

async fn send(sender: &Sender, last: u64, body: Bytes, fed: &mut Fed) -> Result<()> {
    fed.requests += 1;
    fed.bytes += body.len() as u64;
    let mut backoff = Duration::from_millis(250);
    for _ in 0..100 {
        match sender.post_frames(body.clone()).await? {
            Ok(answer) if answer.acked == last && answer.quarantined.is_empty() => return Ok(()),
            Ok(answer) => bail!("batch {last} was sent, the answer was {answer:?}"),
            Err(retry_after) => {
                let (jitter, spread) = (rand::rng().random_range(0.5..1.0), rand::rng().random_range(1.0..1.5));
                let wait = backoff.mul_f64(jitter).max(retry_after.mul_f64(spread));
                backoff = (backoff * 2).min(Duration::from_secs(30));
                fed.busy += 1;
                fed.waited += wait;
                tokio::time::sleep(wait).await;
            }
        }
    }
    None.with_context(|| format!("the server was too busy for batch {last}, 100 times"))
}
