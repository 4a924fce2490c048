//! The server's side of identities: its authority, TLS, and the two requests.

use std::{sync::Arc, time::SystemTime};

use axum::{
    Extension, Json, Router,
    extract::State,
    http::{Request, StatusCode},
    response::{IntoResponse, Response},
};
use gemba_contract::edge::{Enrol, Enrolled, Renew};
use gemba_identity::{Authority, Code, Credentials, Facts, Key, Lifetime, pem, server_config};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use tokio::net::TcpListener;
use tower::{ServiceExt, service_fn};

use crate::{
    plant::now,
    server::{DAY, Server, problem},
};

/// What a connection's certificate says, if it showed one.
#[derive(Clone)]
pub struct Peer(pub Option<Facts>);

/// Serves with TLS, until the task is aborted; its connections with it.
pub async fn serve(listener: TcpListener, app: Router, authority: Arc<Authority>) {
    let life = Lifetime { now: SystemTime::now(), lasts: DAY };
    let (chain, key) = authority.server(&["127.0.0.1".to_owned()], life).unwrap();
    let credentials = Arc::new(Credentials::new(chain, &key).unwrap());
    let config = Arc::new(server_config(authority.certificate().clone(), credentials).unwrap());
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (acceptor, app) = (tokio_rustls::TlsAcceptor::from(Arc::clone(&config)), app.clone());
        connections.spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let shown = stream.get_ref().1.peer_certificates();
            let peer = Peer(shown.map(|chain| Facts::read(&chain[0]).unwrap()));
            let service = service_fn(move |mut request: Request<hyper::body::Incoming>| {
                request.extensions_mut().insert(peer.clone());
                app.clone().oneshot(request)
            });
            let _ = Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
                .await;
        });
    }
}

impl Server {
    fn give(&self, request: &str) -> Enrolled {
        let request = gemba_identity::Request::read(request).unwrap();
        let mut inner = self.lock();
        let life = Lifetime { now: SystemTime::now(), lasts: inner.lasts };
        let issued = self.authority.sign(&request, "press-shop", life).unwrap();
        inner.issued.push(issued.serial);
        Enrolled {
            name: "press-shop".to_owned(),
            certificate: pem(&issued.certificate),
            authority: self.authority.certificate_pem(),
            lasts_seconds: inner.lasts.as_secs(),
            at: now(),
        }
    }

    /// An identity as `enrol` would have stored it.
    pub fn identity(&self) -> String {
        let key = Key::generate().unwrap();
        let given = self.give(&key.request(None).unwrap());
        key.to_pem() + &given.certificate + &given.authority
    }

    /// Gives the collector of the settings in this directory an identity.
    pub fn let_in(&self, settings: &std::path::Path) {
        let directory = settings.join("edge-identity");
        gemba_identity::private_directory(&directory).unwrap();
        std::fs::write(directory.join("identity.pem"), self.identity()).unwrap();
    }

    /// Lets in who shows this code.
    pub fn expect(&self) -> Code {
        let code = Code::generate(self.authority.fingerprint());
        self.lock().code = Some(code.clone());
        code
    }
}

pub async fn enrol(State(server): State<Server>, Json(enrol): Json<Enrol>) -> Response {
    let expected = server.lock().code.as_ref().map(Code::secret);
    if expected.as_deref() != Some(&enrol.secret) {
        return problem(StatusCode::FORBIDDEN, "code-unknown", "this server does not know the code");
    }
    Json(server.give(&enrol.request)).into_response()
}

pub async fn renew(
    State(server): State<Server>,
    Extension(peer): Extension<Peer>,
    Json(renew): Json<Renew>,
) -> Response {
    let Some(facts) = peer.0 else { return problem(StatusCode::UNAUTHORIZED, "no-certificate", "") };
    if let Some((kind, words)) = server.lock().shut {
        return problem(StatusCode::UNAUTHORIZED, kind, words);
    }
    let request = gemba_identity::Request::read(&renew.request).unwrap();
    assert_eq!((request.name, request.key), (Some(facts.name), facts.key), "the same name and key");
    Json(server.give(&renew.request)).into_response()
}
