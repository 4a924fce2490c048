//! `kill -9` at random moments: what was stored is sent, numbers go on, nothing changes under a number.

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use gemba_domain::signal::Value;
use rand::{Rng, SeedableRng};

use crate::{
    plant::{Site, agent, now},
    server::{Fault, Server},
};

const KILLS: usize = 10;

/// Killed when dropped.
struct Collector(Child);

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn spawn(site: &Site) -> Collector {
    let child = Command::new(env!("CARGO_BIN_EXE_gemba-edge"))
        .arg("run")
        .arg(site.config_file())
        .env("GEMBA_EDGE_LOG", "warn")
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    Collector(child)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_nine_ten_times() {
    let seed = std::env::var("DEV_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random::<u64>);
    println!("DEV_SEED={seed}");
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let (server, agent) = (Server::start().await, agent().await);
    let site = Site::new(&server, &agent.url());
    // It finds its place before the machine begins: what is said before anybody listens is nobody's.
    let first = spawn(&site);
    server.until("the first batch", |inner| inner.latest("count") == Some(Value::Unavailable)).await;
    drop(first);
    let adapter = agent.adapter();
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let machine = tokio::spawn(async move {
        let mut said = Vec::new();
        let mut n = 0_u64;
        let mut last = now();
        while stopped.try_recv().is_err() {
            n += 1;
            last = now().max(last.plus_micros(1));
            adapter.push("press-1-count", last, n).unwrap();
            said.push((last, n as f64));
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        said
    });
    for _ in 0..KILLS {
        let collector = spawn(&site);
        if random.random_bool(0.3) {
            server.fault([Fault::AckLost]);
        }
        if random.random_bool(0.2) {
            server.fault([Fault::Busy(true)]);
        }
        let before = server.lock().batch_requests;
        // From before the first batch to well into the work.
        if random.random_bool(0.7) {
            server.until("batches", |inner| inner.batch_requests > before + 1).await;
        }
        tokio::time::sleep(Duration::from_millis(random.random_range(0..400))).await;
        drop(collector);
    }
    let collector = spawn(&site);
    stop.send(()).unwrap();
    let said = machine.await.unwrap();
    let (_, last) = *said.last().unwrap();
    server.until("the last word", |inner| inner.numbers("count").last() == Some(&last)).await;
    let stored = server.lock().series("count");
    let missing: Vec<_> = said.iter().filter(|(time, n)| !stored.contains(&(*time, Value::Number(*n)))).collect();
    assert!(missing.is_empty(), "{} of {} are missing: {missing:?}", missing.len(), said.len());
    let invented =
        stored.iter().filter(|(time, value)| value.number().is_some_and(|n| !said.contains(&(*time, n)))).count();
    assert_eq!(invented, 0);
    assert_eq!(server.lock().acked.len(), 1, "numbering went on in one epoch");
    assert_eq!(server.lock().refused_tables, 0, "signals kept their numbers");
    server.assert_lawful();
    drop(collector);
}
