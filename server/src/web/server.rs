//! Takes connections and serves the router on them, within limits, until told to stop.

use std::{any::Any, future::Future, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo};
use http::Request;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::sync::CancellationToken;
use tower::{ServiceExt, service_fn};

use crate::config::Http;

/// What a port bears.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at once; more wait to be accepted.
    pub max_connections: usize,
    /// How long the head of a request may take.
    pub header_timeout: Duration,
    /// How long requests in flight may take to end.
    pub shutdown_grace: Duration,
}

impl From<&Http> for Limits {
    fn from(settings: &Http) -> Self {
        let Http { max_connections, header_timeout, shutdown_grace, .. } = *settings;
        Self { max_connections, header_timeout, shutdown_grace }
    }
}

/// How a connection begins, before HTTP is spoken on it.
pub trait Opening: Clone + Send + Sync + 'static {
    /// What HTTP is spoken on.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// `None`: it is let go.
    fn open(&self, stream: TcpStream, peer: SocketAddr) -> impl Future<Output = Option<Opened<Self::Stream>>> + Send;
}

/// A connection that has begun.
pub struct Opened<S> {
    /// What HTTP is spoken on.
    pub stream: S,
    /// Whether that is HTTP/2.
    pub http2: bool,
    /// What its requests are given.
    pub extensions: http::Extensions,
    /// Closes it when cancelled; is cancelled when it has ended.
    pub over: CancellationToken,
    /// Kept until it ends.
    pub held: Option<Box<dyn Any + Send>>,
}

/// Connections without TLS.
#[derive(Debug, Clone, Copy)]
pub struct Plain(
    /// How long a client may take to say its first word.
    pub Duration,
);

impl Opening for Plain {
    type Stream = TcpStream;

    async fn open(&self, stream: TcpStream, _peer: SocketAddr) -> Option<Opened<TcpStream>> {
        let http2 = speaks_http2(&stream, self.0).await?;
        let (extensions, over) = (http::Extensions::new(), CancellationToken::new());
        Some(Opened { stream, http2, extensions, over, held: None })
    }
}

/// Serves until `stop`, then lets requests in flight end, for at most the grace of `limits`.
pub async fn serve(
    listener: Arc<TcpListener>,
    router: Router,
    limits: Limits,
    opening: impl Opening,
    stop: CancellationToken,
) {
    let connections = Arc::new(Semaphore::new(limits.max_connections));
    let graceful = GracefulShutdown::new();
    loop {
        let turn = tokio::select! {
            () = stop.cancelled() => break,
            turn = Arc::clone(&connections).acquire_owned() => turn,
        };
        let Ok(turn) = turn else { break };
        let (stream, peer) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of files, or a client gone already: neither ends the server.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        let watcher = graceful.watcher();
        let (router, header_timeout, opening) = (router.clone(), limits.header_timeout, opening.clone());
        tokio::spawn(async move {
            let _turn = turn;
            let _ = stream.set_nodelay(true);
            let Some(opened) = opening.open(stream, peer).await else { return };
            let Opened { stream, http2, extensions, over, held: _held } = opened;
            let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                let mut request = request.map(Body::new);
                request.extensions_mut().extend(extensions.clone());
                request.extensions_mut().insert(ConnectInfo::<SocketAddr>(peer));
                router.clone().oneshot(request)
            });
            let mut builder = Builder::new(TokioExecutor::new());
            builder.http1().timer(TokioTimer::new()).header_read_timeout(header_timeout);
            builder
                .http2()
                .timer(TokioTimer::new())
                .max_concurrent_streams(128)
                .keep_alive_interval(Duration::from_secs(20));
            let builder = if http2 { builder.http2_only() } else { builder.http1_only() };
            let connection =
                builder.serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(service));
            match over.run_until_cancelled(watcher.watch(connection.into_owned())).await {
                Some(Err(error)) => tracing::debug!(%peer, cause = error.to_string(), "a connection ended early"),
                Some(Ok(())) => {}
                None => tracing::debug!(%peer, "a connection was closed"),
            }
            over.cancel();
        });
    }
    drop(listener);
    if tokio::time::timeout(limits.shutdown_grace, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were cut off: they did not end in time");
    }
}

/// Whether the client opens with HTTP/2's preface, which begins with `PRI `. `None` when it says nothing in time.
async fn speaks_http2(stream: &TcpStream, patience: Duration) -> Option<bool> {
    let look = async {
        let mut first = [0; 4];
        loop {
            match stream.peek(&mut first).await {
                Ok(0) | Err(_) => return None,
                Ok(4) => return Some(&first == b"PRI "),
                Ok(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    };
    tokio::time::timeout(patience, look).await.ok().flatten()
}
