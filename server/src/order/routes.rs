use axum::{
    Extension,
    extract::State,
    routing::{get, post, put},
};
use gemba_contract::order::{ChangeOrder, OrderView, Orders, ProductView, Products, PutOrder, PutProduct};
use gemba_domain::{access::Action, equipment::EquipmentPath, order::OrderStatus};
use serde::Deserialize;

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
        .guarded("/api/v1/products", Action::ViewPlant, get(products))
        .guarded("/api/v1/products/{code}", Action::ChangeMasterData, put(put_product))
        .guarded("/api/v1/orders", Action::ViewPlant, get(orders))
        .guarded("/api/v1/orders/{code}", Action::ChangeMasterData, put(put_order))
        .guarded("/api/v1/orders/{code}/status", Action::RunOrders, post(change))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    at: Option<EquipmentPath>,
    status: Option<OrderStatus>,
}

async fn products(State(app): State<AppState>) -> Json<Products> {
    Json(app.orders.products())
}

async fn put_product(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(code): Path<String>,
    Json(put): Json<PutProduct>,
) -> Result<Json<ProductView>, Problem> {
    Ok(Json(app.orders.put_product(&code, &put, &caller.username, clock::now()).await?))
}

async fn orders(State(app): State<AppState>, Query(which): Query<Which>) -> Result<Json<Orders>, Problem> {
    Ok(Json(app.orders.orders(which.at.as_ref(), which.status).await?))
}

async fn put_order(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(code): Path<String>,
    Json(put): Json<PutOrder>,
) -> Result<Json<OrderView>, Problem> {
    Ok(Json(app.orders.put_order(&code, &put, &caller.username).await?))
}

async fn change(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(code): Path<String>,
    Json(change): Json<ChangeOrder>,
) -> Result<Json<OrderView>, Problem> {
    Ok(Json(app.orders.change(&code, &change, &caller.username, clock::now()).await?))
}
