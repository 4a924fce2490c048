/// Why a collector's request was not taken. Nothing of it was stored.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The collector was revoked a moment ago.
    #[error("the collector was revoked; to let it in again: `gemba collector add NAME`, then `gemba-edge enrol`")]
    Revoked,
    /// The collector speaks another version.
    #[error("this server speaks edge protocol {ours}, the collector {theirs}; update the older of the two")]
    Version { ours: u32, theirs: u32 },
    /// Batches before a hello.
    #[error("epoch {0} is unknown; say hello first")]
    UnknownEpoch(u64),
    /// A queue older than the newest one seen.
    #[error("epoch {theirs} is older than {newest}, the newest seen; start a new epoch")]
    StaleEpoch { newest: u64, theirs: u64 },
    /// A hole in the numbering.
    #[error("batch {got} came where {expected} was expected; send from there")]
    SequenceGap { expected: u64, got: u64 },
    /// Bytes that are no frames.
    #[error("{0}")]
    Malformed(String),
    /// The signal table does not go on from the one known.
    #[error("{0}")]
    SignalTable(String),
    /// Too many requests in work.
    #[error("the server is busy; try again shortly")]
    Busy,
    /// The database is away, full or broken.
    #[error("the database cannot take data now; keep it and try again")]
    Database(#[from] sqlx::Error),
}
