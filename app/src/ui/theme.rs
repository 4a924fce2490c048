use leptos::prelude::*;

#[cfg(feature = "hydrate")]
use crate::shell::Theme;

/// System, light or dark. Needs JavaScript; without it the system's theme rules and nothing is shown.
#[component]
pub(crate) fn ThemeSwitch() -> impl IntoView {
    let chosen = RwSignal::new(None::<&'static str>);
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| {
        let theme = document().document_element().and_then(|html| html.get_attribute("data-theme"));
        chosen.set(Some(theme.and_then(|word| Theme::from_word(&word)).map_or("system", Theme::as_str)));
    });
    let button = move |word: &'static str, text: &'static str| {
        view! {
            <button
                type="button"
                aria-pressed=move || (chosen.get() == Some(word)).to_string()
                on:click=move |_| {
                    apply(word);
                    chosen.set(Some(word));
                }
            >
                {text}
            </button>
        }
    };
    view! {
        <div class="theme-switch" role="group" aria-label="Colours" hidden=move || chosen.get().is_none()>
            {button("system", "System")}
            {button("light", "Light")}
            {button("dark", "Dark")}
        </div>
    }
}

/// Shows the theme and keeps it in the cookie for a year.
#[cfg(feature = "hydrate")]
fn apply(word: &str) {
    use wasm_bindgen::JsCast;
    let theme = Theme::from_word(word);
    let Some(html) = document().document_element() else { return };
    let cookie = match theme {
        Some(theme) => {
            drop(html.set_attribute("data-theme", theme.as_str()));
            format!("{}={}; path=/; max-age=31536000; samesite=lax", Theme::COOKIE, theme.as_str())
        }
        None => {
            drop(html.remove_attribute("data-theme"));
            format!("{}=; path=/; max-age=0; samesite=lax", Theme::COOKIE)
        }
    };
    if let Ok(document) = document().dyn_into::<web_sys::HtmlDocument>() {
        // Without cookies the choice holds until the page is left.
        drop(document.set_cookie(&cookie));
    }
}

#[cfg(not(feature = "hydrate"))]
fn apply(_word: &str) {}
