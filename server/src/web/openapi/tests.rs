//! The description against itself, against what is served, and against real answers.

use std::collections::{BTreeMap, BTreeSet};

use axum::{Router, body::Body};
use gemba_contract::{
    batch::{BatchBuilder, encode_frame},
    problem::PROBLEM_JSON,
};
use gemba_domain::access::Role;
use http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};
use sqlx::PgPool;
use tower::ServiceExt as _;

use super::*;
use crate::{
    auth, clock,
    config::{Sources, load},
    ingest::tests::{EPOCH, Rig, UNIT},
    state::AppState,
    web,
};

fn described() -> Value {
    serde_json::from_str(&DOCUMENT).unwrap()
}

/// Path, method in capitals, operation.
fn described_operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().unwrap().iter().map(|(method, it)| (path.clone(), method.to_uppercase(), it.clone()))
        })
        .collect()
}

/// Every string that stands under this key, however deep.
fn all<'a>(key: &str, value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get(key).and_then(Value::as_str));
            fields.values().for_each(|value| all(key, value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| all(key, value, found)),
        _ => {}
    }
}

#[test]
fn the_copy_in_the_repository_is_what_is_served() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/api/openapi.json");
    let copy = std::fs::read_to_string(path).unwrap_or_default();
    assert!(copy == *DOCUMENT, "docs/api/openapi.json is out of date: run ./dev openapi and commit what it writes");
}

#[test]
fn the_document_is_whole() {
    let document = described();
    let mut references = BTreeSet::new();
    all("$ref", &document, &mut references);
    assert!(references.len() > 50);
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
    for leftover in ["[`", "`None`", "crate::"] {
        assert!(!DOCUMENT.contains(leftover), "{leftover} is for readers of the code");
    }

    let tags: BTreeSet<&str> =
        document["tags"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    let mut ids = BTreeSet::new();
    let mut used = BTreeSet::new();
    for (path, method, operation) in &described_operations(&document) {
        let here = format!("{method} {path}");
        assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{here}: its id is another's");
        assert!(operation["summary"].as_str().is_some_and(|it| !it.is_empty()), "{here}: no summary");
        assert!(operation["security"].is_array(), "{here}: who may use it?");
        let tag = operation["tags"][0].as_str().unwrap().to_owned();
        assert!(tags.contains(&*tag), "{here}: tag {tag} is not explained");
        used.insert(tag);

        let answers = operation["responses"].as_object().unwrap();
        assert!(answers.keys().any(|status| status.starts_with(['1', '2'])), "{here}: no answer when all is well");
        for (status, answer) in answers {
            assert!(answer["description"].as_str().is_some_and(|it| !it.is_empty()), "{here}: {status} says nothing");
            if !status.starts_with(['1', '2']) {
                assert!(answer["content"].get(PROBLEM_JSON).is_some(), "{here}: {status} is no problem");
            }
        }

        let in_path: BTreeSet<&str> =
            path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let explained: BTreeSet<&str> =
            parameters.iter().filter(|it| it["in"] == "path").map(|it| it["name"].as_str().unwrap()).collect();
        assert_eq!(in_path, explained, "{here}: parameters of the path");
        for parameter in &parameters {
            assert!(parameter["description"].is_string(), "{here}: {} is not explained", parameter["name"]);
        }
    }
    assert_eq!(used.len(), tags.len(), "a tag without an endpoint");
}

#[test]
fn no_two_schemas_have_one_name() {
    let routes = web::routes().and(web::ingest_routes());
    let mut by_name = BTreeMap::new();
    for (name, schema) in routes.schemas() {
        let before = by_name.entry(name).or_insert(schema);
        assert!(*before == schema, "two types are called {name}; give one another name with #[schema(as = …)]");
    }
}

async fn app(pool: PgPool) -> AppState {
    AppState::open(pool, load(&Sources::default()).unwrap().settings.into()).await.unwrap()
}

/// A path with its parameters filled in.
fn concrete(path: &str) -> String {
    path.split('/').map(|part| if part.starts_with('{') { "1" } else { part }).collect::<Vec<_>>().join("/")
}

#[sqlx::test(migrations = "../migrations")]
async fn what_is_served_is_listed_and_what_is_listed_is_served(pool: PgPool) {
    let app = app(pool).await;
    let (pages, collectors) = (web::router(app.clone()), web::ingest_router(app));
    let document = described();
    let listed: BTreeSet<(String, String)> =
        described_operations(&document).into_iter().map(|(path, method, _)| (path, method)).collect();

    // The router shows its paths to those who debug it, also such as were added without the table of routes.
    let shown = format!("{pages:?}{collectors:?}").replace("{*", "{");
    let mounted: BTreeSet<&str> = shown.split('"').filter(|text| text.starts_with("/api/")).collect();
    let paths: BTreeSet<&str> = listed.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(mounted, paths);

    for path in paths {
        for method in ["GET", "PUT", "POST", "DELETE", "PATCH"] {
            let request = Request::builder().method(method).uri(concrete(path)).body(Body::empty()).unwrap();
            let router = if path.starts_with("/api/v1/edge/") { &collectors } else { &pages };
            let served = router.clone().oneshot(request).await.unwrap().status() != StatusCode::METHOD_NOT_ALLOWED;
            assert_eq!(served, listed.contains(&(path.to_owned(), method.to_owned())), "{method} {path}");
        }
    }
}

/// Asks the running router, and holds each answer against what the description says of it.
struct Reader {
    router: Router,
    session: String,
    document: Value,
    read: BTreeSet<(String, String)>,
}

impl Reader {
    async fn new(app: &AppState, pool: &PgPool) -> Self {
        auth::add_user(pool, &"ann".parse().unwrap(), Role::Manager).await.unwrap();
        let token = "x".repeat(43);
        sqlx::query(
            "with u as (update user_account set must_change_password = false returning id)
             insert into user_session (id, user_id, token_sha256, address, user_agent)
             select id, id, sha256($1), '::', '' from u",
        )
        .bind(token.as_bytes())
        .execute(pool)
        .await
        .unwrap();
        let session = format!("gemba={token}");
        Self { router: web::router(app.clone()), session, document: described(), read: BTreeSet::new() }
    }

    /// `noted` is the path as described, `address` that of the request.
    async fn ask(&mut self, method: Method, noted: &str, address: &str, body: Value, status: u16) -> Value {
        let request = Request::builder()
            .method(&method)
            .uri(address)
            .header(header::COOKIE, &self.session)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(if body.is_null() { String::new() } else { body.to_string() }))
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let answered = response.status().as_u16();
        let kind = response.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
        let bytes = axum::body::to_bytes(response.into_body(), 16 << 20).await.unwrap();
        let here = format!("{method} {address}");
        assert_eq!(answered, status, "{here}: {}", String::from_utf8_lossy(&bytes));
        let answer: Value = serde_json::from_slice(&bytes).unwrap();

        let operation = &self.document["paths"][noted][method.as_str().to_lowercase()];
        let description = &operation["responses"][status.to_string()];
        if status >= 400 {
            let named = description["description"].as_str().unwrap();
            assert!(
                named.contains(&format!("`{}`", answer["type"].as_str().unwrap())),
                "{here}: {answer} is not in {named}"
            );
        }
        let schema = &description["content"][kind.as_str()]["schema"];
        assert!(schema.is_object(), "{here}: {status} in {kind} is not described");
        self.valid(&here, schema, &answer);
        if !body.is_null() && status < 300 {
            self.valid(
                &format!("the body of {here}"),
                &operation["requestBody"]["content"]["application/json"]["schema"],
                &body,
            );
        }
        self.read.insert((method.to_string(), noted.to_owned()));
        answer
    }

    fn valid(&self, here: &str, schema: &Value, value: &Value) {
        let errors = errors(&self.document, schema, value);
        assert!(errors.is_empty(), "{here} is not as described:\n{}\n{value:#}", errors.join("\n"));
    }
}

/// Where a value is not what a schema of the document says.
fn errors(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    // The references of the schema lead into the document.
    let whole = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "allOf": [schema],
        "components": closed(&document["components"]),
    });
    let validator = jsonschema::options().should_validate_formats(true).build(&whole).unwrap();
    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// The schemas without leave to have further fields, so that a field that is not described is found. Those that are
/// joined with others (`allOf`) must stay open.
fn closed(components: &Value) -> Value {
    let mut components = components.clone();
    let mut joined = BTreeSet::new();
    for schema in components["schemas"].as_object().unwrap().values() {
        for part in schema["allOf"].as_array().into_iter().flatten() {
            all("$ref", part, &mut joined);
        }
    }
    let joined: BTreeSet<String> =
        joined.into_iter().filter_map(|it| Some(it.rsplit_once('/')?.1.to_owned())).collect();
    for (name, schema) in components["schemas"].as_object_mut().unwrap() {
        if schema["properties"].is_object() && !joined.contains(name) {
            schema["additionalProperties"] = json!(false);
        }
        if schema["allOf"].is_array() {
            schema["unevaluatedProperties"] = json!(false);
        }
    }
    components
}

#[test]
fn what_is_not_described_is_found() {
    let document = described();
    let schema = json!({ "$ref": "#/components/schemas/Tile" });
    let tile = json!({
        "id": "01a20eed-e2d5-750a-aced-f2cd29abc1be", "path": UNIT, "name": "Press 1", "level": "unit", "state": "idle",
        "cause": null, "since": "2026-11-22T06:00:00Z", "last_sample": null, "kpi": { "oee": null },
        "count": { "good": 1.0, "scrap": 0.0, "target": null }, "strip": [],
    });
    assert_eq!(errors(&document, &schema, &tile), [""; 0]);
    for (field, value) in [
        ("id", json!("press")),
        ("state", json!("asleep")),
        ("since", json!("today")),
        ("name", json!(1)),
        ("more", json!(1)),
    ] {
        let mut wrong = tile.clone();
        wrong[field] = value;
        assert_ne!(errors(&document, &schema, &wrong), [""; 0], "{field}");
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn real_answers_are_as_described(pool: PgPool) {
    let rig = Rig::new(pool.clone()).await;
    let jobs = rig.app.start();
    let welcome = rig.hello(EPOCH, &["execution", "good", "temp", "no-such"]).await.unwrap();
    let at = |second: i64| rig.begin.plus_seconds(second);
    let mut builder = BatchBuilder::new();
    for (second, word) in [(0, "ACTIVE"), (100, "FEED_HOLD"), (300, "ACTIVE"), (400, "INTERRUPTED"), (430, "ACTIVE")] {
        builder.push_text(0, at(second).micros(), word);
    }
    for second in 0..100 {
        builder.push_number(1, at(second).micros(), f64::from(i32::try_from(second).unwrap()));
        builder.push_number(2, at(second).micros(), 20.5);
        builder.push_number(3, at(second).micros(), 1.0);
    }
    builder.push_unavailable(2, at(100).micros());
    let taken = rig.send(encode_frame(EPOCH, 1, rig.begin, clock::now(), &builder.finish())).await.unwrap();
    let mut reader = Reader::new(&rig.app, &pool).await;
    for (body, schema) in [(json!(welcome), "Welcome"), (json!(taken), "Acknowledged")] {
        reader.valid(schema, &json!({ "$ref": format!("#/components/schemas/{schema}") }), &body);
    }

    let stretch = format!("from={}&to={}", at(0), at(590));
    let report = format!("/api/v1/report/{UNIT}?{stretch}");
    const REPORT: &str = "/api/v1/report/{path}";
    let (get, put, post, delete) = (Method::GET, Method::PUT, Method::POST, Method::DELETE);
    let none = Value::Null;
    for round in 0.. {
        let made = reader.ask(get.clone(), REPORT, &report, none.clone(), 200).await;
        if made["stops_total"] == json!(2) && made["figures"]["elements"]["pq"] == json!(99.0) {
            break;
        }
        assert!(round < 500, "the facts are not there after 10 s: {made:#}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }

    // Master data and words first, so that the views have something to show.
    let product = json!({
        "name": "Bracket", "margin_cents": 120, "ideal_cycles": [{ "unit": UNIT, "seconds": 1.5, "valid_from": at(0) }],
    });
    reader.ask(put.clone(), "/api/v1/products/{code}", "/api/v1/products/p-1", product, 200).await;
    let order = json!({ "product": "p-1", "quantity": 500.0, "due": at(90_000), "at": UNIT });
    reader.ask(put.clone(), "/api/v1/orders/{code}", "/api/v1/orders/po-1", order.clone(), 200).await;
    let unknown = json!({ "product": "p-2", "quantity": 500.0, "at": UNIT });
    reader.ask(put.clone(), "/api/v1/orders/{code}", "/api/v1/orders/po-2", unknown, 422).await;
    let status = "/api/v1/orders/{code}/status";
    let running = json!({ "status": "running", "at": at(20) });
    reader.ask(post.clone(), status, "/api/v1/orders/po-1/status", running.clone(), 200).await;
    reader.ask(post.clone(), status, "/api/v1/orders/po-1/status", running.clone(), 409).await;
    reader.ask(post.clone(), status, "/api/v1/orders/po-9/status", running, 404).await;
    let reason = json!({ "name": "Die sensor", "parent": null, "category": "breakdown" });
    reader.ask(put.clone(), "/api/v1/reasons/{code}", "/api/v1/reasons/die-sensor", reason.clone(), 200).await;
    reader.ask(put.clone(), "/api/v1/reasons/{code}", "/api/v1/reasons/spare", reason, 200).await;
    reader.ask(delete.clone(), "/api/v1/reasons/{code}", "/api/v1/reasons/spare", none.clone(), 200).await;
    let rule = json!({ "name": "Held", "scope": "", "condition": "cause = \"FEED_HOLD\"", "reason": "die-sensor" });
    let trial = json!({ "rule": rule, "from": at(0), "to": at(590) });
    reader.ask(post.clone(), "/api/v1/reason-rules/try", "/api/v1/reason-rules/try", trial, 200).await;
    let rules = json!({ "rules": [rule] });
    reader.ask(put.clone(), "/api/v1/reason-rules/all", "/api/v1/reason-rules/all", rules, 200).await;
    let broken = json!({ "rules": [{ "name": "x", "condition": "cause", "reason": "die-sensor" }] });
    reader.ask(put.clone(), "/api/v1/reason-rules/all", "/api/v1/reason-rules/all", broken, 422).await;
    let rule = json!({ "name": "Hot", "scope": "", "condition": "temp > 80 for 10 s", "state": "stopped" });
    let trial = json!({ "rules": [rule], "from": at(0), "to": at(590) });
    reader.ask(post.clone(), "/api/v1/state-rules/try", "/api/v1/state-rules/try", trial, 200).await;
    let rules = json!({ "rules": [rule] });
    reader.ask(put.clone(), "/api/v1/state-rules/all", "/api/v1/state-rules/all", rules, 200).await;
    let broken = json!({ "rules": [{ "name": "x", "condition": "temp >", "state": "stopped" }] });
    reader.ask(put.clone(), "/api/v1/state-rules/all", "/api/v1/state-rules/all", broken, 422).await;
    let give = json!({ "unit": UNIT, "from": at(150), "reason": "die-sensor", "comment": "again" });
    reader.ask(post.clone(), "/api/v1/stops/reason", "/api/v1/stops/reason", give.clone(), 200).await;
    let both = reader.ask(post.clone(), "/api/v1/stops/reason", "/api/v1/stops/reason", give, 409).await;
    assert_eq!(both["theirs"].as_array().unwrap().len(), 1, "{both}");
    let note = json!({ "at": UNIT, "from": at(0), "to": at(590), "text": "new tool" });
    reader.ask(post.clone(), "/api/v1/notes", "/api/v1/notes", note.clone(), 200).await;
    reader.ask(post.clone(), "/api/v1/notes", "/api/v1/notes", note, 409).await;
    let calendar = "/api/v1/calendar/{enterprise}/{site}";
    let closures = "/api/v1/calendar/{enterprise}/{site}/closures";
    let definition = json!({ "definition": {
        "shifts": [{ "name": "Day", "start": "06:00", "end": "14:00", "breaks": ["10:00-10:20"] }],
        "rotations": [{ "name": "r", "segments": [{ "shift": "Day", "days_on": 2, "days_off": 2 }] }],
        "teams": [{ "name": "A", "rotation": "r", "start": "2026-01-05" }],
    }});
    reader.ask(put.clone(), calendar, "/api/v1/calendar/acme/leeds", definition, 200).await;
    let closure = json!({ "name": "Feast", "from": at(86_400), "to": at(2 * 86_400), "kind": "holiday" });
    reader.ask(put.clone(), closures, "/api/v1/calendar/acme/leeds/closures", closure, 200).await;
    let begun = json!({ "name": "Late", "from": at(0), "to": at(86_400), "kind": "holiday" });
    reader.ask(put.clone(), closures, "/api/v1/calendar/acme/leeds/closures", begun, 422).await;
    let feast = format!("/api/v1/calendar/acme/leeds/closures?name=Feast&from={}", at(86_400));
    reader.ask(delete.clone(), closures, &feast, none.clone(), 200).await;

    let signal: i32 =
        sqlx::query_scalar("select id from signal where code = 'execution'").fetch_one(&pool).await.unwrap();
    let measured: i32 = sqlx::query_scalar("select id from signal where code = 'temp'").fetch_one(&pool).await.unwrap();
    let unit = format!("/api/v1/units/{UNIT}");
    let derivation = format!("/api/v1/derivation/{UNIT}?{stretch}&figure=oee");
    let beauty = format!("/api/v1/derivation/{UNIT}?{stretch}&figure=beauty");
    let reversed = format!("/api/v1/report/{UNIT}?from={}&to={}", at(590), at(0));
    let shown: Vec<(&str, String, u16)> = vec![
        ("/api/v1/session", "/api/v1/session".to_owned(), 200),
        ("/api/v1/openapi.json", "/api/v1/openapi.json".to_owned(), 200),
        ("/api/v1/overview", "/api/v1/overview".to_owned(), 200),
        ("/api/v1/overview/earlier", "/api/v1/overview/earlier".to_owned(), 200),
        ("/api/v1/units/{path}", unit, 200),
        ("/api/v1/units/{path}", "/api/v1/units/acme/no/such".to_owned(), 404),
        (REPORT, report, 200),
        (REPORT, "/api/v1/report/acme/leeds/press/line-1".to_owned(), 200),
        (REPORT, "/api/v1/report/acme/leeds/press/no-such".to_owned(), 404),
        (REPORT, reversed, 422),
        (REPORT, format!("/api/v1/report/{UNIT}?beauty=1"), 400),
        ("/api/v1/derivation/{path}", derivation, 200),
        ("/api/v1/derivation/{path}", beauty, 422),
        ("/api/v1/products", "/api/v1/products".to_owned(), 200),
        ("/api/v1/orders", "/api/v1/orders".to_owned(), 200),
        ("/api/v1/orders", "/api/v1/orders?status=lost".to_owned(), 422),
        ("/api/v1/plant", "/api/v1/plant".to_owned(), 200),
        ("/api/v1/collectors", "/api/v1/collectors".to_owned(), 200),
        ("/api/v1/collectors/conditions", "/api/v1/collectors/conditions".to_owned(), 200),
        ("/api/v1/gaps/{path}", format!("/api/v1/gaps/{UNIT}"), 200),
        ("/api/v1/gaps/{path}", "/api/v1/gaps/acme/no/such".to_owned(), 404),
        ("/api/v1/gaps/{path}", format!("/api/v1/gaps/{UNIT}?from=2026-01-01T00:00:00Z"), 422),
        ("/api/v1/reasons", "/api/v1/reasons".to_owned(), 200),
        ("/api/v1/reason-rules", "/api/v1/reason-rules".to_owned(), 200),
        ("/api/v1/state-rules", "/api/v1/state-rules".to_owned(), 200),
        (calendar, "/api/v1/calendar/acme/leeds".to_owned(), 200),
        (calendar, "/api/v1/calendar/acme/york".to_owned(), 404),
        ("/api/v1/signals/{id}/samples", format!("/api/v1/signals/{measured}/samples?{stretch}"), 200),
        ("/api/v1/signals/{id}/samples", format!("/api/v1/signals/{signal}/samples?{stretch}&points=1"), 422),
        ("/api/v1/signals/{id}/samples", format!("/api/v1/signals/x/samples?{stretch}"), 400),
        ("/api/v1/signals/{id}/durations", format!("/api/v1/signals/{signal}/durations?{stretch}&bucket=hour"), 200),
        ("/api/v1/signals/{id}/durations", format!("/api/v1/signals/999/durations?{stretch}"), 404),
    ];
    for (noted, address, status) in shown {
        reader.ask(get.clone(), noted, &address, none.clone(), status).await;
    }
    for by in ["unit", "shift", "team", "product", "order", "day"] {
        let address = format!("/api/v1/compare/acme?{stretch}&by={by}");
        reader.ask(get.clone(), "/api/v1/compare/{path}", &address, none.clone(), 200).await;
    }
    reader.session.clear();
    reader.ask(get, "/api/v1/overview", "/api/v1/overview", none, 401).await;

    // What is left: files, the WebSocket, collectors, and what the tests of signing in ask for.
    let unread: BTreeSet<String> = described_operations(&reader.document)
        .into_iter()
        .map(|(path, method, _)| (method, path))
        .filter(|it| !reader.read.contains(it))
        .map(|(method, path)| format!("{method} {path}"))
        .collect();
    let expected = [
        "DELETE /api/v1/session",
        "GET /api/v1/live",
        "GET /api/v1/report.pdf/{path}",
        "GET /api/v1/signals/{id}/samples.bin",
        "GET /api/v1/signals/{id}/samples.csv",
        "POST /api/v1/edge/batches",
        "POST /api/v1/edge/enrol",
        "POST /api/v1/edge/hello",
        "POST /api/v1/edge/renew",
        "POST /api/v1/session",
        "POST /api/v1/session/password",
    ];
    assert_eq!(unread.iter().map(String::as_str).collect::<Vec<_>>(), expected, "ask for it above");
    rig.app.shutdown.cancel();
    for job in jobs {
        job.await.unwrap();
    }
}
