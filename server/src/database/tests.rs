//! Against real clusters in directories of their own. Skipped only where there are no Postgres programs.

use std::{
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::*;
use crate::config::{Sources, load};

/// Settings with a new data directory, or `None` without Postgres programs.
fn place(name: &str) -> Option<(tempfile::TempDir, Settings)> {
    if let Err(error) = programs::Programs::find(None, Path::new("none")) {
        println!("skipped: {error}");
        return None;
    }
    let directory = tempfile::tempdir().unwrap();
    // Under root Postgres runs as another user, who must be able to pass.
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let data = directory.path().join(name).display().to_string();
    let environment = vec![("GEMBA_DATA_DIRECTORY".to_owned(), data)];
    let settings = load(&Sources { environment, ..Sources::default() }).unwrap().settings;
    Some((directory, settings))
}

async fn serve(settings: &Settings) -> Database {
    Database::open(settings, Purpose::Serve).await.unwrap()
}

fn pid(settings: &Settings) -> Option<Pid> {
    Cluster::pid(&settings.data_directory)
}

async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..600 {
        if let Some(seen) = look().await {
            return seen;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("waited in vain: {what}");
}

async fn answers(database: &Database) -> Option<()> {
    sqlx::query("select 1").execute(&database.pool).await.ok().map(|_| ())
}

async fn keep_a_row(database: &Database) {
    sqlx::query("create table kept (n int)").execute(&database.pool).await.unwrap();
    sqlx::query("insert into kept values (7)").execute(&database.pool).await.unwrap();
}

async fn kept(database: &Database) -> i32 {
    sqlx::query_scalar("select n from kept").fetch_one(&database.pool).await.unwrap()
}

/// As if this process were killed: nothing is stopped, but the lock is gone.
async fn abandon(mut database: Database) {
    if let Some(cluster) = database.cluster.take() {
        cluster.abandon().await;
    }
}

#[tokio::test]
async fn a_cluster_is_made_kept_and_closed_to_others() {
    let Some((_directory, settings)) = place("data") else { return };
    let database = serve(&settings).await;
    keep_a_row(&database).await;
    let listens: String =
        sqlx::query_scalar("select current_setting('listen_addresses')").fetch_one(&database.pool).await.unwrap();
    assert_eq!(listens, "", "never by the network");
    for setting in ["data_checksums", "fsync", "full_page_writes", "synchronous_commit"] {
        let on: String =
            sqlx::query_scalar("select current_setting($1)").bind(setting).fetch_one(&database.pool).await.unwrap();
        assert_eq!(on, "on", "{setting}");
    }
    let socket = settings.data_directory.join("socket").metadata().unwrap();
    let cluster = settings.data_directory.join("postgres").metadata().unwrap();
    assert_eq!((socket.mode() & 0o777, cluster.mode() & 0o777), (0o700, 0o700));
    assert_eq!(socket.uid(), cluster.uid());
    assert!(pid(&settings).is_some());
    database.close().await;
    assert_eq!(pid(&settings), None, "stopped with its server");

    let mut elsewhere = settings.clone();
    elsewhere.data_directory = settings.data_directory.join("typo");
    let error = Database::open(&elsewhere, Purpose::Command).await.unwrap_err();
    assert!(matches!(error, DatabaseError::NoData { .. }) && !elsewhere.data_directory.exists(), "{error}");

    let alone = Database::open(&settings, Purpose::Command).await.unwrap();
    assert_eq!(kept(&alone).await, 7);
    alone.close().await;
    assert_eq!(pid(&settings), None, "a command that started Postgres stops it");
}

#[tokio::test]
async fn a_postmaster_that_is_killed_is_started_again_without_loss() {
    let Some((_directory, settings)) = place("data") else { return };
    let database = serve(&settings).await;
    keep_a_row(&database).await;
    for _ in 0..2 {
        let before = pid(&settings).unwrap();
        kill(before, Signal::SIGKILL).unwrap();
        until("another postmaster", async || pid(&settings).filter(|now| *now != before)).await;
        until("it answers", async || answers(&database).await).await;
        assert_eq!(kept(&database).await, 7);
    }
    database.close().await;
}

#[tokio::test]
async fn health_follows_the_database() {
    let Some((_directory, settings)) = place("data") else { return };
    let database = serve(&settings).await;
    let (health, stop) =
        (std::sync::Arc::new(crate::state::Health::default()), tokio_util::sync::CancellationToken::new());
    spawn_probe(database.pool.clone(), health.clone(), stop.clone());
    let works = || health.works(crate::state::DATABASE);
    until("it works", async || works().then_some(())).await;
    let before = pid(&settings).unwrap();
    // Stopped rather than killed: it neither answers nor goes away until it goes on.
    let backends = settings.data_directory.join("postgres");
    let group: Vec<Pid> = processes_in(&backends);
    group.iter().for_each(|pid| kill(*pid, Signal::SIGSTOP).unwrap());
    until("it does not", async || (!works()).then_some(())).await;
    group.iter().for_each(|pid| kill(*pid, Signal::SIGCONT).unwrap());
    until("it works again", async || works().then_some(())).await;
    assert_eq!(pid(&settings), Some(before));
    stop.cancel();
    database.close().await;
}

fn processes_in(cluster: &Path) -> Vec<Pid> {
    let cluster = cluster.canonicalize().unwrap();
    std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter(|entry| std::fs::read_link(entry.path().join("cwd")).is_ok_and(|directory| directory == cluster))
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok().map(Pid::from_raw))
        .collect()
}

#[tokio::test]
async fn a_cluster_left_running_is_taken_over() {
    let Some((_directory, settings)) = place("data") else { return };
    let database = serve(&settings).await;
    keep_a_row(&database).await;
    let before = pid(&settings).unwrap();
    abandon(database).await;
    assert_eq!(pid(&settings), Some(before), "it outlives the server");
    let database = serve(&settings).await;
    assert_eq!(pid(&settings), Some(before), "and is not started anew");
    assert_eq!(kept(&database).await, 7);
    kill(before, Signal::SIGKILL).unwrap();
    until("another postmaster", async || pid(&settings).filter(|now| *now != before)).await;
    until("it answers", async || answers(&database).await).await;
    assert_eq!(kept(&database).await, 7);
    database.close().await;
    assert_eq!(pid(&settings), None);
}

#[tokio::test]
async fn a_stale_pid_file_with_another_programs_number_is_no_obstacle() {
    let Some((_directory, settings)) = place("data") else { return };
    let database = serve(&settings).await;
    let file = settings.data_directory.join("postgres/postmaster.pid");
    let text = std::fs::read_to_string(&file).unwrap();
    let owner = file.metadata().unwrap();
    database.close().await;
    let (_, rest) = text.split_once('\n').unwrap();
    std::fs::write(&file, format!("{}\n{rest}", std::process::id())).unwrap();
    std::os::unix::fs::chown(&file, Some(owner.uid()), Some(owner.gid())).unwrap();
    let database = serve(&settings).await;
    answers(&database).await.unwrap();
    database.close().await;
}

#[tokio::test]
async fn two_servers_do_not_share_a_directory_but_a_command_works_beside_one() {
    let Some((_directory, settings)) = place("data") else { return };
    let database = serve(&settings).await;
    let owner = owner::Owner::choose().unwrap();
    let layout = layout::Layout::prepare(&settings.data_directory, &owner).unwrap();
    let second = layout.lock(Duration::from_millis(100)).await.unwrap_err();
    let pid_of_first = std::process::id().to_string();
    assert!(matches!(&second, DatabaseError::InUse { pid, .. } if *pid == pid_of_first), "{second}");
    let command = Database::open(&settings, Purpose::Command).await.unwrap();
    answers(&command).await.unwrap();
    command.close().await;
    answers(&database).await.unwrap();
    // As a server of an earlier version has it: a command of a later one leaves its schema alone.
    let earlier =
        "delete from _sqlx_migrations where version = (select max(version) from _sqlx_migrations) returning true";
    assert!(sqlx::query_scalar::<_, bool>(earlier).fetch_one(&database.pool).await.unwrap());
    let error = Database::open(&settings, Purpose::Command).await.unwrap_err();
    assert!(matches!(error, DatabaseError::SchemaOlder), "{error}");
    database.close().await;
}

#[tokio::test]
async fn a_path_too_long_for_a_socket_is_no_obstacle() {
    let Some((_directory, settings)) = place(&"long-".repeat(30)) else { return };
    let database = serve(&settings).await;
    answers(&database).await.unwrap();
    let socket: String = sqlx::query_scalar("select current_setting('unix_socket_directories')")
        .fetch_one(&database.pool)
        .await
        .unwrap();
    assert!(socket.len() < 90, "{socket}");
    database.close().await;
    std::fs::remove_dir_all(socket).unwrap();
}

#[tokio::test]
async fn a_schema_from_the_future_is_refused_and_left_alone() {
    let Some((_directory, settings)) = place("data") else { return };
    let database = serve(&settings).await;
    sqlx::query(
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
         values (99990101000000, 'from the future', true, '', 0)",
    )
    .execute(&database.pool)
    .await
    .unwrap();
    database.close().await;
    let error = Database::open(&settings, Purpose::Serve).await.unwrap_err();
    assert!(matches!(error, DatabaseError::SchemaNewer(99_990_101_000_000)), "{error}");
    assert_eq!(pid(&settings), None, "Postgres is not left running");
}

#[tokio::test]
async fn data_of_another_version_is_refused_and_left_alone() {
    let Some((_directory, settings)) = place("data") else { return };
    let cluster = settings.data_directory.join("postgres");
    std::fs::create_dir_all(&cluster).unwrap();
    std::fs::write(cluster.join("PG_VERSION"), "9.6\n").unwrap();
    let error = Database::open(&settings, Purpose::Serve).await.unwrap_err();
    assert!(matches!(error, DatabaseError::OtherMajor { .. }), "{error}");
    assert_eq!(std::fs::read_dir(&cluster).unwrap().count(), 1);
}

#[tokio::test]
async fn an_unfinished_cluster_is_made_again() {
    let Some((_directory, settings)) = place("data") else { return };
    let half = settings.data_directory.join("postgres.new");
    std::fs::create_dir_all(half.join("base")).unwrap();
    std::fs::write(half.join("PG_VERSION"), "15\n").unwrap();
    let database = serve(&settings).await;
    answers(&database).await.unwrap();
    assert!(!half.exists());
    database.close().await;
}

#[tokio::test]
async fn a_directory_that_postgres_cannot_reach_is_named() {
    let Some((directory, settings)) = place("data") else { return };
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: only root runs Postgres as another user");
        return;
    }
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let error = Database::open(&settings, Purpose::Serve).await.unwrap_err().to_string();
    assert!(error.contains(&directory.path().display().to_string()) && error.contains("/var/lib/gemba"), "{error}");
}
