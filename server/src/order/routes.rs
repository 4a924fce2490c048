use axum::{Extension, extract::State};
use gemba_contract::order::{ChangeOrder, OrderView, Orders, ProductView, Products, PutOrder, PutProduct};
use gemba_domain::{access::Action, equipment::EquipmentPath, order::OrderStatus};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::routes;

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
    /// Only those of this status
    status: Option<OrderStatus>,
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
    params(("code" = String, Path, description = "The product's code")),
    responses(
        (status = 200, description = "The product as it is then", body = ProductView),
        (status = 422, description = "`no-such-equipment`: an ideal cycle of a unit that there is not; `order-refused`: a \
            value that cannot be"),
    ),
)]
async fn put_product(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(code): Path<String>,
    Json(put): Json<PutProduct>,
) -> Result<Json<ProductView>, Problem> {
    Ok(Json(app.orders.put_product(&code, &put, &caller.username, clock::now()).await?))
}

/// Production orders, running first
#[utoipa::path(
    get, path = "/api/v1/orders", tag = "order", params(Which),
    responses((status = 200, description = "The orders", body = Orders)),
)]
async fn orders(State(app): State<AppState>, Query(which): Query<Which>) -> Result<Json<Orders>, Problem> {
    Ok(Json(app.orders.orders(which.at.as_ref(), which.status).await?))
}

/// Adds a production order, or alters it while it is not finished
#[utoipa::path(
    put, path = "/api/v1/orders/{code}", tag = "order", request_body = PutOrder,
    params(("code" = String, Path, description = "The order's code")),
    responses(
        (status = 200, description = "The order as it is then", body = OrderView),
        (status = 409, description = "`unit-busy`: it has begun elsewhere"),
        (status = 422, description = "`no-such-product`; `no-such-equipment`; `order-refused`: it is finished, or a value \
            that cannot be"),
    ),
)]
async fn put_order(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(code): Path<String>,
    Json(put): Json<PutOrder>,
) -> Result<Json<OrderView>, Problem> {
    Ok(Json(app.orders.put_order(&code, &put, &caller.username).await?))
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
