//! The historian against a real Postgres.

mod damage;
mod http;
mod model;
mod plots;
mod sizes;

use std::time::Duration;

use gemba_codec::{BatchBuilder, Run};
use gemba_domain::{
    Timestamp,
    signal::{SignalId, Value},
};
use sqlx::PgPool;

use super::{HistorianError, Service, Settings, journal, journal::JournalRow};

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// A plant of one unit, its signals, and a collector that numbers them 0, 1, 2, …
struct Bench {
    pool: PgPool,
    signals: Vec<SignalId>,
    collector: i32,
    seq: i64,
}

impl Bench {
    async fn new(pool: &PgPool, signals: i32) -> Result<Self, sqlx::Error> {
        sqlx::raw_sql(
            "insert into equipment (id, level, code, name, path, position)
             values ('00000000-0000-0000-0000-000000000001', 'enterprise', 'acme', 'Acme', 'acme', 0);
             insert into collector (name, created_at) values ('bench', now());",
        )
        .execute(pool)
        .await?;
        let ids: Vec<i32> = sqlx::query_scalar(
            "insert into signal (unit_id, code, name, kind, position)
             select '00000000-0000-0000-0000-000000000001', 's' || i, 's' || i, 'state', i from generate_series(1, $1) i
             returning id",
        )
        .bind(signals)
        .fetch_all(pool)
        .await?;
        let collector: i32 = sqlx::query_scalar("select id from collector").fetch_one(pool).await?;
        sqlx::query(
            "insert into collector_signal (collector_id, epoch, local, address, kind, signal_id)
             select $1, 1, row_number() over (order by id) - 1, code, kind, id from signal",
        )
        .bind(collector)
        .execute(pool)
        .await?;
        Ok(Self { pool: pool.clone(), signals: ids.into_iter().map(SignalId).collect(), collector, seq: 0 })
    }

    /// Commits a batch as ingest does, without telling any service. Gives its ordinal and what to tell.
    async fn commit(
        &mut self,
        samples: &[(usize, i64, Value)],
    ) -> Result<(i64, Vec<(SignalId, Run)>), Box<dyn std::error::Error>> {
        let mut builder = BatchBuilder::new();
        for (signal, time, value) in samples {
            let local = u32::try_from(*signal)?;
            match value {
                Value::Number(number) => builder.push_number(local, *time, *number),
                Value::Text(text) => builder.push_text(local, *time, text),
                Value::Unavailable => builder.push_unavailable(local, *time),
            }
        }
        let batch = builder.finish();
        let runs = gemba_codec::decode_batch(&batch.body, batch.raw_len, gemba_codec::Limits::default())?;
        let runs = runs.into_iter().map(|(local, run)| (self.signals[local as usize], run)).collect();
        self.seq += 1;
        let row = JournalRow {
            collector_id: self.collector,
            epoch: 1,
            seq: self.seq,
            received_at: Timestamp::from_seconds(0),
            covered_from: Timestamp::from_seconds(0),
            covered_to: Timestamp::from_seconds(0),
            first_time: Timestamp::from_micros(batch.first_time),
            last_time: Timestamp::from_micros(batch.last_time),
            samples: batch.samples.cast_signed(),
            raw_len: batch.raw_len.cast_signed(),
            body: batch.body,
        };
        let mut tx = self.pool.begin().await?;
        let ordinals = journal::insert(&mut tx, &[row]).await?;
        tx.commit().await?;
        Ok((ordinals[0], runs))
    }

    async fn deliver(&mut self, service: &Service, samples: &[(usize, i64, Value)]) -> Outcome {
        let (ordinal, runs) = self.commit(samples).await?;
        service.append(ordinal, &runs);
        Ok(())
    }
}

fn settings(merge_after: Duration) -> Settings {
    Settings { merge_after, ..Settings::default() }
}

/// With the default settings.
async fn open(pool: &PgPool) -> Result<Service, HistorianError> {
    Service::open(pool.clone(), Settings::default()).await
}

/// Merges parts however young they are.
async fn open_eager(pool: &PgPool) -> Result<Service, HistorianError> {
    Service::open(pool.clone(), settings(Duration::ZERO)).await
}

async fn pack_all(service: &Service) -> Result<(), HistorianError> {
    while let super::Outcome::Packed { more: true, .. } = service.compact_once().await? {}
    Ok(())
}

fn numbers(signal: usize, samples: impl IntoIterator<Item = (i64, f64)>) -> Vec<(usize, i64, Value)> {
    samples.into_iter().map(|(time, value)| (signal, time, Value::Number(value))).collect()
}

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}
