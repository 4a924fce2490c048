//! The description of the REST API (OpenAPI 3.1), made from the notes on its handlers: what it is about stands there;
//! what holds for every endpoint of an access (the permission, how strangers and bad requests are refused) is added here.

#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use axum::response::IntoResponse;
use gemba_contract::problem::{PROBLEM_JSON, Problem};
use gemba_domain::access::{Action, Role, permits};
use http::{HeaderValue, header};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Components, Content, InfoBuilder, OpenApi, OpenApiBuilder, PathItem, Paths, Ref, RefOr, Response, Schema,
        path::{Operation, ParameterIn},
        security::{ApiKey, ApiKeyValue, SecurityRequirement, SecurityScheme},
        tag::TagBuilder,
    },
};
use utoipa_axum::routes;

use super::routes::{Access, Note, Routes};

/// Names of the security schemes.
const SESSION: &str = "session";
const COLLECTOR: &str = "collector";

const ABOUT: &str = "The pages of Gemba are the first client of this API: whatever they show can be asked for here.

- Bodies are JSON in snake_case. Times are RFC 3339 in UTC. Stretches of time are half-open: `from` belongs to them, `to` does not.
- Ratios are numbers with 1.0 = 100 %. A figure that does not exist is `null`, never 0. Units of measure stand in the names \
(`_seconds`, `_micros`, `_cents`); other times are said to be in microseconds where they stand.
- Equipment is named by its path from the enterprise down, `acme/leeds/press-shop/line-1/press-3`. Where a path is the \
end of an address its slashes are written as they are.
- A refusal is a `Problem` (RFC 9457) in `application/problem+json`. Its `type` is a stable short name; the names that an \
endpoint can give stand in its answers.
- Sign in with `POST /api/v1/session` and send the cookie that it sets with every request. What a browser sends for \
another site is refused.";

const TAGS: [(&str, &str); 11] = [
    ("session", "Signing in and out."),
    ("overview", "The plant at this moment."),
    ("report", "Figures of a period, how they compare and how they are made."),
    ("reason", "Why units stood, and what people wrote to hours and shifts."),
    ("rule", "Rules that make states of signals."),
    ("order", "Products, ideal cycles and production orders."),
    ("calendar", "When sites work."),
    ("signal", "The history of signals."),
    ("collector", "How the collectors are, and when nobody was watching."),
    ("edge", "For collectors. Specified in docs/specs/edge-protocol.md."),
    ("api", "The API about itself."),
];

/// The document as it is served, printed by `gemba openapi` and kept in docs/api/openapi.json.
pub static DOCUMENT: LazyLock<String> = LazyLock::new(|| text(&super::routes().and(super::ingest_routes()).document()));

pub(super) fn routes() -> Routes {
    Routes::new().guarded(Action::ViewPlant, routes!(openapi))
}

/// This description
///
/// For whoever may see the plant. It names every endpoint and how it refuses, which no stranger needs to know; who wants
/// figures has an account already, and a tool that cannot sign in reads the same text from docs/api/openapi.json.
#[utoipa::path(
    get, path = "/api/v1/openapi.json", tag = "api",
    responses((status = 200, description = "An OpenAPI 3.1 document", body = serde_json::Value)),
)]
async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], DOCUMENT.as_str())
}

pub(super) fn document(notes: &[Note], schemas: &[(String, RefOr<Schema>)]) -> OpenApi {
    let mut paths = Paths::new();
    for note in notes {
        let mut item = note.item.clone();
        for (method, operation) in operations(&mut item) {
            complete(operation, method, note.route.access);
        }
        // A parameter that takes the rest of the path is `{*path}` to the router.
        let path = note.route.path.replace("{*", "{");
        match paths.paths.get_mut(&path) {
            Some(noted) => noted.merge_operations(item),
            None => _ = paths.paths.insert(path, item),
        }
    }
    let mut components = Components::new();
    components.schemas.extend(schemas.iter().cloned());
    components.schemas.insert(Problem::name().into_owned(), Problem::schema());
    let cookie = "Set by `POST /api/v1/session`. Where people reach the server by https its name is `__Host-gemba`.";
    let cookie = ApiKey::Cookie(ApiKeyValue::with_description("gemba", cookie));
    let certificate =
        "A collector's certificate, given for a code of `gemba collector add NAME`, on the port of `ingest.listen`.";
    components.add_security_scheme(SESSION, SecurityScheme::ApiKey(cookie));
    components.add_security_scheme(
        COLLECTOR,
        SecurityScheme::MutualTls { description: Some(certificate.to_owned()), deprecated: None, extensions: None },
    );
    let tags = TAGS.map(|(name, about)| TagBuilder::new().name(name).description(Some(about)).build());
    OpenApiBuilder::new()
        .info(InfoBuilder::new().title("Gemba").version(env!("CARGO_PKG_VERSION")).description(Some(ABOUT)))
        .paths(paths)
        .components(Some(components))
        .tags(Some(tags))
        .build()
}

/// Each operation of a path with its method in capitals.
pub(super) fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let methods = [
        ("GET", &mut item.get),
        ("PUT", &mut item.put),
        ("POST", &mut item.post),
        ("DELETE", &mut item.delete),
        ("PATCH", &mut item.patch),
    ];
    methods.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// Where collectors' endpoints are.
const ON_INGEST: &str = "On the collectors' port (`ingest.listen`) alone.";

/// Adds to a note what follows from its access and its kind of request.
fn complete(operation: &mut Operation, method: &str, access: Access) {
    let (needs, security) = match access {
        Access::Signed(action) | Access::Page(action) => {
            let roles: Vec<&str> =
                Role::ALL.iter().filter(|role| permits(**role, action)).map(|role| role.as_str()).collect();
            let needs = format!("Needs the permission `{}`: {}.", action.as_str(), roles.join(", "));
            (needs, SecurityRequirement::new(SESSION, [""; 0]))
        }
        Access::Collector => {
            (format!("{ON_INGEST} Needs the certificate of a collector."), SecurityRequirement::new(COLLECTOR, [""; 0]))
        }
        Access::Code => (format!("{ON_INGEST} Needs an enrolment code."), SecurityRequirement::default()),
        Access::Open => ("For anyone.".to_owned(), SecurityRequirement::default()),
    };
    let about = operation.description.take().filter(|about| !about.is_empty());
    operation.description = Some(about.into_iter().chain([needs]).collect::<Vec<_>>().join("\n\n"));
    operation.security = Some(vec![security]);

    match access {
        Access::Signed(action) | Access::Page(action) => {
            refuses(operation, "401", "`not-signed-in`: there is no session, or it is over");
            if action != Action::UseOwnSession {
                refuses(operation, "403", "`not-permitted`: the role does not permit this");
                refuses(operation, "403", "`password-change-required`: the password was given by someone else");
            }
        }
        Access::Collector => {
            refuses(operation, "401", "`no-certificate`: the connection shows none");
            refuses(operation, "401", "`unknown-collector`, `revoked`, `identity-copied`: it has to be enrolled anew");
            refuses(operation, "401", "`certificate-expired`: it has to be renewed");
        }
        Access::Code | Access::Open => {}
    }
    if method != "GET" && !matches!(access, Access::Collector | Access::Code) {
        refuses(operation, "403", "`cross-site`: a browser sent this for another site");
    }
    let takes_json = match &operation.request_body {
        Some(RefOr::T(body)) => body.content.contains_key("application/json"),
        _ => false,
    };
    if takes_json {
        refuses(operation, "400", "`body-refused`: the body is no JSON");
        refuses(operation, "413", "`too-large`: the body is larger than `http.max_body`");
        refuses(operation, "415", "`body-refused`: the body is not said to be `application/json`");
        refuses(operation, "422", "`body-refused`: the body has not the form that is wanted");
    }
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter {
            parameter.name = parameter.name.trim_start_matches('*').to_owned();
        }
    }
    if operation
        .parameters
        .iter()
        .flatten()
        .any(|it| matches!(it, RefOr::T(it) if it.parameter_in == ParameterIn::Query))
    {
        refuses(operation, "400", "`query-refused`: a parameter is missing, unknown or of another form");
    }
    refuses(
        operation,
        "default",
        "Any other refusal is a problem too: 500 `internal`, 503 `database-away`, `starting` or `took-too-long`; after \
         `Retry-After` seconds it is worth another try",
    );
    for (status, response) in &mut operation.responses.responses {
        let good = status.starts_with(['1', '2']);
        if let RefOr::T(response) = response
            && !good
            && response.content.is_empty()
        {
            let problem = Content::new(Some(Ref::from_schema_name(Problem::name())));
            response.content.insert(PROBLEM_JSON.to_owned(), problem.into());
        }
    }
}

/// Adds a reason to an answer.
fn refuses(operation: &mut Operation, status: &str, why: &str) {
    let response = operation.responses.responses.entry(status.to_owned()).or_insert_with(|| Response::new("").into());
    if let RefOr::T(response) = response {
        let joint = if response.description.is_empty() { "" } else { "; " };
        response.description = format!("{}{joint}{why}", response.description);
    }
}

/// As JSON that people can read. What doc comments say to readers of the code is put in the words of JSON.
fn text(document: &OpenApi) -> String {
    let json = document.to_pretty_json().unwrap_or_default().replace("`None`", "`null`");
    let mut parts = json.split("[`");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once("`]") {
            Some((name, rest)) => {
                let rest = rest.strip_prefix("(crate::").and_then(|rest| rest.split_once(')')).map_or(rest, |it| it.1);
                text.extend(["`", name, "`", rest]);
            }
            None => text.extend(["[`", part]),
        }
    }
    text + "\n"
}
