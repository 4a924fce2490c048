use axum::{Extension, extract::State};
use gemba_contract::order::{ChangeOrder, OrderView, Orders, ProductView, Products, PutOrder, PutProduct};
use gemba_domain::{access::Action, equipment::EquipmentPath, order::OrderStatus};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::routes;

use super::{OrderError, Wanted};
use crate::{
    auth::Caller,
    clock,
    state::AppState,
    web::{
        extract::{Json, Path, Query},
        problem::Problem,
        routes::Routes,
    },
};

/// Products and orders in the API.
pub fn routes() -> Routes {
    Routes::new()
        .guarded(Action::ViewPlant, routes!(products))
        .guarded(Action::ChangeMasterData, routes!(put_product))
        .guarded(Action::ViewPlant, routes!(orders))
        .guarded(Action::ChangeMasterData, routes!(put_order))
        .guarded(Action::RunOrders, routes!(change))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Which {
    /// Only those of this line or unit
    at: Option<EquipmentPath>,
    /// Only those of this status, or of one of several with commas between: `running,paused`
    status: Option<String>,
    /// At most so many; 1,000 when left out
    limit: Option<u32>,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
struct How {
    /// Refused where there is one of this code already
    only_new: bool,
}

/// All products with their ideal cycles
#[utoipa::path(
    get, path = "/api/v1/products", tag = "order",
    responses((status = 200, description = "The products", body = Products)),
)]
async fn products(State(app): State<AppState>) -> Json<Products> {
    Json(app.orders.products())
}

/// Adds a product, or alters it
///
/// An ideal cycle that is valid from a moment that is past makes the figures since then anew, and leaves those reported
/// first beside them.
#[utoipa::path(
    put, path = "/api/v1/products/{code}", tag = "order", request_body = PutProduct,
    params(("code" = String, Path, description = "The product's code"), How),
    responses(
        (status = 200, description = "The product as it is then", body = ProductView),
        (status = 409, description = "`exists-already`: asked for as new, and there is one"),
        (status = 422, description = "`no-such-equipment`: an ideal cycle of a unit that there is not; `order-refused`: a \
            value that cannot be"),
    ),
)]
async fn put_product(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(code): Path<String>,
    Query(how): Query<How>,
    Json(put): Json<PutProduct>,
) -> Result<Json<ProductView>, Problem> {
    Ok(Json(app.orders.put_product(&code, &put, how.only_new, &caller.username, clock::now()).await?))
}

/// Production orders, running first
#[utoipa::path(
    get, path = "/api/v1/orders", tag = "order", params(Which),
    responses(
        (status = 200, description = "The orders", body = Orders),
        (status = 422, description = "`order-refused`: no such status"),
    ),
)]
async fn orders(State(app): State<AppState>, Query(which): Query<Which>) -> Result<Json<Orders>, Problem> {
    let words = which.status.as_deref().unwrap_or_default().split(',').filter(|word| !word.is_empty());
    let status =
        words.map(|word| OrderStatus::from_word(word).ok_or_else(|| no_status(word))).collect::<Result<_, _>>()?;
    let wanted = Wanted { at: which.at, status, limit: which.limit };
    Ok(Json(app.orders.orders(&wanted, clock::now()).await?))
}

fn no_status(word: &str) -> OrderError {
    let known = OrderStatus::ALL.iter().map(|status| status.as_str()).collect::<Vec<_>>().join(", ");
    OrderError::Refused(format!("`{word}` is no status of an order; there are {known}"))
}

/// Adds a production order, or alters it while it is not finished
#[utoipa::path(
    put, path = "/api/v1/orders/{code}", tag = "order", request_body = PutOrder,
    params(("code" = String, Path, description = "The order's code"), How),
    responses(
        (status = 200, description = "The order as it is then", body = OrderView),
        (status = 409, description = "`unit-busy`: it has begun elsewhere; `exists-already`: asked for as new, and there is one"),
        (status = 422, description = "`no-such-product`; `no-such-equipment`; `order-refused`: it is finished, or a value \
            that cannot be"),
    ),
)]
async fn put_order(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(code): Path<String>,
    Query(how): Query<How>,
    Json(put): Json<PutOrder>,
) -> Result<Json<OrderView>, Problem> {
    Ok(Json(app.orders.put_order(&code, &put, how.only_new, &caller.username, clock::now()).await?))
}

/// Starts, pauses, goes on with or finishes a production order
#[utoipa::path(
    post, path = "/api/v1/orders/{code}/status", tag = "order", request_body = ChangeOrder, operation_id = "change_order",
    params(("code" = String, Path, description = "The order's code")),
    responses(
        (status = 200, description = "The order as it is then", body = OrderView),
        (status = 404, description = "`not-found`: no such order"),
        (status = 409, description = "`order-status`: it cannot become this from what it is; `unit-busy`: another order runs \
            there"),
        (status = 422, description = "`order-refused`: a moment that cannot be"),
    ),
)]
async fn change(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(code): Path<String>,
    Json(change): Json<ChangeOrder>,
) -> Result<Json<OrderView>, Problem> {
    Ok(Json(app.orders.change(&code, &change, &caller.username, clock::now()).await?))
}
