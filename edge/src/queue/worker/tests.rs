use std::{
    collections::BTreeMap,
    fs::OpenOptions,
    io,
    path::Path,
    sync::atomic::{AtomicI64, Ordering},
};

use gemba_contract::batch::{BatchBuilder, frames};
use redb::{Builder, Database, DatabaseError, StorageBackend, backends::FileBackend};

use super::*;

/// Calls that change the disk until one fails.
static LEFT: AtomicI64 = AtomicI64::new(i64::MAX);

#[derive(Debug)]
struct FailingDisk(FileBackend);

impl FailingDisk {
    fn call(&self) -> io::Result<()> {
        if LEFT.fetch_sub(1, Ordering::SeqCst) == 1 { Err(io::Error::other("injected")) } else { Ok(()) }
    }
}

impl StorageBackend for FailingDisk {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.call()?;
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.call()?;
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        match self.call() {
            Ok(()) => self.0.write(offset, data),
            Err(error) => {
                // A short write.
                self.0.write(offset, &data[..data.len() / 2])?;
                Err(error)
            }
        }
    }

    fn close(&self) -> io::Result<()> {
        self.0.close()
    }
}

fn failing(path: &Path, check: bool) -> Result<Database, DatabaseError> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(storage)?;
    let backend = FailingDisk(FileBackend::new(file)?);
    Builder::new().set_cache_size(1 << 20).set_check_integrity_on_open(check).create_with_backend(backend)
}

fn storage(error: io::Error) -> DatabaseError {
    DatabaseError::Storage(error.into())
}

fn pending(n: u64) -> Pending {
    let mut builder = BatchBuilder::new();
    builder.push_number(0, 1, n as f64);
    let at = Timestamp::from_seconds(i64::try_from(n).unwrap());
    Pending { batch: builder.finish(), covered_from: at, covered_to: at, positions: BTreeMap::new() }
}

/// A write, a change of length or an fsync fails at each call in turn: nothing is lost, nothing is stored twice, no number
/// is skipped, and it goes on without a restart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_failing_call_of_the_disk_loses_nothing() {
    for failing_call in 1..=40 {
        let directory = tempfile::tempdir().unwrap();
        let config = QueueConfig {
            directory: directory.path().to_owned(),
            max_bytes: 1 << 30,
            max_age: Duration::from_secs(86_400),
        };
        LEFT.store(i64::MAX, Ordering::SeqCst);
        let queue = Queue::open_with(&config, Some(failing)).unwrap().queue;
        let epoch = queue.status().borrow().epoch;
        LEFT.store(failing_call, Ordering::SeqCst);
        for n in 1..=5 {
            queue.append(pending(n)).await.unwrap();
            queue.flush().await.unwrap();
            // The server has the first two.
            if n == 3 {
                while queue.acknowledge(epoch, 2).await.is_err() {}
            }
        }
        LEFT.store(i64::MAX, Ordering::SeqCst);
        // What was deleted without an fsync may be back after the file was opened anew; the server says it again.
        queue.acknowledge(epoch, 2).await.unwrap();
        let taken = queue.take(64, 1 << 22).await.unwrap();
        let got: Vec<_> = taken
            .iter()
            .map(|frame| {
                let frame = frames(&frame.bytes).next().unwrap().unwrap();
                (frame.header.seq, frame.header.covered_from.micros() / 1_000_000)
            })
            .collect();
        assert_eq!(got, [(3, 3), (4, 4), (5, 5)], "call {failing_call}");
        let status = queue.status().borrow().clone();
        assert_eq!((status.batches, status.samples, status.trouble), (3, 3, None), "call {failing_call}");
    }
}
