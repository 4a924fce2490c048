//! Names and clocks of the plant's equipment.

use gemba_contract::plant::{PlantNode, PlantOutline};
use gemba_domain::{
    Timestamp,
    equipment::{EquipmentPath, Level},
};

use crate::format::day_and_time;

fn node<'a>(plant: &'a PlantOutline, path: &str) -> Option<&'a PlantNode> {
    plant.nodes.iter().find(|node| node.path.as_str() == path)
}

/// `Press line 1`, and of a unit `Press 2, Press line 1`; its path where the plant has no such thing.
pub(crate) fn place_name(plant: &PlantOutline, path: &EquipmentPath) -> String {
    let Some(found) = node(plant, path.as_str()) else { return path.to_string() };
    let line = path.parent().filter(|_| found.level == Level::Unit);
    match line.and_then(|line| node(plant, line.as_str())) {
        Some(line) => format!("{}, {}", found.name, line.name),
        None => found.name.clone(),
    }
}

/// Minutes that the clocks there are ahead of UTC; those of the first site where the plant has no such thing.
pub(crate) fn offset_at(plant: &PlantOutline, path: &str) -> i32 {
    node(plant, path).or(plant.nodes.first()).map_or(0, |node| node.utc_offset_minutes)
}

/// A moment by the clocks there.
pub(crate) fn time_at(plant: &PlantOutline, path: &EquipmentPath, at: Timestamp) -> String {
    day_and_time(at, offset_at(plant, path.as_str()))
}

/// Paths and names of what can be chosen, of these levels. Of several sites each name says which.
pub(crate) fn places(plant: &PlantOutline, levels: &[Level]) -> Vec<(String, String)> {
    let sites = plant.nodes.iter().filter(|node| node.level == Level::Site).count();
    let named = |node: &PlantNode| {
        let name = place_name(plant, &node.path);
        let site = plant.nodes.iter().find(|site| site.level == Level::Site && node.path.is_within(&site.path));
        match site.filter(|site| sites > 1 && site.path != node.path) {
            Some(site) => format!("{name}, {}", site.name),
            None => name,
        }
    };
    let of_level = plant.nodes.iter().filter(|node| levels.contains(&node.level));
    of_level.map(|node| (node.path.to_string(), named(node))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_by_their_names() {
        let node = |path: &str, name: &str, level| PlantNode {
            path: path.parse().expect("a path"),
            name: name.to_owned(),
            level,
            utc_offset_minutes: 60,
            ideal_cycle_seconds: None,
        };
        let nodes = vec![
            node("acme/leeds", "Leeds", Level::Site),
            node("acme/leeds/shop/line-1", "Line 1", Level::Line),
            node("acme/leeds/shop/line-1/press-2", "Press 2", Level::Unit),
        ];
        let plant = PlantOutline { nodes, ..PlantOutline::default() };
        let unit: EquipmentPath = "acme/leeds/shop/line-1/press-2".parse().expect("a path");
        assert_eq!(place_name(&plant, &unit), "Press 2, Line 1");
        assert_eq!(place_name(&plant, &"acme/york".parse().expect("a path")), "acme/york");
        let lines = places(&plant, &[Level::Line]);
        assert_eq!(lines, [("acme/leeds/shop/line-1".to_owned(), "Line 1".to_owned())]);
        assert_eq!(offset_at(&plant, "acme/york"), 60);
    }
}
