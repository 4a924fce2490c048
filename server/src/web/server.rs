//! Takes connections and serves the router on them, within limits, until told to stop.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo};
use http::Request;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::sync::CancellationToken;
use tower::{ServiceExt, service_fn};

use crate::config::Http;

/// Serves until `stop`, then lets requests in flight end, for at most `http.shutdown_grace`.
pub async fn serve(listener: Arc<TcpListener>, router: Router, settings: &Http, stop: CancellationToken) {
    let connections = Arc::new(Semaphore::new(settings.max_connections));
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
        let (router, header_timeout) = (router.clone(), settings.header_timeout);
        tokio::spawn(async move {
            let _turn = turn;
            let Some(http2) = speaks_http2(&stream, header_timeout).await else { return };
            let _ = stream.set_nodelay(true);
            let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                let mut request = request.map(Body::new);
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
            if let Err(error) = watcher.watch(connection.into_owned()).await {
                tracing::debug!(%peer, cause = error.to_string(), "a connection ended early");
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(settings.shutdown_grace, graceful.shutdown()).await.is_err() {
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
