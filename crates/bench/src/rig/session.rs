//! What a signed-in person's browser asks.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use gemba_codec::{Limits, Run, Values, decode_series};
use gemba_contract::{
    order::PutProduct,
    reason::GiveReason,
    report::Report,
    session::{ChangePassword, SignIn},
    signal::Durations,
    unit::UnitDetail,
};
use gemba_domain::{
    Timestamp,
    signal::{SignalId, Value},
};
use reqwest::{Client, RequestBuilder, Response, StatusCode, header};
use serde::Serialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// An HTTP client for this machine.
///
/// # Errors
/// None can be made.
pub fn http_client() -> Result<Client> {
    // Fails only when a provider is installed already, which is what is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder().no_proxy().tcp_nodelay(true).timeout(Duration::from_secs(30));
    Ok(builder.tls_certs_only([]).build()?)
}

/// The status of `GET path` at 127.0.0.1, by a connection of its own; `None` when nobody answers in time.
pub(super) async fn status(port: u16, path: &'static str) -> Option<u16> {
    let ask = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut head = [0; 12];
        stream.read_exact(&mut head).await.ok()?;
        std::str::from_utf8(&head).ok()?.split(' ').nth(1)?.parse().ok()
    };
    tokio::time::timeout(Duration::from_secs(2), ask).await.ok().flatten()
}

/// A signed-in caller.
#[derive(Clone, Debug)]
pub struct Session {
    client: Client,
    /// The server's root.
    pub url: String,
    /// `name=value`.
    pub cookie: String,
}

impl Session {
    /// Signs in as `admin` with the first password, and changes it.
    pub(super) async fn begin(url: &str, password: &str) -> Result<Self> {
        let mut session = Self { client: http_client()?, url: url.to_owned(), cookie: String::new() };
        let body = SignIn { username: "admin".to_owned(), password: password.to_owned() };
        session.take_cookie(&session.post("/api/v1/session", &body).await?)?;
        let new = "a line that never stops 1".to_owned();
        let body = ChangePassword { current: password.to_owned(), new };
        session.take_cookie(&session.post("/api/v1/session/password", &body).await?)?;
        Ok(session)
    }

    async fn post(&self, path: &str, body: &impl Serialize) -> Result<Response> {
        let request = self.client.post(format!("{}{path}", self.url)).header(header::COOKIE, &self.cookie);
        sent(request.json(body), path).await
    }

    fn take_cookie(&mut self, response: &Response) -> Result<()> {
        let set = response.headers().get(header::SET_COOKIE).context("no cookie was set")?.to_str()?;
        self.cookie = set.split(';').next().unwrap_or_default().to_owned();
        Ok(())
    }

    /// How long a signal held each word, by UTC day.
    ///
    /// # Errors
    /// The server does not answer as it should.
    pub async fn durations(&self, signal: SignalId, from: Timestamp, to: Timestamp) -> Result<Durations> {
        let path = format!("/api/v1/signals/{}/durations?from={from}&to={to}&bucket=day", signal.0);
        Ok(self.get(&path).await?.json().await?)
    }

    /// A signal's samples as they come over the wire.
    ///
    /// # Errors
    /// The server does not answer as it should.
    pub async fn samples_bin(&self, signal: SignalId, from: Timestamp, to: Timestamp) -> Result<Bytes> {
        let path = format!("/api/v1/signals/{}/samples.bin?from={from}&to={to}", signal.0);
        Ok(self.get(&path).await?.bytes().await?)
    }

    /// A page, to its last byte.
    ///
    /// # Errors
    /// The server does not answer as it should.
    pub async fn page(&self, path: &str) -> Result<Bytes> {
        Ok(self.get(path).await?.bytes().await?)
    }

    async fn get(&self, path: &str) -> Result<Response> {
        sent(self.client.get(format!("{}{path}", self.url)).header(header::COOKIE, &self.cookie), path).await
    }

    /// Adds a product with its ideal cycles, or alters it.
    ///
    /// # Errors
    /// The server does not answer as it should.
    pub async fn put_product(&self, code: &str, product: &PutProduct) -> Result<()> {
        let path = format!("/api/v1/products/{code}");
        let request = self.client.put(format!("{}{path}", self.url)).header(header::COOKIE, &self.cookie);
        sent(request.json(product), &path).await?;
        Ok(())
    }

    /// Says why a unit stood; the status of the answer.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn give_reason(&self, word: &GiveReason) -> Result<StatusCode> {
        let request =
            self.client.post(format!("{}/api/v1/stops/reason", self.url)).header(header::COOKIE, &self.cookie);
        Ok(request.json(word).send().await?.status())
    }

    /// The report of a line or unit.
    ///
    /// # Errors
    /// The server does not answer as it should.
    pub async fn report(&self, path: &str, from: Timestamp, to: Timestamp) -> Result<Report> {
        Ok(self.get(&format!("/api/v1/report/{path}?from={from}&to={to}")).await?.json().await?)
    }

    /// A unit with its signals; `None` when the server does not know it (yet).
    ///
    /// # Errors
    /// The server does not answer as it should.
    pub async fn unit(&self, path: &str) -> Result<Option<UnitDetail>> {
        let request = self.client.get(format!("{}/api/v1/units/{path}", self.url)).header(header::COOKIE, &self.cookie);
        let response = request.send().await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        Ok(Some(response.error_for_status()?.json().await?))
    }

    /// Waits until the server knows this unit: a plant imported beside it is noticed within seconds.
    ///
    /// # Errors
    /// It never does.
    pub async fn until_known(&self, path: &str) -> Result<UnitDetail> {
        for _ in 0..200 {
            if let Some(unit) = self.unit(path).await? {
                return Ok(unit);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("the server does not know the unit {path} 10 s after its import")
    }

    /// All samples of a signal within a stretch, by time. A time that stands twice is there twice.
    ///
    /// # Errors
    /// The server does not answer as it should, or the answer cannot be decoded.
    pub async fn samples(&self, signal: SignalId, from: Timestamp, to: Timestamp) -> Result<Vec<(i64, Value)>> {
        let path = format!("/api/v1/signals/{}/samples.bin?from={from}&to={to}", signal.0);
        let response = self.get(&path).await?;
        if let Some(damaged) = response.headers().get("gemba-damaged") {
            bail!("stored samples of signal {} cannot be read any more: {damaged:?}", signal.0);
        }
        let runs = decode_series(&response.bytes().await?, Limits::default())?;
        let mut samples: Vec<(i64, Value)> = runs.iter().flat_map(readings).collect();
        samples.sort_by_key(|(time, _)| *time);
        Ok(samples)
    }
}

async fn sent(request: RequestBuilder, path: &str) -> Result<Response> {
    let response = request.send().await.with_context(|| path.to_owned())?;
    let status = response.status();
    if !status.is_success() {
        bail!("{path}: {status}: {}", response.text().await.unwrap_or_default());
    }
    Ok(response)
}

fn readings(run: &Run) -> Vec<(i64, Value)> {
    let value = |at: usize| match &run.values {
        Values::Number(numbers) => numbers.get(at).map_or(Value::Unavailable, |number| Value::Number(*number)),
        Values::Text(texts) => texts.get(at).map_or(Value::Unavailable, |text| Value::Text(text.clone())),
        Values::Unavailable => Value::Unavailable,
    };
    run.times.iter().enumerate().map(|(at, time)| (*time, value(at))).collect()
}
