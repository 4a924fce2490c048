//! Forgetting what is older than the plant wants to keep.

use gemba_domain::Timestamp;

use super::{HistorianError, Service, queries, service::to_the_end};

impl Service {
    /// Deletes chunks whose last sample is earlier than `cutoff`, a few thousand per transaction; may be broken off at
    /// any point. A chunk with one later sample stays whole. Newest values stay. Gives how many pieces were deleted.
    ///
    /// # Errors
    /// Those of Postgres; what was deleted before stays deleted.
    pub async fn delete_before(&self, cutoff: Timestamp) -> Result<u64, HistorianError> {
        let mut deleted = 0;
        loop {
            let pool = self.inner.pool.clone();
            let now = to_the_end(async move {
                let mut tx = pool.begin().await?;
                if !queries::try_packing_lock(&mut tx).await? {
                    return Ok(0);
                }
                let now = queries::delete_older(&mut tx, cutoff.micros()).await?;
                tx.commit().await?;
                Ok(now)
            })
            .await?;
            deleted += now;
            if now == 0 {
                return Ok(deleted);
            }
        }
    }
}
