use std::collections::VecDeque;

use leptos::prelude::*;

use crate::{clock::Clock, format::state_word, overview::StateChange};

/// Seconds between two announcements, so that a busy plant does not talk without end.
#[cfg(feature = "hydrate")]
const PAUSE_SECONDS: i64 = 5;

/// Says changes of state to people who hear the page instead of seeing it.
#[derive(Clone, Copy)]
pub(crate) struct Announcer {
    said: RwSignal<String>,
    waiting: StoredValue<VecDeque<StateChange>>,
}

impl Announcer {
    pub fn provide(clock: Clock) {
        let announcer = Self { said: RwSignal::new(String::new()), waiting: StoredValue::new(VecDeque::new()) };
        provide_context(announcer);
        #[cfg(feature = "hydrate")]
        Effect::new(move |last: Option<i64>| {
            let second = clock.now().micros() / 1_000_000;
            let last = last.unwrap_or(second);
            if second - last < PAUSE_SECONDS {
                return last;
            }
            if let Some(text) = announcer.waiting.try_update_value(sentence).flatten() {
                announcer.said.set(text);
            }
            second
        });
        #[cfg(not(feature = "hydrate"))]
        let _ = clock;
    }

    pub fn of_page() -> Option<Self> {
        use_context()
    }

    pub fn say(&self, changes: Vec<StateChange>) {
        self.waiting.update_value(|waiting| {
            for change in changes {
                // Only the newest state of each counts.
                waiting.retain(|earlier| earlier.name != change.name);
                waiting.push_back(change);
            }
        });
    }

    /// The live region.
    pub fn view(self) -> impl IntoView {
        view! {
            <div class="visually-hidden" role="status" aria-live="polite">
                {move || self.said.get()}
            </div>
        }
    }
}

/// What is waiting, in one sentence; empties the queue.
#[cfg_attr(not(any(feature = "hydrate", test)), expect(dead_code, reason = "only the browser speaks"))]
fn sentence(waiting: &mut VecDeque<StateChange>) -> Option<String> {
    const NAMED: usize = 3;
    if waiting.is_empty() {
        return None;
    }
    let named: Vec<String> =
        waiting.iter().take(NAMED).map(|c| format!("{}: {}", c.name, state_word(c.state).to_lowercase())).collect();
    let more = waiting.len().saturating_sub(NAMED);
    waiting.clear();
    let mut text = named.join("; ");
    if more > 0 {
        text.push_str(&format!("; and {more} more changed"));
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use gemba_domain::state::UnitState;

    use super::*;

    #[test]
    fn three_are_named_and_the_rest_counted() {
        let mut waiting: VecDeque<StateChange> =
            (1..=5).map(|n| StateChange { name: format!("Press {n}"), state: UnitState::Stopped }).collect();
        assert_eq!(
            sentence(&mut waiting).as_deref(),
            Some("Press 1: stopped; Press 2: stopped; Press 3: stopped; and 2 more changed")
        );
        assert_eq!(sentence(&mut waiting), None);
    }
}
