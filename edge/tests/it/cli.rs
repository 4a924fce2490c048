//! `check` and `queue`, as a person meets them.

use std::process::{Command, Output};

use crate::{
    plant::{Site, agent, health, push_counts},
    server::Server,
};

async fn gemba_edge(site: &Site, command: &str) -> (Output, String) {
    let (command, config) = (command.to_owned(), site.config_file());
    let run = move || Command::new(env!("CARGO_BIN_EXE_gemba-edge")).arg(command).arg(config).output().unwrap();
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output, text)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_shows_the_table_and_what_is_left_out() {
    let (server, agent) = (Server::start().await, agent().await);
    let mut site = Site::new(&server, &agent.url());
    let (output, text) = gemba_edge(&site, "check").await;
    assert!(output.status.success(), "{text}");
    let row = text.lines().find(|line| line.contains("press-1-count")).unwrap();
    assert_eq!(
        row.split_whitespace().collect::<Vec<_>>(),
        ["press-1-count", "acme/leeds/press-shop/line-1/press-1:count", "counter"]
    );
    site.pattern = "press-1-e*".to_owned();
    let (_, text) = gemba_edge(&site, "check").await;
    assert!(text.contains("read by no rule") && text.contains("press-1-count, EVENT PART_COUNT"), "{text}");
    agent.stop().await;
    let (output, text) = gemba_edge(&site, "check").await;
    assert!(!output.status.success() && text.contains("refuses the connection"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_queue_is_shown_with_and_without_a_collector() {
    let (server, agent) = (Server::start().await, agent().await);
    let site = Site::new(&server, &agent.url());
    let (_, text) = gemba_edge(&site, "queue").await;
    assert!(text.contains("no queue"), "{text}");
    server.down().await;
    let collector = site.start();
    health(&collector, "streaming").await;
    push_counts(&agent, 1..=7);
    collector.queue().status().wait_for(|status| status.samples >= 12).await.unwrap();
    while !gemba_edge(&site, "queue").await.1.contains("samples         12") {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let (_, text) = gemba_edge(&site, "queue").await;
    assert!(
        text.contains(&format!("in use by process {}", std::process::id())) && text.contains("streaming"),
        "{text}"
    );
    let (output, text) = gemba_edge(&site, "run").await;
    assert!(!output.status.success() && text.contains("in use by another collector"), "{text}");
    collector.stop().await;
    let (_, text) = gemba_edge(&site, "queue").await;
    assert!(text.contains("no collector running") && text.contains("samples         12"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_settings_are_refused_with_their_lines() {
    let (server, agent) = (Server::start().await, agent().await);
    let mut site = Site::new(&server, &agent.url());
    site.queue = "max_byts = '1 GiB'".to_owned();
    let (output, text) = gemba_edge(&site, "run").await;
    assert!(!output.status.success());
    assert!(text.contains("line 5: `max_byts` is no setting of [queue]; did you mean `max_bytes`?"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_described_agent_is_read_whole_and_no_file_is_written_over() {
    let (server, agent) = (Server::start().await, agent().await);
    let site = Site::new(&server, &agent.url());
    let describe = async |line: &str| {
        let (directory, url, line) = (site.directory.path().to_owned(), agent.url(), line.to_owned());
        let run = move || {
            Command::new(env!("CARGO_BIN_EXE_gemba-edge"))
                .args(["describe", &url, "--line", &line, "--settings", "described.toml"])
                .current_dir(directory)
                .output()
                .unwrap()
        };
        let output = tokio::task::spawn_blocking(run).await.unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (fine, text) = describe("acme/leeds/press-shop").await;
    assert!(!fine && text.contains("it has four codes"), "{text}");
    let (fine, text) = describe("acme/leeds/press-shop/line-1").await;
    assert!(fine, "{text}");
    let config = gemba_edge::config::Config::load(&site.directory.path().join("described.toml")).unwrap();
    assert_eq!(config.sources[0].settings.units()[0].signals.len(), 5);
    let (fine, text) = describe("acme/leeds/press-shop/line-1").await;
    assert!(!fine && text.contains("plant.toml is there already"), "{text}");
}
