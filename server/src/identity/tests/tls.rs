//! The collectors' port itself: a real socket, real handshakes.

use std::{sync::Mutex, time::Instant};

use gemba_contract::problem::Problem;
use gemba_identity::{Authority, Fingerprint, Trust, client_config};
use reqwest::{Client, StatusCode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::*;
use crate::{config::Settings, ingest::tests::PLANT};

/// A server's port.
struct Port {
    app: AppState,
    url: String,
    address: std::net::SocketAddr,
}

impl Port {
    async fn open(pool: PgPool, settings: Settings) -> Self {
        let directory = tempfile::Builder::new().prefix("gemba-test-").tempdir().unwrap().keep();
        let settings = Arc::new(Settings { data_directory: directory, ..settings });
        let app = AppState::open(pool, settings).await.unwrap();
        app.plant.import(PLANT).await.unwrap();
        app.identities.spawn_jobs(&app.shutdown);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = Listener::new(listener, &app).unwrap();
        let state = app.clone();
        tokio::spawn(async move { served.serve(&state).await });
        Self { app, url: format!("https://localhost:{}", address.port()), address }
    }

    /// A client that trusts the server, and shows this certificate.
    fn client(&self, member: Option<(&Enrolled, &Key)>) -> Client {
        let authority = self.app.identities.authority(clock::now()).unwrap().certificate().clone();
        client(Trust::Authority(authority), member)
    }

    async fn renew(&self, client: &Client, name: &str, key: &Key) -> Result<Enrolled, (StatusCode, String)> {
        let body = Renew { request: key.request(Some(name)).unwrap() };
        let response = client.post(format!("{}/api/v1/edge/renew", self.url)).json(&body).send().await.unwrap();
        let status = response.status();
        if status.is_success() {
            return Ok(response.json().await.unwrap());
        }
        Err((status, response.json::<Problem>().await.unwrap().kind))
    }

    async fn batches(&self, client: &Client) -> Result<(StatusCode, String), reqwest::Error> {
        let response = client.post(format!("{}/api/v1/edge/batches", self.url)).body("").send().await?;
        let status = response.status();
        Ok((status, response.json::<Problem>().await.map(|problem| problem.kind).unwrap_or_default()))
    }
}

fn client(trust: Trust, member: Option<(&Enrolled, &Key)>) -> Client {
    let shown =
        member.map(|(enrolled, key)| (CertificateDer::from_pem_slice(enrolled.certificate.as_bytes()).unwrap(), key));
    let config = client_config(trust, shown).unwrap();
    Client::builder().tls_backend_preconfigured(config).no_proxy().timeout(Duration::from_secs(20)).build().unwrap()
}

#[sqlx::test(migrations = "../migrations")]
async fn a_code_a_certificate_and_the_next_one_over_the_wire(pool: PgPool) {
    let port = Port::open(pool, Settings::default()).await;
    let (code, key) = (code(&port.app, "b", &[]).await, Key::generate().unwrap());
    let first = client(Trust::Code(code.authority), None);
    let body = Enrol { secret: code.secret(), request: key.request(None).unwrap() };
    let url = format!("{}/api/v1/edge/enrol", port.url);
    let enrolled: Enrolled = first.post(&url).json(&body).send().await.unwrap().json().await.unwrap();
    let authority = CertificateDer::from_pem_slice(enrolled.authority.as_bytes()).unwrap();
    assert_eq!(Fingerprint::of(&authority), code.authority);
    assert_eq!(port.batches(&first).await.unwrap(), (StatusCode::UNAUTHORIZED, "no-certificate".to_owned()));
    let large = first.post(&url).header("content-type", "application/json").body(vec![b' '; 20_000]).send().await;
    assert_eq!(large.unwrap().status(), StatusCode::PAYLOAD_TOO_LARGE);

    let member = port.client(Some((&enrolled, &key)));
    // Let in, with an empty request: nothing to say, and no hello before it.
    assert_ne!(port.batches(&member).await.unwrap().0, StatusCode::UNAUTHORIZED);
    let next = port.renew(&member, "b", &key).await.unwrap();
    assert_ne!(next.certificate, enrolled.certificate);
    assert_eq!(
        port.renew(&member, "c", &key).await.unwrap_err(),
        (StatusCode::UNPROCESSABLE_ENTITY, "wrong-name".to_owned())
    );
    port.batches(&port.client(Some((&next, &key)))).await.unwrap();
    assert_eq!(port.batches(&member).await.unwrap(), (StatusCode::UNAUTHORIZED, "identity-copied".to_owned()));
    // Nothing else is there, and nothing of this is on the browsers' port.
    let other = member.get(format!("{}/api/v1/overview", port.url)).send().await.unwrap();
    assert_eq!(other.status(), StatusCode::NOT_FOUND);
    for route in crate::web::ingest_routes().table() {
        assert!(!crate::web::all_routes(&port.app).iter().any(|its| its.path == route.path), "{}", route.path);
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn a_certificate_of_another_authority_is_refused_and_so_is_another_server(pool: PgPool) {
    let port = Port::open(pool, Settings::default()).await;
    let now = std::time::SystemTime::now();
    let foreign = Authority::from_pem(&Authority::generate(now).unwrap()).unwrap();
    let key = Key::generate().unwrap();
    let request = gemba_identity::Request::read(&key.request(None).unwrap()).unwrap();
    let issued = foreign.sign(&request, "edge", gemba_identity::Lifetime { now, lasts: HOUR }).unwrap();
    let forged = Enrolled {
        name: "edge".to_owned(),
        certificate: gemba_identity::pem(&issued.certificate),
        authority: String::new(),
        lasts_seconds: 1,
        at: clock::now(),
    };
    assert!(port.batches(&port.client(Some((&forged, &key)))).await.is_err());
    for trust in [Trust::Code(foreign.fingerprint()), Trust::Authority(foreign.certificate().clone())] {
        let error = port.batches(&client(trust, None)).await.unwrap_err();
        assert!(format!("{error:?}").contains("Authority"), "{error:?}");
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn an_expired_certificate_renews_and_sends_nothing(pool: PgPool) {
    let mut settings = Settings::default();
    settings.ingest.certificate_lifetime = Duration::from_secs(1);
    let port = Port::open(pool, settings).await;
    let (code, key) = (code(&port.app, "b", &[]).await, Key::generate().unwrap());
    let enrolled = enrol(&port.app, &code, &key, clock::now()).await.unwrap();
    let member = port.client(Some((&enrolled, &key)));
    let begun = Instant::now();
    while port.batches(&member).await.unwrap().1 != "certificate-expired" {
        assert!(begun.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let next = port.renew(&member, "b", &key).await.unwrap();
    assert_ne!(port.batches(&port.client(Some((&next, &key)))).await.unwrap().1, "identity-copied");
}

/// A connection that stays open with requests now and then is closed, whoever revoked: here another process would.
#[sqlx::test(migrations = "../migrations")]
async fn a_revoked_collectors_connection_is_closed_in_time(pool: PgPool) {
    let port = Port::open(pool, Settings::default()).await;
    let (code, key) = (code(&port.app, "b", &[]).await, Key::generate().unwrap());
    let enrolled = enrol(&port.app, &code, &key, clock::now()).await.unwrap();
    let authority = port.app.identities.authority(clock::now()).unwrap().certificate().clone();
    let shown = CertificateDer::from_pem_slice(enrolled.certificate.as_bytes()).unwrap();
    let config = client_config(Trust::Authority(authority), Some((shown, &key))).unwrap();
    let stream = TcpStream::connect(port.address).await.unwrap();
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    let mut stream = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    let ask = b"POST /api/v1/edge/batches HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n";
    let mut heard = vec![0; 4096];
    stream.write_all(ask).await.unwrap();
    assert!(stream.read(&mut heard).await.unwrap() > 0);
    assert_eq!(port.app.identities.0.connections.names(), ["b"]);
    port.app.identities.revoke("b", clock::now()).await.unwrap();
    stream.write_all(ask).await.unwrap();
    let length = stream.read(&mut heard).await.unwrap();
    assert!(String::from_utf8_lossy(&heard[..length]).starts_with("HTTP/1.1 401"), "the next request is refused");
    let closed = async { while stream.read(&mut heard).await.is_ok_and(|length| length > 0) {} };
    tokio::time::timeout(Duration::from_secs(60), closed).await.expect("closed within a minute");
    assert!(port.app.identities.0.connections.names().is_empty());
}

#[sqlx::test(migrations = "../migrations")]
async fn rubbish_plain_http_and_silence_harm_nobody(pool: PgPool) {
    let mut settings = Settings::default();
    settings.http.header_timeout = Duration::from_millis(300);
    let port = Port::open(pool, settings).await;
    let hello = [0x16, 0x03, 0x01, 0xff, 0xff, 0x01, 0x00, 0xff, 0xff, 0x03, 0x03].as_slice();
    let http = b"POST /api/v1/edge/enrol HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n".as_slice();
    for said in [&b""[..], http, hello, &[0; 4096], &[0x16, 0x03, 0x03, 0x00, 0x00], &[0xff; 70_000]] {
        let mut stream = TcpStream::connect(port.address).await.unwrap();
        stream.write_all(said).await.ok();
        let mut heard = Vec::new();
        tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut heard)).await.unwrap().ok();
        assert!(!heard.starts_with(b"HTTP"), "no HTTP without TLS");
    }
    // More handshakes than one address may have open: the others wait outside, and those that go make room.
    let mut open = Vec::new();
    for _ in 0..40 {
        open.push(TcpStream::connect(port.address).await.unwrap());
    }
    drop(open);
    let key = Key::generate().unwrap();
    let enrolled = enrol(&port.app, &code(&port.app, "b", &[]).await, &key, clock::now()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let member = port.client(Some((&enrolled, &key)));
    assert_ne!(port.batches(&member).await.unwrap().0, StatusCode::UNAUTHORIZED);
}

/// A log that can be read again.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn neither_code_nor_key_reaches_a_log(pool: PgPool) {
    use tracing_subscriber::prelude::*;
    let log = Log::default();
    let to = log.clone();
    let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(move || to.clone());
    let _ = tracing_subscriber::registry().with(layer).try_init();
    let port = Port::open(pool, Settings::default()).await;
    let (code, key) = (code(&port.app, "canary", &[]).await, Key::generate().unwrap());
    let body = Enrol { secret: code.secret(), request: key.request(None).unwrap() };
    let first = client(Trust::Code(code.authority), None);
    let url = format!("{}/api/v1/edge/enrol", port.url);
    let enrolled: Enrolled = first.post(&url).json(&body).send().await.unwrap().json().await.unwrap();
    let refused = Enrol { request: Key::generate().unwrap().request(None).unwrap(), ..body };
    assert_eq!(first.post(&url).json(&refused).send().await.unwrap().status(), StatusCode::FORBIDDEN);
    port.renew(&port.client(Some((&enrolled, &key))), "canary", &key).await.unwrap();
    let text = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(text.contains("canary"), "the log was heard");
    let pem = key.to_pem();
    let own = std::fs::read_to_string(port.app.settings.data_directory.join("authority/authority.pem")).unwrap();
    let own = own.split("PRIVATE KEY-----").nth(1).unwrap();
    let secrets = [
        code.secret(),
        code.to_string(),
        pem.lines().nth(1).unwrap().to_owned(),
        own.lines().nth(1).unwrap().to_owned(),
    ];
    for secret in secrets {
        assert!(!text.contains(&secret), "a secret is in the log");
    }
}
