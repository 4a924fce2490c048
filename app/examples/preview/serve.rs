//! The made-up plant over HTTP, with the WASM: what happens after hydration can be tried without a server. Loopback only, one
//! request at a time; a word given to a stop or an hour is taken and forgotten.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    path::Path,
};

use gemba_contract::{
    reason::{GiveReason, ReasonConflict, Said},
    report::{Note, PutNote},
};

use super::plant::at;

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

/// The answer to a word about a stop or an hour.
pub fn taken(address: &str, body: &[u8], too_late: bool) -> (u16, Vec<u8>) {
    let json = |value: serde_json::Value| value.to_string().into_bytes();
    let problem = serde_json::json!({"type": "conflict", "title": "Somebody else was faster.", "status": 409});
    if address == "/api/v1/notes" {
        let note: PutNote = serde_json::from_slice(body).unwrap();
        if too_late {
            return (409, json(problem));
        }
        let note = Note { id: 77, from: note.from, to: note.to, text: note.text, by: "h.tanaka".to_owned(), at: at() };
        return (200, json(serde_json::to_value(note).unwrap()));
    }
    let yours: GiveReason = serde_json::from_slice(body).unwrap();
    let said = |reason: Option<String>, by: &str| Said {
        id: 88,
        from: yours.from,
        to: yours.to,
        reason,
        comment: yours.comment.clone(),
        by: by.to_owned(),
        at: at(),
    };
    if too_late {
        let theirs = vec![said(Some("hydraulics".to_owned()), "m.okafor")];
        let mut answer = problem;
        let conflict = serde_json::to_value(ReasonConflict { yours: yours.clone(), theirs }).unwrap();
        for (key, value) in conflict.as_object().unwrap() {
            answer[key] = value.clone();
        }
        return (409, json(answer));
    }
    (200, json(serde_json::to_value(said(yours.reason.clone(), "h.tanaka")).unwrap()))
}
