//! The made-up plant over HTTP, with the WASM: what happens after hydration can be tried without a server. Loopback only, one
//! request at a time; a word given to a stop or an hour is taken and forgotten.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    path::Path,
};

/// `page` and `api` give status and body of an address.
pub fn serve(
    port: u16,
    files: &Path,
    page: impl Fn(&str) -> (u16, String),
    api: impl Fn(&str, Option<&[u8]>) -> (u16, Vec<u8>),
) {
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    println!("http://{}", listener.local_addr().unwrap());
    for stream in listener.incoming() {
        let Ok(mut stream) = stream else { continue };
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let (mut first, mut length) = (String::new(), 0);
        if reader.read_line(&mut first).is_err() {
            continue;
        }
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).is_err() || line.trim().is_empty() {
                break;
            }
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        let mut body = vec![0; length];
        drop(reader.read_exact(&mut body));
        let mut words = first.split_whitespace();
        let (method, address) = (words.next().unwrap_or_default(), words.next().unwrap_or("/"));
        let (status, kind, body) = if address.starts_with("/api/") {
            let (status, answer) = api(address, (method == "POST").then_some(&body[..]));
            (status, "application/json", answer)
        } else if let Some(file) = address.strip_prefix("/assets/") {
            let kind = match Path::new(file).extension().and_then(|e| e.to_str()) {
                Some("wasm") => "application/wasm",
                Some("js") => "text/javascript",
                Some("css") => "text/css",
                _ => "application/octet-stream",
            };
            fs::read(files.join(file)).map_or((404, kind, Vec::new()), |content| (200, kind, content))
        } else {
            let (status, html) = page(address);
            (status, "text/html; charset=utf-8", html.into_bytes())
        };
        let head = format!(
            "HTTP/1.1 {status} -\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        drop(stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)));
    }
}
