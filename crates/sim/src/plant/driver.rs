//! The model along the wall clock.

use std::time::Duration;

use gemba_domain::Timestamp;

use super::model::Plant;
use crate::agent::{Adapter, PushError};

/// How often the agent is fed.
const STEP: Duration = Duration::from_millis(100);

/// Drives the plant along the wall clock and feeds the agent, until dropped. When the process was held up
/// (suspended, starved of processor time) what happened meanwhile is reported afterwards, at its own time.
///
/// # Errors
/// The agent does not know an item of the plant: it was made with other devices.
pub async fn run(mut plant: Plant, adapter: Adapter) -> Result<(), PushError> {
    let clock = plant.clock();
    let codes = plant.unit_codes();
    let mut steps = tokio::time::interval(STEP);
    steps.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        steps.tick().await;
        let now = Timestamp::from(chrono::Utc::now());
        let reports = plant.advance(clock.model(now));
        if reports.is_empty() {
            continue;
        }
        let ids: Vec<String> =
            reports.iter().map(|r| format!("{}-{}", codes.get(r.unit).copied().unwrap_or_default(), r.item)).collect();
        let observations = ids.iter().zip(reports).map(|(id, r)| (id.as_str(), clock.wall(r.at), r.value));
        adapter.push_all(observations)?;
    }
}
