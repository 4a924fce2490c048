use gemba_domain::state::UnitState;

/// The word people read for a state.
pub const fn state_word(state: UnitState) -> &'static str {
    match state {
        UnitState::Producing => "Producing",
        UnitState::Setup => "Set-up",
        UnitState::Stopped => "Stopped",
        UnitState::Blocked => "Blocked",
        UnitState::Starved => "Starved",
        UnitState::Idle => "Idle",
        UnitState::Maintenance => "Maintenance",
        UnitState::Off => "Off",
        UnitState::Unknown => "No data",
    }
}

/// `Late shift`, also where the shift is named `Late`.
pub fn shift_title(name: &str) -> String {
    if name.to_lowercase().contains("shift") { name.to_owned() } else { format!("{name} shift") }
}
