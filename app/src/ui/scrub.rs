use leptos::{ev, prelude::*};

/// A surface over time that is read by pointing at it, or by the arrow keys. The position is a share
/// of its width, 0 to 1; `None` while nobody reads.
#[component]
pub(crate) fn Scrub(
    /// What is read, for those who hear the page.
    label: &'static str,
    position: RwSignal<Option<f64>>,
    /// Where the arrow keys stop, ascending.
    #[prop(into)]
    stops: Signal<Vec<f64>>,
    /// What stands at the position.
    #[prop(into)]
    text: Signal<String>,
    children: Children,
) -> impl IntoView {
    let on_key = move |event: ev::KeyboardEvent| {
        let here = position.get_untracked();
        let to = stops.with_untracked(|stops| step(stops, here, &event.key()));
        if let Some(to) = to {
            event.prevent_default();
            position.set(Some(to));
        } else if event.key() == "Escape" {
            position.set(None);
        }
    };
    let x = move || format!("{:.2}%", position.get().unwrap_or(0.0) * 100.0);
    view! {
        <div
            class="scrub"
            role="slider"
            tabindex="0"
            aria-label=label
            aria-valuemin="0"
            aria-valuemax="100"
            aria-valuenow=move || format!("{:.0}", position.get().unwrap_or(1.0) * 100.0)
            aria-valuetext=move || text.get()
            on:pointermove=move |event| position.set(share_of_width(&event))
            on:pointerdown=move |event| position.set(share_of_width(&event))
            on:pointerleave=move |_| position.set(None)
            on:blur=move |_| position.set(None)
            on:keydown=on_key
        >
            {children()}
            <svg class="scrub-cursor" aria-hidden="true">
                <line x1=x x2=x y1="0" y2="100%" visibility=move || if position.get().is_some() { "visible" } else { "hidden" } />
            </svg>
        </div>
    }
    .into_any()
}

/// Where a key leads.
fn step(stops: &[f64], here: Option<f64>, key: &str) -> Option<f64> {
    const SAME: f64 = 1e-9;
    match key {
        "ArrowLeft" | "ArrowDown" => match here {
            Some(here) => stops.iter().rev().find(|s| **s < here - SAME).or(stops.first()).copied(),
            None => stops.last().copied(),
        },
        "ArrowRight" | "ArrowUp" => match here {
            Some(here) => stops.iter().find(|s| **s > here + SAME).or(stops.last()).copied(),
            None => stops.first().copied(),
        },
        "Home" => stops.first().copied(),
        "End" => stops.last().copied(),
        _ => None,
    }
}

#[cfg(feature = "hydrate")]
fn share_of_width(event: &ev::PointerEvent) -> Option<f64> {
    use wasm_bindgen::JsCast;
    let surface = event.current_target()?.dyn_into::<web_sys::Element>().ok()?.get_bounding_client_rect();
    let share = (f64::from(event.client_x()) - surface.left()) / surface.width();
    share.is_finite().then(|| share.clamp(0.0, 1.0))
}

#[cfg(not(feature = "hydrate"))]
fn share_of_width(_event: &ev::PointerEvent) -> Option<f64> {
    None
}

#[cfg(test)]
mod tests {
    use super::step;

    #[test]
    fn arrows_go_from_stop_to_stop() {
        let stops = [0.1, 0.5, 0.9];
        assert_eq!(step(&stops, None, "ArrowLeft"), Some(0.9));
        assert_eq!(step(&stops, Some(0.9), "ArrowLeft"), Some(0.5));
        assert_eq!(step(&stops, Some(0.1), "ArrowLeft"), Some(0.1));
        assert_eq!(step(&stops, Some(0.3), "ArrowRight"), Some(0.5));
        assert_eq!(step(&stops, Some(0.95), "ArrowRight"), Some(0.9));
        assert_eq!(step(&stops, Some(0.3), "End"), Some(0.9));
        assert_eq!(step(&stops, Some(0.3), "a"), None);
        assert_eq!(step(&[], Some(0.3), "Home"), None);
    }
}
