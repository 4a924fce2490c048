//! What the pages are made of: styles, fonts, WASM. Part of the program when it is built for release; read from
//! `target/site` in a debug build, so that a change shows without a new one.

use std::{borrow::Cow, collections::HashMap};

use axum::{
    extract::Path,
    response::{IntoResponse, Response},
    routing::get,
};
use gemba_app::ShellOptions;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use rust_embed::RustEmbed;
use serde::Deserialize;

use super::{problem::Problem, routes::Routes};

#[derive(RustEmbed)]
#[folder = "../target/site"]
#[allow_missing = true]
#[exclude = "*.stamp"]
struct Site;

/// `manifest.json`, written when the site is built: the names, with the hash of the content in them.
#[derive(Debug, Clone, Default, Deserialize)]
struct Manifest {
    css: String,
    js: String,
    linker: String,
    wasm: String,
    /// Per chunk of the pages' code its files.
    chunks: HashMap<String, Vec<String>>,
    fonts: Vec<String>,
}

pub(super) fn routes() -> Routes {
    Routes::new().open("/assets/{*name}", get(asset)).open("/favicon.ico", get(favicon))
}

/// What the document refers to. Without a site the pages are plain: what they say is there, what it looks like is not.
pub(super) fn shell_options() -> ShellOptions {
    let Some(manifest) = manifest() else { return ShellOptions::default() };
    ShellOptions {
        css: address(&manifest.css),
        js: address(&manifest.js),
        linker: address(&manifest.linker),
        wasm: address(&manifest.wasm),
        fonts: manifest.fonts.iter().take(1).map(|name| address(name)).collect(),
        theme: None,
    }
}

/// For the header `Link`: these chunks will be needed. A page's script asks for them only once it runs.
pub(super) fn preloads(chunks: &[&str]) -> Option<HeaderValue> {
    let manifest = manifest()?;
    let files = chunks.iter().filter_map(|chunk| manifest.chunks.get(*chunk)).flatten();
    let links = files.map(|file| format!("<{}>; rel=preload; as=fetch; crossorigin=anonymous", address(file)));
    let links = links.collect::<Vec<_>>().join(", ");
    HeaderValue::from_str(&links).ok().filter(|links| !links.is_empty())
}

fn address(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!("/assets/{name}") }
}

/// Whether there is a site.
pub fn present() -> bool {
    manifest().is_some()
}

fn manifest() -> Option<Manifest> {
    serde_json::from_slice(&Site::get("manifest.json")?.data).ok()
}

/// Smallest first, as far as the browser takes it. Names carry a hash: what has one never changes.
async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    if name == "manifest.json" || name.ends_with(".br") || name.ends_with(".gz") {
        return Problem::not_found().into_response();
    }
    for (encoding, suffix) in [("br", ".br"), ("gzip", ".gz")] {
        if accepts(&headers, encoding)
            && let Some(file) = Site::get(&format!("{name}{suffix}"))
        {
            let mut response = answer(&name, file.data);
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
            return response;
        }
    }
    match Site::get(&name) {
        Some(file) => answer(&name, file.data),
        None => Problem::not_found().into_response(),
    }
}

fn answer(name: &str, data: Cow<'static, [u8]>) -> Response {
    let kind = mime_guess::from_path(name).first_or_octet_stream();
    let kind =
        HeaderValue::from_str(kind.essence_str()).unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let keep = HeaderValue::from_static("public, max-age=31536000, immutable");
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, keep),
        (header::VARY, HeaderValue::from_static("accept-encoding")),
    ];
    let body = match data {
        Cow::Borrowed(bytes) => axum::body::Body::from(bytes),
        Cow::Owned(bytes) => axum::body::Body::from(bytes),
    };
    (StatusCode::OK, headers, body).into_response()
}

/// Whether `Accept-Encoding` names the encoding without refusing it (`;q=0`).
fn accepts(headers: &HeaderMap, encoding: &str) -> bool {
    headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(','))
        .any(|part| {
            let mut words = part.split(';').map(str::trim);
            let named = words.next().is_some_and(|name| name.eq_ignore_ascii_case(encoding));
            named && !words.any(|word| word.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()) == Some(0.0))
        })
}

async fn favicon() -> Response {
    let headers = [(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, "public, max-age=86400")];
    (headers, include_str!("favicon.svg")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(value))])
    }

    #[test]
    fn encodings() {
        assert!(accepts(&with("gzip, deflate, br"), "br"));
        assert!(accepts(&with("br;q=0.5"), "br"));
        assert!(!accepts(&with("gzip, br;q=0"), "br"));
        assert!(!accepts(&with("brotli"), "br"));
        assert!(!accepts(&HeaderMap::new(), "gzip"));
    }
}
