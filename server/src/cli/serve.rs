//! `gemba serve`.

use std::{
    io::{ErrorKind, IsTerminal},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::{
    auth,
    config::{Loaded, LogFormat, Settings},
    database::{Database, Purpose, spawn_probe},
    identity,
    state::{AppState, DATABASE},
    web,
};

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Voice {
    /// As the settings say.
    AsSet,
    /// Warnings only: a command's output is what it was asked for.
    Quiet,
}

pub(super) fn start_log(settings: &Settings, voice: Voice) -> Result<()> {
    let level = match voice {
        Voice::AsSet => settings.log.level.as_str(),
        Voice::Quiet => "warn",
    };
    // Postgres's notices (such as "already exists, skipping") are of use to developers only.
    let filter =
        EnvFilter::try_new(format!("sqlx::postgres::notice=warn,{level}")).context("log.level cannot be used")?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match settings.log.format {
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).with_target(false).init(),
        LogFormat::Json => builder.json().init(),
    }
    Ok(())
}

pub(super) async fn run(loaded: Loaded) -> Result<()> {
    let settings = Arc::new(loaded.settings);
    start_log(&settings, Voice::AsSet)?;
    let stop = signals()?;
    let data = settings.data_directory.display().to_string();
    tracing::info!(version = env!("CARGO_PKG_VERSION"), data, "gemba starts");
    if let Some(file) = &loaded.file {
        tracing::info!(file = %file.display(), "settings read");
    }
    let listener = Arc::new(listen(settings.http.listen, "http.listen").await?);
    let collectors = listen(settings.ingest.listen, "ingest.listen").await?;
    let opened = CancellationToken::new();
    let meanwhile = (Arc::clone(&listener), Arc::clone(&settings), opened.clone());
    tokio::spawn(async move {
        let (listener, settings, opened) = meanwhile;
        serve_plainly(listener, web::starting::router(), &settings, opened).await;
    });
    let database = tokio::select! {
        database = Database::open(&settings, Purpose::Serve) => database?,
        () = stop.cancelled() => return Ok(()),
    };
    let mut state = AppState::open(database.pool.clone(), Arc::clone(&settings)).await?;
    state.shutdown = stop.clone();
    let served = serve(&state, listener, collectors, &opened).await;
    database.close().await;
    served?;
    tracing::info!("gemba ended");
    Ok(())
}

/// A gemba that was killed a moment ago may hold its port a moment longer.
async fn listen(address: SocketAddr, setting: &str) -> Result<TcpListener> {
    let began = tokio::time::Instant::now();
    loop {
        match TcpListener::bind(address).await {
            Err(error) if error.kind() == ErrorKind::AddrInUse && began.elapsed() < Duration::from_secs(5) => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            bound => return bound.with_context(|| format!("cannot listen on {address} ({setting})")),
        }
    }
}

async fn serve_plainly(listener: Arc<TcpListener>, router: axum::Router, settings: &Settings, stop: CancellationToken) {
    let opening = web::server::Plain(settings.http.header_timeout);
    web::server::serve(listener, router, (&settings.http).into(), opening, stop).await;
}

async fn serve(
    state: &AppState,
    listener: Arc<TcpListener>,
    collectors: TcpListener,
    opened: &CancellationToken,
) -> Result<()> {
    let settings = &state.settings;
    if let Some(first) = auth::ensure_first_administrator(&state.pool, &settings.data_directory).await? {
        // To the terminal alone: a log is kept for longer than a password should be.
        eprintln!(
            "\n  Sign in as `{}` with this password, and change it:  {}\n  (also in {} until then)\n",
            first.username,
            first.password,
            first.file.display()
        );
    }
    state.health.set(DATABASE, Ok(()));
    spawn_probe(state.pool.clone(), Arc::clone(&state.health), state.shutdown.clone());
    state.auth.spawn_jobs(&state.shutdown);
    if !web::assets::present() {
        tracing::warn!("the pages have no styles and no script: this program was built without them");
    }
    state.identities.spawn_jobs(&state.shutdown);
    let dialled = collectors.local_addr()?;
    let collectors = identity::Listener::new(collectors, state)?;
    tracing::info!(address = %dialled, names = collectors.names().join(", "), "collectors are listened to");
    let jobs = state.start();
    let router = web::router(state.clone());
    let address = listener.local_addr()?;
    let url = settings.http.public_url.as_ref().map_or_else(|| format!("http://{address}"), |url| url.origin.clone());
    tracing::info!(url, %address, "ready");
    opened.cancel();
    tokio::join!(serve_plainly(listener, router, settings, state.shutdown.clone()), collectors.serve(state));
    let ended = async {
        for job in jobs {
            job.await.ok();
        }
    };
    if tokio::time::timeout(settings.http.shutdown_grace, ended).await.is_err() {
        tracing::warn!("background work was cut off: it did not end in time; it is taken up again at the next start");
    }
    Ok(())
}

/// Cancelled by SIGINT and SIGTERM. A second one ends the process at once.
fn signals() -> Result<CancellationToken> {
    let stop = CancellationToken::new();
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for signals")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for signals")?;
    let told = stop.clone();
    tokio::spawn(async move {
        let mut next = async || tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} };
        next().await;
        tracing::info!("stopping: requests in flight may end first; a second signal ends at once");
        told.cancel();
        next().await;
        std::process::exit(130);
    });
    Ok(stop)
}
