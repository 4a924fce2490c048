//! The neighbour in the same Postgres: one binary COPY into a table with a key.

use std::time::{Duration, Instant};

use anyhow::Result;
use sqlx::{Connection, Executor, PgConnection};

use super::load::Sample;
use crate::rig::Postmaster;

const DATABASE: &str = "neighbour";
/// Microseconds from 1970 to 2000, where Postgres begins to count.
const EPOCH: i64 = 946_684_800_000_000;
/// Bytes of one message.
const PIECE: usize = 1 << 20;

/// Rows in the binary form of COPY. Made before the clock starts: the best that a client can do.
pub(super) fn rows(samples: &[Sample]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(samples.len() * 34 + 32);
    bytes.extend_from_slice(b"PGCOPY\n\xff\r\n\0");
    bytes.extend([0; 8]);
    for (signal, time, value) in samples {
        bytes.extend_from_slice(&3_i16.to_be_bytes());
        bytes.extend_from_slice(&8_i32.to_be_bytes());
        bytes.extend_from_slice(&(time - EPOCH).to_be_bytes());
        bytes.extend_from_slice(&4_i32.to_be_bytes());
        bytes.extend_from_slice(&signal.cast_signed().to_be_bytes());
        bytes.extend_from_slice(&8_i32.to_be_bytes());
        bytes.extend_from_slice(&value.to_bits().to_be_bytes());
    }
    bytes.extend_from_slice(&(-1_i16).to_be_bytes());
    bytes
}

/// Copies the rows into a fresh table of a database of its own, which goes away with it. From the first byte to the commit;
/// and bytes of table and index.
pub(super) async fn copy(postgres: &Postmaster, rows: &[u8]) -> Result<(Duration, f64)> {
    let mut server = postgres.connect().await?;
    server.execute("create database neighbour").await?;
    let copied = copy_into(&mut postgres.connect_to(DATABASE).await?, rows).await;
    server.execute("drop database neighbour with (force)").await?;
    server.execute("checkpoint").await?;
    server.close().await?;
    copied
}

async fn copy_into(db: &mut PgConnection, rows: &[u8]) -> Result<(Duration, f64)> {
    db.execute(
        "create table sample (time timestamptz not null, signal integer not null, value double precision not null,
                              primary key (signal, time))",
    )
    .await?;
    db.execute("checkpoint").await?;
    let begun = Instant::now();
    let mut copy = db.copy_in_raw("copy sample (time, signal, value) from stdin (format binary)").await?;
    for piece in rows.chunks(PIECE) {
        copy.send(piece).await?;
    }
    copy.finish().await?;
    let elapsed = begun.elapsed();
    let (bytes,): (i64,) = sqlx::query_as("select pg_total_relation_size('sample')").fetch_one(db).await?;
    Ok((elapsed, bytes as f64))
}
