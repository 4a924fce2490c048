//! What agents do: restart, overrun, break off, fall silent, send rubbish, change.

use std::time::Duration;

use axum::{Router, extract::RawQuery, extract::State, http::Uri, response::IntoResponse};
use gemba_domain::signal::Value;
use gemba_sim::agent::{Agent, Condition, Restart};

use crate::{
    plant::{Site, agent, devices, drained, health, now, push_counts},
    server::{Inner, Server},
};

fn word(text: &str) -> Option<Value> {
    Some(Value::Text(text.into()))
}

fn words(inner: &Inner, code: &str) -> Vec<String> {
    let text = |value: Value| value.text().map_or("?".to_owned(), str::to_owned);
    inner.series(code).into_iter().map(|(_, value)| text(value)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_agent_is_read_anew_with_a_gap_in_between() {
    let (server, agent) = (Server::start().await, agent().await);
    agent.push("press-1-execution", now(), "ACTIVE").unwrap();
    let site = Site::new(&server, &agent.url());
    let collector = site.start();
    server.until("ACTIVE", |inner| inner.latest("execution") == word("ACTIVE")).await;
    agent.restart(Restart::default());
    server.until("unavailable", |inner| inner.latest("execution") == Some(Value::Unavailable)).await;
    agent.push("press-1-execution", now(), "READY").unwrap();
    server.until("READY", |inner| inner.latest("execution") == word("READY")).await;
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_that_is_hidden_is_noticed_by_its_sequence() {
    let (server, agent) = (Server::start().await, agent().await);
    let site = Site::new(&server, &agent.url());
    let collector = site.start();
    health(&collector, "streaming").await;
    push_counts(&agent, 1..=50);
    server.until("fifty", |inner| inner.numbers("count").len() == 50).await;
    agent.restart(Restart { instance_id: Some(agent.instance_id()), ..Restart::default() });
    agent.push("press-1-execution", now(), "READY").unwrap();
    server.until("READY", |inner| inner.latest("execution") == word("READY")).await;
    push_counts(&agent, 51..=60);
    server.until("sixty", |inner| inner.numbers("count").last() == Some(&60.0)).await;
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_data_items_are_picked_up() {
    let (server, agent) = (Server::start().await, agent().await);
    let site = Site::new(&server, &agent.url());
    let collector = site.start();
    health(&collector, "streaming").await;
    agent.restart(Restart { devices: Some(devices(&["press-1-extra"])), ..Restart::default() });
    agent.push("press-1-extra", now(), "hello").unwrap();
    server.until("the new item", |inner| inner.latest("extra") == word("hello")).await;
    server
        .until("offered", |inner| {
            inner.hellos.last().is_some_and(|h| h.signals.iter().any(|s| s.address.ends_with(":extra")))
        })
        .await;
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_buffer_overrun_is_counted_and_shows_as_a_gap() {
    let server = Server::start().await;
    let agent = Agent::new(devices(&[])).buffer_size(64).start("127.0.0.1:0").await.unwrap();
    let site = Site::new(&server, &agent.url());
    let collector = site.start();
    health(&collector, "streaming").await;
    push_counts(&agent, 1..=10);
    server.until("ten", |inner| inner.numbers("count").len() == 10).await;
    collector.stop().await;
    push_counts(&agent, 11..=500);
    let collector = site.start();
    health(&collector, "observations were missed").await;
    server.until("the newest count", |inner| inner.numbers("count").last() == Some(&500.0)).await;
    push_counts(&agent, 501..=510);
    server.until("what follows", |inner| inner.numbers("count").last() == Some(&510.0)).await;
    let covered = server.lock().covered.clone();
    assert!(covered.windows(2).any(|pair| pair[0].1 < pair[1].0), "the time between the runs is a hole: {covered:?}");
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_collector_reads_on_where_it_stopped_and_leaves_no_hole() {
    let (server, agent) = (Server::start().await, agent().await);
    let site = Site::new(&server, &agent.url());
    let collector = site.start();
    health(&collector, "streaming").await;
    push_counts(&agent, 1..=10);
    server.until("ten", |inner| inner.numbers("count").len() == 10).await;
    collector.stop().await;
    push_counts(&agent, 11..=20);
    let collector = site.start();
    let all: Vec<_> = (1..=20).map(f64::from).collect();
    server.until("twenty", |inner| inner.numbers("count") == all).await;
    health(&collector, "streaming").await;
    drained(&collector).await;
    collector.stop().await;
    let covered = server.lock().covered.clone();
    assert!(covered.windows(2).all(|pair| pair[0].1 == pair[1].0), "{covered:?}");
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_documents_are_refused_whole_and_asked_for_again() {
    let (server, agent) = (Server::start().await, agent().await);
    let site = Site::new(&server, &agent.url());
    let collector = site.start();
    health(&collector, "streaming").await;
    agent.break_next(2);
    push_counts(&agent, 1..=100);
    let all: Vec<_> = (1..=100).map(f64::from).collect();
    server.until("a hundred", |inner| inner.numbers("count") == all).await;
    health(&collector, "documents were refused").await;
    assert!(
        !words(&server.lock(), "execution").contains(&"?".to_owned()) || server.lock().series("execution").len() == 1
    );
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_breaks_off_is_taken_up_without_a_trace() {
    let (server, agent) = (Server::start().await, agent().await);
    agent.push("press-1-execution", now(), "ACTIVE").unwrap();
    let site = Site::new(&server, &agent.url());
    let collector = site.start();
    for round in 0..5 {
        health(&collector, "streaming").await;
        agent.drop_streams();
        push_counts(&agent, round * 10 + 1..=round * 10 + 10);
        let all: Vec<_> = (1..=round * 10 + 10).map(|n| n as f64).collect();
        server.until("all counts", |inner| inner.numbers("count") == all).await;
    }
    drained(&collector).await;
    assert_eq!(words(&server.lock(), "execution"), ["ACTIVE"]);
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_agent_is_lost_and_what_it_kept_takes_the_loss_back() {
    let (server, agent) = (Server::start().await, agent().await);
    agent.push("press-1-execution", now(), "ACTIVE").unwrap();
    agent.push("press-1-system", now(), Condition::fault("E42", "Sheet jammed")).unwrap();
    let site = Site::new(&server, &agent.url());
    let collector = site.start();
    server.until("the fault", |inner| inner.latest("system") == word("Fault|E42|||Sheet jammed")).await;
    health(&collector, "streaming").await;
    agent.set_stalled(true);
    health(&collector, "lost").await;
    server.until("unavailable", |inner| inner.latest("execution") == Some(Value::Unavailable)).await;
    push_counts(&agent, 1..=10);
    agent.set_stalled(false);
    health(&collector, "streaming").await;
    let all: Vec<_> = (1..=10).map(f64::from).collect();
    server.until("what happened meanwhile", |inner| inner.numbers("count") == all).await;
    server.until("the loss is taken back", |inner| !words(inner, "execution").contains(&"?".to_owned())).await;
    drained(&collector).await;
    assert_eq!(words(&server.lock(), "execution"), ["ACTIVE", "ACTIVE"]);
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_is_gone_leaves_its_signals_unavailable_until_it_is_back() {
    let server = Server::start().await;
    let first = Agent::new(devices(&[])).instance_id(1).start("127.0.0.1:0").await.unwrap();
    first.push("press-1-execution", now(), "ACTIVE").unwrap();
    let address = first.address().to_string();
    let site = Site::new(&server, &first.url());
    let collector = site.start();
    server.until("ACTIVE", |inner| inner.latest("execution") == word("ACTIVE")).await;
    let old = now();
    first.stop().await;
    health(&collector, "lost").await;
    server.until("unavailable", |inner| inner.latest("execution") == Some(Value::Unavailable)).await;
    // A new run finds the agent still gone: nothing more to say, the signals stay unavailable.
    collector.stop().await;
    let collector = site.start();
    health(&collector, "lost").await;
    let second = loop {
        match Agent::new(devices(&[])).instance_id(2).initial_time(old).start(&address).await {
            Ok(agent) => break agent,
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    };
    // The adapter tells a time before the loss: the value is in force all the same.
    second.push("press-1-execution", old, "READY").unwrap();
    server.until("READY is in force", |inner| inner.latest("execution") == word("READY")).await;
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_cannot_stream_is_asked_again_and_again() {
    let (server, agent) = (Server::start().await, agent().await);
    // The same agent, without the parameters that make a stream, and every answer one plain document.
    let forward = |State(base): State<String>, uri: Uri, RawQuery(query): RawQuery| async move {
        let query: Vec<_> = query
            .iter()
            .flat_map(|query| query.split('&'))
            .filter(|parameter| !parameter.starts_with("interval") && !parameter.starts_with("heartbeat"))
            .map(str::to_owned)
            .collect();
        let target = format!("{base}{}?{}", uri.path(), query.join("&"));
        let body = tokio::task::spawn_blocking(move || get(&target)).await.unwrap();
        ([("content-type", "text/xml")], body).into_response()
    };
    let app = Router::new().fallback(forward).with_state(agent.url());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let proxy = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let site = Site::new(&server, &url);
    let collector = site.start();
    health(&collector, "polling").await;
    push_counts(&agent, 1..=20);
    let all: Vec<_> = (1..=20).map(f64::from).collect();
    server.until("twenty", |inner| inner.numbers("count") == all).await;
    collector.stop().await;
    server.assert_lawful();
    proxy.abort();
}

/// One plain GET over HTTP/1.0.
fn get(url: &str) -> String {
    use std::io::{Read, Write};
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    write!(stream, "GET /{path} HTTP/1.0\r\nHost: {host}\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text.split_once("\r\n\r\n").unwrap().1.to_owned()
}
