//! `gemba-edge queue`.

use std::process::ExitCode;

use anyhow::Context;
use gemba_edge::{
    clock,
    config::Config,
    queue::{LockError, QUEUE_FILE, QueueLock, QueueStatus, StatusFile, Store},
};

/// Shows the queue: from its file, or, while a collector has it, as that one last wrote.
pub async fn show(config: &Config) -> anyhow::Result<ExitCode> {
    let directory = &config.queue.directory;
    if !directory.join(QUEUE_FILE).exists() {
        println!("no queue in {} yet", directory.display());
        return Ok(ExitCode::SUCCESS);
    }
    match QueueLock::take(directory) {
        Ok(_lock) => {
            let opened = Store::open(directory, clock::now(), false)?;
            println!("queue in {}, no collector running", directory.display());
            print(&opened.store.status().clone());
        }
        Err(LockError::InUse { holder, .. }) => {
            let file = StatusFile::read(directory)
                .context("a collector has the queue, and its status file is not readable yet")?;
            println!(
                "queue in {}, in use by process {holder}; as of {:.1} s ago",
                directory.display(),
                clock::now().seconds_since(file.at)
            );
            print(&file.queue);
            for health in file.server.iter().chain(&file.sources) {
                println!("{:<16}{} {}", health.name, if health.ok { "ok " } else { "BAD" }, health.status);
            }
        }
        Err(error) => return Err(error.into()),
    }
    Ok(ExitCode::SUCCESS)
}

fn print(status: &QueueStatus) {
    let oldest = status
        .oldest
        .map_or("-".to_owned(), |oldest| format!("{oldest} ({:.0} s ago)", clock::now().seconds_since(oldest)));
    println!("batches         {}", status.batches);
    println!("samples         {}", status.samples);
    println!("bytes           {}", status.bytes);
    println!("oldest          {oldest}");
    println!("epoch           {}", status.epoch);
    println!("next seq        {}", status.next_seq);
    println!("signals         {}", status.signals);
    println!("lost            {} samples in {} batches", status.lost_samples, status.lost_batches);
    for loss in &status.losses {
        println!("  not yet told  {} samples from {} to {}: {}", loss.samples, loss.from, loss.to, loss.reason);
    }
    if let Some(trouble) = &status.trouble {
        println!("trouble         {trouble}");
    }
}
