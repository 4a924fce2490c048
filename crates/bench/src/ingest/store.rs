//! What the server has stored: brought to rest, then weighed.

use std::{fs, time::Duration};

use anyhow::{Result, bail};
use sqlx::{Connection, Executor, PgConnection};

use crate::rig::Rig;

/// Samples and bytes of all that is kept, the journal apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stored {
    pub samples: f64,
    /// With indexes and out-of-line storage.
    pub bytes: f64,
}

/// Waits until the journal is packed.
pub(super) async fn packed(rig: &Rig, unit: &str) -> Result<()> {
    let mut db = rig.postmaster()?.connect().await?;
    until(rig, unit, &mut db, "select count(*) from journal").await?;
    db.close().await?;
    Ok(())
}

/// Packs all there is as it will be some hours later: small pieces are merged when they are that old, so they are told
/// that they are.
pub(super) async fn at_rest(rig: &Rig, unit: &str) -> Result<Stored> {
    packed(rig, unit).await?;
    let mut db = rig.postmaster()?.connect().await?;
    db.execute("update chunk_part set created_at = created_at - interval '7 hours'").await?;
    // What the commands that do this bring along stays.
    until(rig, unit, &mut db, "select count(*) from chunk_part where created_at < now() - interval '6 hours'").await?;
    db.execute("vacuum chunk, chunk_part, latest_value, historian_damage").await?;
    let (samples, bytes): (i64, i64) = sqlx::query_as(
        "select ((select coalesce(sum(n), 0) from chunk) + (select coalesce(sum(n), 0) from chunk_part))::bigint,
                (select sum(pg_total_relation_size(name::regclass)) from
                 unnest(array['chunk', 'chunk_part', 'latest_value', 'historian_damage']) as name)::bigint",
    )
    .fetch_one(&mut db)
    .await?;
    db.close().await?;
    Ok(Stored { samples: samples as f64, bytes: bytes as f64 })
}

/// Packs until nothing is left. An import packs at its end; one of a single sample does little else.
async fn until(rig: &Rig, unit: &str, db: &mut PgConnection, left: &'static str) -> Result<()> {
    for _ in 0..100 {
        let (count,): (i64,) = sqlx::query_as(left).fetch_one(&mut *db).await?;
        if count == 0 {
            return Ok(());
        }
        let file = rig.directory().join("settle.txt");
        fs::write(&file, format!("2000-01-01T00:00:00Z|settle|{}\n", rand::random::<u32>()))?;
        rig.gemba(&["import", "mtconnect-log", "--create-signals", "--unit", unit, &file.to_string_lossy()]).await?;
        // Another that packs at this moment is not waited for by the command.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!("the journal is not packed after 100 imports")
}
