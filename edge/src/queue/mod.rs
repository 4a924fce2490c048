//! The queue between the machines and the server: on disk, numbered, bounded, honest about what it lost.
//!
//! Invariants, in the order in which a batch lives:
//!
//! 1. A batch is numbered and committed (fsync) before it may be sent. What is sent is what was read back from
//!    the disk, never what is in memory.
//! 2. The transaction that stores a batch also stores the signals it is the first to use, and how far its sources
//!    were read. After `kill -9` a source goes on from there: nothing that was stored is forgotten, and what was
//!    not stored is read again where the source still has it.
//! 3. A number is given once. Within an epoch, numbers have no holes, and the content of a number never changes
//!    once it could have been sent. Where the content is lost (a damaged copy), an empty batch that covers no time
//!    takes its number.
//! 4. A batch is deleted when the server said that it is committed, or when a limit forces it out, oldest first.
//!    In the second case the loss is recorded in the same transaction.
//! 5. When numbers and server no longer fit (numbers the server never saw are gone; the server has numbers that
//!    this queue never gave), a new and later epoch begins and what is held is numbered from 1. Nothing is dropped.
//! 6. After a failed write nothing is believed: the file is opened anew, and the batches that are still in memory
//!    are written again under the same numbers. Meanwhile memory is bounded: sources are made to wait.
//! 7. A file that cannot be opened is set aside (`broken-…`), never deleted. Its epoch ends.
//! 8. One process at a time: `queue.lock`.

mod batcher;
mod coverage;
mod lock;
mod signals;
mod status;
mod store;
mod worker;

pub use batcher::{Batcher, Chunk, Intake, Reading, intake};
pub use coverage::{Arrivals, InFlight, Ticket};
pub use lock::{LockError, QueueLock};
pub use signals::SignalTable;
pub use status::{QueueStatus, StatusFile};
pub use store::{OpenError, Opened, Pending, Position, Store, StoreError, StoredFrame};
pub use worker::Queue;

/// A batch is closed with this many samples …
pub const MAX_BATCH_SAMPLES: usize = 5_000;
/// … or when its first sample has waited this long …
pub const MAX_BATCH_WAIT: std::time::Duration = std::time::Duration::from_millis(200);
/// … or, empty, after this long without any.
pub const IDLE_BATCH: std::time::Duration = std::time::Duration::from_secs(2);

/// Name of the database file in the queue's directory.
pub const QUEUE_FILE: &str = "queue.redb";
/// Name of the directory for frames that fail their checksum.
pub const BROKEN_DIRECTORY: &str = "broken";
