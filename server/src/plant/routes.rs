use axum::extract::State;
use chrono::Offset as _;
use gemba_contract::plant::{PlantNode, PlantOutline};
use gemba_domain::{
    Timestamp,
    access::Action,
    equipment::{EquipmentPath, Level},
};
use utoipa_axum::routes;

use super::Plant;
use crate::{
    clock,
    state::AppState,
    web::{extract::Json, routes::Routes},
};

/// The plant in the API.
pub fn routes() -> Routes {
    Routes::new().guarded(Action::ViewPlant, routes!(plant))
}

/// The tree of equipment
///
/// Sites, areas, lines and units, without their present.
#[utoipa::path(
    get, path = "/api/v1/plant", tag = "overview",
    responses((status = 200, description = "The tree", body = PlantOutline)),
)]
async fn plant(State(app): State<AppState>) -> Json<PlantOutline> {
    Json(outline(&app.plant.current(), clock::now()))
}

fn outline(plant: &Plant, now: Timestamp) -> PlantOutline {
    let mut nodes = Vec::new();
    for site in &plant.sites {
        let offset = now.to_utc().with_timezone(&site.time_zone).offset().fix().local_minus_utc() / 60;
        let mut add = |path: &EquipmentPath, name: &str, level, ideal_cycle_seconds| {
            let (path, name) = (path.clone(), name.to_owned());
            nodes.push(PlantNode { path, name, level, utc_offset_minutes: offset, ideal_cycle_seconds });
        };
        add(&site.path, &site.name, Level::Site, None);
        for area in &site.areas {
            add(&area.path, &area.name, Level::Area, None);
            for line in &area.lines {
                add(&line.path, &line.name, Level::Line, None);
                for unit in &line.units {
                    add(&unit.path, &unit.name, Level::Unit, unit.ideal_cycle_seconds);
                }
            }
        }
    }
    PlantOutline { nodes, currency: plant.currency.clone(), at: now }
}
