//! The one HTTP question that tasks ask: is it ready?

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::process::Process;

/// The status of `GET path` at 127.0.0.1.
///
/// # Errors
/// Nothing listens there, or what listens does not speak HTTP.
pub async fn status(port: u16, path: &str) -> Result<u16> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut head = [0; 12];
    stream.read_exact(&mut head).await?;
    let text = std::str::from_utf8(&head)?;
    match text.split(' ').nth(1).and_then(|code| code.parse().ok()) {
        Some(code) if text.starts_with("HTTP/") => Ok(code),
        _ => bail!("port {port} does not speak HTTP"),
    }
}

/// Waits until `path` answers 200, and says how long that took.
///
/// # Errors
/// The program ended first, or `patience` did.
pub async fn until_ready(process: &mut Process, port: u16, path: &str, patience: Duration) -> Result<Duration> {
    let begun = Instant::now();
    loop {
        if status(port, path).await.is_ok_and(|code| code == 200) {
            return Ok(begun.elapsed());
        }
        if process.has_ended()? {
            bail!(
                "the {} ended at once. Its last words ({}):\n{}",
                process.name,
                process.log.display(),
                process.last_words()
            );
        }
        if begun.elapsed() > patience {
            bail!(
                "the {} is not ready after {} s. Its last words ({}):\n{}",
                process.name,
                patience.as_secs(),
                process.log.display(),
                process.last_words()
            );
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
