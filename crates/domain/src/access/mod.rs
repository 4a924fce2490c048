//! Who may do what: roles, actions, and the one policy table.

use serde::{Deserialize, Serialize};

use crate::signal::words;

/// What a user is to the plant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Works at the line.
    Operator,
    /// Answers for figures.
    Manager,
    /// Answers for the system and its security.
    Admin,
}

words!(Role { Operator => "operator", Manager => "manager", Admin => "admin" });

/// What can be asked for. Every route and live topic names the action it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// See who is signed in, sign out, change one's own password.
    UseOwnSession,
    /// See the plant, its figures and its signals.
    ViewPlant,
    /// Say why a unit stood, write to an hour or a shift.
    ExplainStops,
    /// Start, pause and finish production orders.
    RunOrders,
    /// Change products, ideal cycles, orders, reasons, rules and calendars.
    ChangeMasterData,
    /// Change equipment and signals.
    ChangePlant,
    /// See and change users and collectors.
    Administer,
}

words!(Action {
    UseOwnSession => "use_own_session", ViewPlant => "view_plant",
    ExplainStops => "explain_stops", RunOrders => "run_orders", ChangeMasterData => "change_master_data",
    ChangePlant => "change_plant", Administer => "administer",
});

/// Whether `role` may do `action`. This table is the only place that says so.
pub const fn permits(role: Role, action: Action) -> bool {
    match action {
        Action::UseOwnSession | Action::ViewPlant | Action::ExplainStops | Action::RunOrders => true,
        Action::ChangeMasterData => matches!(role, Role::Manager | Role::Admin),
        Action::ChangePlant | Action::Administer => matches!(role, Role::Admin),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_table() {
        let rows: Vec<String> = Action::ALL
            .iter()
            .map(|a| {
                let who: Vec<_> = Role::ALL.iter().filter(|r| permits(**r, *a)).map(|r| r.as_str()).collect();
                format!("{}: {}", a.as_str(), who.join(" "))
            })
            .collect();
        assert_eq!(
            rows,
            [
                "use_own_session: operator manager admin",
                "view_plant: operator manager admin",
                "explain_stops: operator manager admin",
                "run_orders: operator manager admin",
                "change_master_data: manager admin",
                "change_plant: admin",
                "administer: admin",
            ]
        );
    }
}
