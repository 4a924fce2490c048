//! Made-up orders, products and rules.

use gemba_contract::{
    order::{IdealCycle, OrderView, Orders, ProductView, Products},
    plant::{PlantNode, PlantOutline},
    reason::{ReasonRule, ReasonRules},
};
use gemba_domain::{
    equipment::Level,
    order::{OrderId, OrderStatus, ProductId},
};

use super::plant::{at, overview};

const LINE: &str = "acme/leeds/press-shop/press-line-2";

/// The outline of the overview's plant.
pub fn outline() -> PlantOutline {
    let mut nodes = Vec::new();
    for site in overview().sites {
        let offset = site.utc_offset_minutes;
        let node = |path, name, level| PlantNode {
            path,
            name,
            level,
            utc_offset_minutes: offset,
            ideal_cycle_seconds: (level == Level::Unit).then_some(3.4),
        };
        nodes.push(node(site.path, site.name, Level::Site));
        for area in site.areas {
            nodes.push(node(area.path, area.name, Level::Area));
            for line in area.lines {
                nodes.push(node(line.tile.path, line.tile.name, Level::Line));
                nodes.extend(line.units.into_iter().map(|unit| node(unit.path, unit.name, Level::Unit)));
            }
        }
    }
    PlantOutline { nodes, currency: "EUR".to_owned(), at: at() }
}

pub fn products() -> Products {
    let cycle = |unit: &str, seconds: f64, days: i64, local: &str| IdealCycle {
        unit: format!("{LINE}/{unit}").parse().unwrap(),
        seconds,
        valid_from: Some(at().plus_seconds(days * 86_400)),
        valid_from_local: Some(local.to_owned()),
    };
    let product = |code: &str, name: &str, margin_cents, ideal_cycles| ProductView {
        id: ProductId(uuid::Uuid::nil()),
        code: code.to_owned(),
        name: name.to_owned(),
        margin_cents,
        ideal_cycles,
    };
    let cycles = vec![
        cycle("press-2", 3.6, -90, "2026-08-26 06:00"),
        cycle("press-2", 3.4, -9, "2026-11-15 06:00"),
        cycle("press-2", 3.2, 4, "2026-11-28 06:00"),
    ];
    let products = vec![
        product("bracket-40", "Bracket 40 mm", Some(125), cycles),
        product("bracket-60", "Bracket 60 mm, galvanised", None, Vec::new()),
    ];
    Products { products }
}

/// Those of the statuses in the query.
pub fn orders(query: &str) -> Orders {
    let order = |code: &str, status, good: f64, due: Option<i64>, unit: &str| OrderView {
        id: OrderId(uuid::Uuid::nil()),
        code: code.to_owned(),
        product: "bracket-40".to_owned(),
        product_name: "Bracket 40 mm".to_owned(),
        quantity: 4000.0,
        due: due.map(|hours| at().plus_seconds(hours * 3600)),
        due_local: due.map(|hours| at().plus_seconds(hours * 3600).to_utc().format("%Y-%m-%d %H:%M").to_string()),
        at: format!("{LINE}{unit}").parse().unwrap(),
        status,
        good,
        scrap: if good > 0.0 { 12.0 } else { 0.0 },
        begun: (status != OrderStatus::Planned).then(|| at().plus_seconds(-9000)),
        finished: (status == OrderStatus::Finished).then(|| at().plus_seconds(-7200)),
        expected_end: (status == OrderStatus::Running).then(|| at().plus_seconds(5400)),
    };
    let all = [
        order("PO-48213", OrderStatus::Running, 2512.0, Some(1), ""),
        order("PO-48214", OrderStatus::Paused, 310.0, Some(-2), "/press-1"),
        order("PO-48215", OrderStatus::Planned, 0.0, Some(20), ""),
        order("PO-48216", OrderStatus::Planned, 0.0, None, "/press-3"),
        order("PO-48199", OrderStatus::Finished, 4002.0, Some(-3), ""),
    ];
    let wanted = |order: &OrderView| !query.contains("status=") || query.contains(order.status.as_str());
    Orders { orders: all.into_iter().filter(wanted).collect(), at: at() }
}

pub fn rules() -> ReasonRules {
    let rule = |name: &str, scope: &str, condition: &str, reason: &str| ReasonRule {
        name: name.to_owned(),
        scope: scope.to_owned(),
        condition: condition.to_owned(),
        reason: reason.to_owned(),
    };
    let rules = vec![
        rule("The machine names its sensor", LINE, "stop-reason like \"sensor*\"", "die-sensor"),
        rule("Short stop by the operator", "", "lasts < 2 min and cause like \"FEED_HOLD*\"", "hydraulics"),
    ];
    ReasonRules { rules }
}
