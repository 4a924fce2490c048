//! Renders the pages to static HTML from made-up data, to look at them without a server:
//! `cargo run -p gemba-app --example preview -- DIRECTORY`. The directory gets the HTML files and the
//! stylesheet; a font named `inter-latin-wght-normal.woff2` in it is used.
//!
//! `cargo run -p gemba-app --example preview -- --serve PORT` serves them instead, with the WASM of the last
//! `xtask bundle`: what happens after hydration can be tried as well.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "an example that people run by hand")]

#[path = "preview/derivation.rs"]
mod derivation;
#[path = "preview/orders.rs"]
mod orders;
#[path = "preview/plant.rs"]
mod plant;
#[path = "preview/report.rs"]
mod report;
#[path = "preview/serve.rs"]
mod serve;

use std::{fs, path::Path, sync::Arc};

use futures::StreamExt;
use gemba_app::{ApiReply, InProcessApi, PageStatus, ShellOptions, Theme, shell};
use hydration_context::{SharedContext, SsrSharedContext};
use leptos::{
    prelude::{Owner, RenderHtml, provide_context},
    tachys::view::any_view::IntoAny,
};
use leptos_meta::ServerMetaContext;
use leptos_router::location::RequestUrl;

/// A page: file name, address, and which plant the API shows.
const PAGES: [(&str, &str, bool); 22] = [
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
    ("orders", "/orders", true),
    ("orders-finished", "/orders?state=finished", true),
    ("products", "/products", true),
    ("reasons", "/reasons", true),
    ("line-missing", "/lines/acme/leeds/press-shop/press-line-9", true),
];

fn main() {
    any_spawner::Executor::init_futures_executor().unwrap();
    let mut words = std::env::args().skip(1);
    let first = words.next().unwrap_or_else(|| "target/preview".to_owned());
    if first == "--serve" {
        return serve_pages(words.next().and_then(|port| port.parse().ok()).unwrap_or(0));
    }
    let out = Path::new(&first);
    fs::create_dir_all(out).unwrap();
    fs::write(out.join("gemba.css"), stylesheet(Path::new("style"))).unwrap();
    let options = ShellOptions { css: "gemba.css".to_owned(), ..ShellOptions::default() };
    for (name, address, with_plant) in PAGES {
        for theme in [Theme::Light, Theme::Dark] {
            let (html, status) = futures::executor::block_on(render(
                address,
                ShellOptions { theme: Some(theme), ..options.clone() },
                with_plant,
            ));
            let file = out.join(format!("{name}-{}.html", theme.as_str()));
            println!("{} {status} {} bytes", file.display(), html.len());
            fs::write(file, html).unwrap();
        }
    }
}

/// The bundled script, WASM and stylesheet are named by their content.
fn serve_pages(port: u16) {
    let site = Path::new("target/site");
    let named = |ending: &str| {
        let names = fs::read_dir(site).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap());
        let found = names.filter(|n| n.starts_with("gemba") && n.ends_with(ending)).last();
        format!("/assets/{}", found.unwrap_or_else(|| panic!("no *{ending} in {}", site.display())))
    };
    let options =
        ShellOptions { css: named(".css"), js: named(".js"), wasm: named(".wasm"), ..ShellOptions::default() };
    let tries = std::cell::Cell::new(0_u32);
    serve::serve(
        port,
        site,
        |address| {
            let (html, status) = futures::executor::block_on(render(address, options.clone(), true));
            (status, html)
        },
        |address, body| {
            let Some(body) = body else {
                let reply = answer(address, true);
                return (reply.status, reply.body);
            };
            tries.set(tries.get() + 1);
            // Every other word finds that somebody else was faster.
            serve::taken(address, body, tries.get() % 2 == 1)
        },
    );
}

async fn render(address: &str, options: ShellOptions, with_plant: bool) -> (String, u16) {
    let (meta, meta_output) = ServerMetaContext::new();
    let status = PageStatus::default();
    let hydrated = !options.js.is_empty();
    let shared = Arc::new(SsrSharedContext::new());
    let owner = Owner::new_root(Some(shared.clone()));
    let stream = owner.with(|| {
        provide_context(RequestUrl::new(address));
        provide_context(meta);
        provide_context(status.clone());
        provide_context(InProcessApi(Arc::new(move |path| Box::pin(async move { answer(&path, with_plant) }))));
        shell(options).into_any().to_html_stream_in_order()
    });
    let mut body = stream.collect::<String>().await;
    if hydrated {
        let data: Vec<String> = shared.pending_data().unwrap().collect().await;
        body.extend(data.into_iter().map(|script| format!("<script>{script}</script>")));
    }
    let html = meta_output.inject_meta_context(futures::stream::iter([body])).await.collect::<String>().await;
    (html, status.get())
}

fn answer(path: &str, with_plant: bool) -> ApiReply {
    let json = |body: serde_json::Value| ApiReply { status: 200, body: body.to_string().into_bytes() };
    if path == "/api/v1/session" {
        return json(serde_json::json!({"username": "h.tanaka", "role": "manager", "must_change_password": false}));
    }
    if path == "/api/v1/overview/earlier" {
        return json(serde_json::to_value(plant::earlier()).unwrap());
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
    match address {
        "/api/v1/plant" => return json(serde_json::to_value(orders::outline()).unwrap()),
        "/api/v1/products" => return json(serde_json::to_value(orders::products()).unwrap()),
        "/api/v1/orders" => return json(serde_json::to_value(orders::orders(query)).unwrap()),
        "/api/v1/reason-rules" => return json(serde_json::to_value(orders::rules()).unwrap()),
        _ => {}
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
