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
    /// Takes the stretch, as shares of the width, that was dragged over or asked for by `+` and `-`; beyond 0 to 1 when that
    /// leads out of what is shown.
    #[prop(optional, into)]
    zoom: Option<Callback<(f64, f64)>>,
    children: Children,
) -> impl IntoView {
    let begun = RwSignal::new(None::<f64>);
    let dragged = move || {
        let (from, to) = (begun.get()?, position.get()?);
        ((to - from).abs() > LEAST_DRAG).then(|| (from.min(to), from.max(to)))
    };
    let on_up = move |_| {
        let stretch = untrack(dragged);
        begun.set(None);
        if let Some((stretch, zoom)) = stretch.zip(zoom) {
            zoom.run(stretch);
        }
    };
    let on_key = move |event: ev::KeyboardEvent| {
        if let Some((stretch, zoom)) = zoomed(position.get_untracked(), &event.key()).zip(zoom) {
            event.prevent_default();
            zoom.run(stretch);
            return;
        }
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
            on:pointerdown=move |event| {
                let here = share_of_width(&event);
                position.set(here);
                // A finger scrolls the page.
                if zoom.is_some() && event.pointer_type() == "mouse" && event.button() == 0 {
                    begun.set(here);
                }
            }
            on:pointerup=on_up
            on:pointerleave=move |_| {
                begun.set(None);
                position.set(None);
            }
            on:blur=move |_| position.set(None)
            on:keydown=on_key
        >
            {children()}
            <svg class="scrub-cursor" aria-hidden="true">
                <rect
                    x=move || format!("{:.2}%", dragged().map_or(0.0, |d| d.0) * 100.0)
                    width=move || format!("{:.2}%", dragged().map_or(0.0, |d| d.1 - d.0) * 100.0)
                    height="100%"
                />
                <line x1=x x2=x y1="0" y2="100%" visibility=move || if position.get().is_some() { "visible" } else { "hidden" } />
            </svg>
        </div>
    }
    .into_any()
}

/// A drag over less of the width than this is a click.
const LEAST_DRAG: f64 = 0.005;

/// The stretch that a key zooms to, about where the reader is.
fn zoomed(here: Option<f64>, key: &str) -> Option<(f64, f64)> {
    let here = here.unwrap_or(0.5);
    match key {
        "+" | "=" => Some((here - here / 2.0, here + (1.0 - here) / 2.0)),
        "-" => Some((-0.5, 1.5)),
        _ => None,
    }
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
    use super::{step, zoomed};

    #[test]
    fn zooming_keeps_what_is_read_where_it_is() {
        assert_eq!(zoomed(Some(0.25), "+"), Some((0.125, 0.625)));
        assert_eq!(zoomed(None, "="), Some((0.25, 0.75)));
        assert_eq!(zoomed(Some(0.25), "-"), Some((-0.5, 1.5)));
        assert_eq!(zoomed(Some(0.25), "Home"), None);
    }

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
