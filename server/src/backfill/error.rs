use std::path::PathBuf;

use super::survey::BadLine;
use crate::{historian::HistorianError, ingest::IngestError, plant::Defect};

/// Why an import stopped. What was committed before stays; the same command goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum BackfillError {
    /// No file was named.
    #[error("name at least one file to import")]
    NoFiles,
    /// A file cannot be read.
    #[error("{} cannot be read: {source}; nothing of it was imported", path.display())]
    File { path: PathBuf, source: std::io::Error },
    /// There is nothing to import.
    #[error("the files hold no event that can be read{}", first(.0))]
    Empty(Vec<BadLine>),
    /// The unit does not exist.
    #[error("{0}")]
    Unit(String),
    /// Lines that cannot be read, and `--strict`.
    #[error("{count} lines cannot be read, nothing was imported (without --strict they are left out){}", first(.lines))]
    BadLines { count: u64, lines: Vec<BadLine> },
    /// Items that no signal of the unit stands for.
    #[error("the unit has no signals for {} items, nothing was imported:\n{}\nname them in the plant file, or let --create-signals make them", .0.len(), .0.join("\n"))]
    UnknownItems(Vec<String>),
    /// The mapping is wrong.
    #[error("{} is no mapping:{}", path.display(), defects.iter().map(|defect| format!("\n  {defect}")).collect::<String>())]
    Mapping { path: PathBuf, defects: Vec<Defect> },
    /// A table's head is not what the mapping says.
    #[error("{}:{line}: {reason}; nothing was imported", path.display())]
    Head { path: PathBuf, line: u64, reason: String },
    /// Units lack signals of the mapping, or have others.
    #[error("the signals of the mapping are not those of the plant, nothing was imported:\n{}\nname them in the plant file, or let --create-signals make those that are missing", .0.join("\n"))]
    Signals(Vec<String>),
    /// A signal could not be created.
    #[error("{0}")]
    Signal(String),
    /// The server's ingest refused.
    #[error("{0}; what was committed before is kept, run the same command to go on")]
    Ingest(#[from] IngestError),
    /// Packing failed.
    #[error("{0}; what was committed is kept, run the same command to go on")]
    Historian(#[from] HistorianError),
    /// Postgres refused, or is away.
    #[error("the database cannot be used now: {0}; what was committed before is kept, run the same command to go on")]
    Database(#[from] sqlx::Error),
    /// What follows an import failed.
    #[error("the samples are stored, but their figures could not be derived: {0}; run the same command again")]
    Derive(Box<dyn std::error::Error + Send + Sync>),
    /// A worker thread ended early.
    #[error("the work was broken off: {0}; run the same command to go on")]
    Task(#[from] tokio::task::JoinError),
}

fn first(lines: &[BadLine]) -> String {
    lines.iter().map(|line| format!("\n  {line}")).collect()
}
