//! How a collector gets its identity, and keeps it.

use std::{
    io::Write,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output, Stdio},
    time::Duration,
};

use gemba_edge::identity::{IDENTITY_FILE, Identity};
use gemba_identity::{Authority, Code};

use crate::{
    plant::{Site, agent, drained, health, push_counts},
    server::Server,
};

/// `gemba-edge enrol`, with the code on the standard input as a person would keep it out of lists of processes.
async fn enrol(site: &Site, code: &str) -> (Output, String) {
    let (config, code) = (site.config_file(), code.to_owned());
    let run = move || {
        let mut child = Command::new(env!("CARGO_BIN_EXE_gemba-edge"))
            .arg("enrol")
            .arg(config)
            .env("GEMBA_EDGE_LOG", "trace")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        writeln!(child.stdin.take().unwrap(), "{code}").unwrap();
        child.wait_with_output().unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output, text)
}

fn directory(site: &Site) -> std::path::PathBuf {
    site.path().join("edge-identity")
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_makes_an_identity_that_only_its_owner_reads_and_no_log_tells() {
    let (server, agent) = (Server::start().await, agent().await);
    let site = Site::new(&server, &agent.url());
    std::fs::remove_dir_all(directory(&site)).unwrap();
    let wrong = Code::generate(server.authority.fingerprint());
    let (output, text) = enrol(&site, &wrong.to_string()).await;
    assert!(!output.status.success() && text.contains("does not know the code"), "{text}");
    let code = server.expect();
    let (output, text) = enrol(&site, &code.to_string().to_uppercase()).await;
    assert!(output.status.success() && text.contains("Enrolled as `press-shop`"), "{text}");
    let file = directory(&site).join(IDENTITY_FILE);
    assert_eq!((mode(&file), mode(&directory(&site))), (0o600, 0o700));
    assert_eq!(std::fs::read_dir(directory(&site)).unwrap().count(), 1, "the key that waited is not left");
    let kept = std::fs::read_to_string(&file).unwrap();
    for secret in [kept.lines().nth(1).unwrap(), &code.secret(), &code.to_string()] {
        assert!(!text.contains(secret), "a secret is in the log");
    }
    let collector = site.start();
    health(&collector, "streaming").await;
    push_counts(&agent, 1..=3);
    server.until("three counts", |inner| inner.numbers("count").len() == 3).await;
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stands_in_the_way_is_told_in_words() {
    let (server, agent) = (Server::start().await, agent().await);
    let mut site = Site::new(&server, &agent.url());
    let before = std::fs::read(directory(&site).join(IDENTITY_FILE)).unwrap();
    let (output, text) = enrol(&site, "abcde-fghij").await;
    assert!(!output.status.success() && text.contains("eleven groups of five"), "{text}");
    // A code of another server, or somebody in between.
    let other = Authority::from_pem(&Authority::generate(std::time::SystemTime::now()).unwrap()).unwrap();
    let (output, text) = enrol(&site, &Code::generate(other.fingerprint()).to_string()).await;
    assert!(!output.status.success() && text.contains("certificate of another authority"), "{text}");
    let code = server.expect().to_string();
    let right = site.server.clone();
    for (url, says) in [
        (right.replace("127.0.0.1", "localhost"), "not for `localhost` but for: 127.0.0.1"),
        (right.replace("https", "http"), "must begin with https://"),
        (agent.url().replace("http", "https"), "no TLS is spoken there"),
    ] {
        site.server = url;
        let (output, text) = enrol(&site, &code).await;
        assert!(!output.status.success() && text.contains(says), "{text}");
    }
    assert_eq!(std::fs::read(directory(&site).join(IDENTITY_FILE)).unwrap(), before, "what was there stays");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_renewed_while_it_runs_and_nothing_is_lost() {
    let (server, agent) = (Server::start().await, agent().await);
    server.lock().lasts = Duration::from_secs(2);
    server.lock().newest_only = true;
    let site = Site::new(&server, &agent.url());
    let key = |site: &Site| Identity::load(&directory(site)).unwrap().facts().key;
    let first = key(&site);
    let collector = site.start();
    health(&collector, "streaming").await;
    let mut n = 0;
    while server.lock().issued.len() < 4 {
        n += 1;
        push_counts(&agent, n..=n);
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(n < 600, "no renewal within a minute");
    }
    server.until("all counts", |inner| inner.numbers("count").len() as u64 == n).await;
    drained(&collector).await;
    assert_eq!(key(&site), first, "the key stays");
    collector.stop().await;
    // Days later, with a certificate that is over.
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    let before = server.lock().issued.len();
    let collector = site.start();
    server.until("a renewal", |inner| inner.issued.len() > before).await;
    push_counts(&agent, n + 1..=n + 1);
    server.until("the next count", |inner| inner.numbers("count").len() as u64 == n + 1).await;
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_identity_it_collects_and_says_what_is_missing() {
    let (server, agent) = (Server::start().await, agent().await);
    let site = Site::new(&server, &agent.url());
    std::fs::remove_dir_all(directory(&site)).unwrap();
    let collector = site.start();
    health(&collector, "streaming").await;
    push_counts(&agent, 1..=2);
    let said = || collector.health().server_health().map(|server| server.status).unwrap_or_default();
    while !said().contains("gemba-edge enrol") {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (output, text) = enrol(&site, &server.expect().to_string()).await;
    assert!(output.status.success(), "{text}");
    server.until("two counts", |inner| inner.numbers("count").len() == 2).await;
    collector.stop().await;
    server.assert_lawful();
}
