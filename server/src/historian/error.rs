/// Why the historian could not do what it was asked. What is stored stays as it was.
#[derive(Debug, thiserror::Error)]
pub enum HistorianError {
    /// Postgres refused, or is away.
    #[error("the historian cannot use the database now: {0}")]
    Database(#[from] sqlx::Error),
    /// More samples than one answer carries.
    #[error("the stretch holds about {samples} samples, at most {limit} are given at once; ask for a shorter one")]
    TooMany {
        /// About how many there are.
        samples: u64,
        /// How many are permitted.
        limit: u64,
    },
    /// A worker thread ended early.
    #[error("the work was broken off: {0}")]
    Task(#[from] tokio::task::JoinError),
}
