//! Renders the pages to static HTML from made-up data, to look at them without a server:
//! `cargo run -p gemba-app --example preview -- DIRECTORY`. The directory gets the HTML files and the
//! stylesheet; a font named `inter-latin-wght-normal.woff2` in it is used.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "an example that people run by hand")]

#[path = "preview/derivation.rs"]
mod derivation;
#[path = "preview/plant.rs"]
mod plant;
#[path = "preview/report.rs"]
mod report;

use std::{fs, path::Path, sync::Arc};

use futures::StreamExt;
use gemba_app::{ApiReply, InProcessApi, PageStatus, ShellOptions, Theme, shell};
use hydration_context::SsrSharedContext;
use leptos::{
    prelude::{Owner, RenderHtml, provide_context},
    tachys::view::any_view::IntoAny,
};
use leptos_meta::ServerMetaContext;
use leptos_router::location::RequestUrl;

/// A page: file name, address, and which plant the API shows.
const PAGES: [(&str, &str, bool); 18] = [
    ("overview", "/", true),
    ("empty", "/", false),
    ("login", "/login", true),
    ("login-error", "/login?error=invalid&next=%2Funits%2Fx", true),
    ("password", "/account/password", true),
    ("unit", "/units/acme/leeds/press-shop/press-line-2/press-3", true),
    ("unit-state", "/units/acme/leeds/press-shop/press-line-2/press-3?signal=execution&range=8h", true),
    ("unit-missing", "/units/acme/leeds/press-shop/press-line-2/press-9", true),
    ("unit-none", "/units/acme/leeds/press-shop/press-line-2/press-3?signal=oil-pressure", true),
    ("missing", "/no/such/page", true),
    ("line", "/lines/acme/leeds/press-shop/press-line-2", true),
    ("line-reason", "/lines/acme/leeds/press-shop/press-line-2?reason=die-sensor", true),
    (
        "line-past",
        "/lines/acme/leeds/press-shop/press-line-2/press-3?from=2026-11-24T10:30:00Z&to=2026-11-24T13:30:00Z&profile=tpm",
        true,
    ),
    ("derivation", "/derivation/acme/leeds/press-shop/press-line-2?figure=availability", true),
    ("compare", "/compare/acme/leeds", true),
    ("andon", "/andon/acme/leeds", true),
    (
        "unit-stretch",
        "/units/acme/leeds/press-shop/press-line-2/press-3?signal=parts-good&from=2026-11-24T14:00:00Z&to=2026-11-24T14:20:00Z",
        true,
    ),
    ("line-missing", "/lines/acme/leeds/press-shop/press-line-9", true),
];

fn main() {
    let out = std::env::args().nth(1).unwrap_or_else(|| "target/preview".to_owned());
    let out = Path::new(&out);
    fs::create_dir_all(out).unwrap();
    fs::write(out.join("gemba.css"), stylesheet(Path::new("style"))).unwrap();
    any_spawner::Executor::init_futures_executor().unwrap();
    for (name, address, with_plant) in PAGES {
        for theme in [Theme::Light, Theme::Dark] {
            let (html, status) = futures::executor::block_on(render(address, theme, with_plant));
            let file = out.join(format!("{name}-{}.html", theme.as_str()));
            println!("{} {status} {} bytes", file.display(), html.len());
            fs::write(file, html).unwrap();
        }
    }
}

async fn render(address: &str, theme: Theme, with_plant: bool) -> (String, u16) {
    let (meta, meta_output) = ServerMetaContext::new();
    let status = PageStatus::default();
    let owner = Owner::new_root(Some(Arc::new(SsrSharedContext::new())));
    let options = ShellOptions { css: "gemba.css".to_owned(), theme: Some(theme), ..ShellOptions::default() };
    let stream = owner.with(|| {
        provide_context(RequestUrl::new(address));
        provide_context(meta);
        provide_context(status.clone());
        provide_context(InProcessApi(Arc::new(move |path| Box::pin(async move { answer(&path, with_plant) }))));
        shell(options).into_any().to_html_stream_in_order()
    });
    let body = stream.collect::<String>().await;
    let html = meta_output.inject_meta_context(futures::stream::iter([body])).await.collect::<String>().await;
    (html, status.get())
}

fn answer(path: &str, with_plant: bool) -> ApiReply {
    let json = |body: serde_json::Value| ApiReply { status: 200, body: body.to_string().into_bytes() };
    if path == "/api/v1/session" {
        return json(serde_json::json!({"username": "h.tanaka", "role": "manager", "must_change_password": false}));
    }
    if path == "/api/v1/overview" {
        let mut overview = plant::overview();
        if !with_plant {
            overview.sites.clear();
        }
        return json(serde_json::to_value(overview).unwrap());
    }
    if let Some(unit) = path.strip_prefix("/api/v1/units/").and_then(plant::unit) {
        return json(serde_json::to_value(unit).unwrap());
    }
    let (address, query) = path.split_once('?').unwrap_or((path, ""));
    if address == "/api/v1/reasons" {
        return json(serde_json::to_value(report::reasons()).unwrap());
    }
    if let Some(report) = address.strip_prefix("/api/v1/report/").and_then(|path| report::report(path, query)) {
        return json(serde_json::to_value(report).unwrap());
    }
    if let Some(made) = address.strip_prefix("/api/v1/derivation/").and_then(|path| derivation::derivation(path, query))
    {
        return json(serde_json::to_value(made).unwrap());
    }
    if let Some(compared) = address.strip_prefix("/api/v1/compare/").and_then(derivation::compare) {
        return json(serde_json::to_value(compared).unwrap());
    }
    if path.contains("/samples") {
        return json(serde_json::to_value(plant::samples(path)).unwrap());
    }
    let problem = serde_json::json!({"type": "not-found", "title": "Not found", "status": 404, "detail": format!("There is nothing at {path}.")});
    ApiReply { status: 404, body: problem.to_string().into_bytes() }
}

/// The stylesheets in one, in the order of `main.css`.
fn stylesheet(dir: &Path) -> String {
    let main = fs::read_to_string(dir.join("main.css")).unwrap();
    let mut css = String::new();
    for line in main.lines() {
        match line.strip_prefix("@import \"").and_then(|rest| rest.split_once("\" layer(")) {
            Some((file, layer)) => {
                let content = fs::read_to_string(dir.join(file)).unwrap();
                css.push_str(&format!("@layer {} {{\n{content}\n}}\n", layer.trim_end_matches(");")));
            }
            None => css.push_str(&format!("{line}\n")),
        }
    }
    css.replace("/assets/fonts/", "")
}
