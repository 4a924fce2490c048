//! Tells on every page that a collector is silent: what the page shows of its units is old.

use gemba_contract::collector::{CollectorCondition, CollectorConditions};
use gemba_domain::collector::Condition;
use leptos::prelude::*;
use leptos_router::components::A;

/// How often it is asked for.
#[cfg(feature = "hydrate")]
const ASKED_SECONDS: u64 = 10;

/// What the frame knows of the collectors: nothing until the browser asked once.
#[derive(Clone, Copy)]
pub(super) struct Silence(RwSignal<Option<CollectorConditions>>);

impl Silence {
    pub fn watch() -> Self {
        let silence = Self(RwSignal::new(None));
        #[cfg(feature = "hydrate")]
        silence.ask();
        silence
    }

    #[cfg(feature = "hydrate")]
    fn ask(self) {
        let api = crate::api::Api::of_page();
        Effect::new(move |_| {
            let api = api.clone();
            let ask = move || {
                let api = api.clone();
                leptos::task::spawn_local(async move {
                    // The pill tells when the server does not answer.
                    if let Ok(conditions) = api.collector_conditions().await {
                        self.0.try_set(Some(conditions));
                    }
                });
            };
            ask();
            if let Ok(ticker) = set_interval_with_handle(ask, std::time::Duration::from_secs(ASKED_SECONDS)) {
                on_cleanup(move || ticker.clear());
            }
        });
    }

    /// The link in the navigation, with how many need looking after.
    pub fn link(self) -> impl IntoView {
        let trouble = Memo::new(move |_| {
            let count =
                |all: &CollectorConditions| all.collectors.iter().filter(|it| it.condition.is_trouble()).count();
            self.0.with(|all| all.as_ref().map_or(0, count))
        });
        let badge = move || {
            let count = trouble.get();
            let words = if count == 1 { " needs looking after" } else { " need looking after" };
            (count > 0).then(|| {
                view! {
                    <span class="badge">
                        {count} <span class="visually-hidden">{words}</span>
                    </span>
                }
            })
        };
        view! {
            <A href="/collectors">"Collectors" {badge}</A>
        }
    }

    /// The notice above the page.
    pub fn notice(self) -> impl IntoView {
        let text = Memo::new(move |_| self.0.with(|all| all.as_ref().and_then(told)));
        view! {
            <div role="status">
                {move || {
                    text.get()
                        .map(|text| {
                            view! {
                                <p class="silence">
                                    {text} " " <a class="link" href="/collectors">
                                        "Look at the collectors"
                                    </a>
                                </p>
                            }
                        })
                }}
            </div>
        }
    }
}

/// In words; changes only with what is silent, so that it is not read out again and again.
fn told(all: &CollectorConditions) -> Option<String> {
    let silent: Vec<&CollectorCondition> =
        all.collectors.iter().filter(|it| it.condition == Condition::Silent).collect();
    let units: u32 = silent.iter().map(|it| it.units).sum();
    let names = silent.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join(", ");
    let of = if units == 1 { "1 unit".to_owned() } else { format!("{units} units") };
    match silent.len() {
        0 => None,
        1 => Some(format!("The collector {names} is silent: nothing new is known of {of}.")),
        _ => Some(format!("The collectors {names} are silent: nothing new is known of {of}.")),
    }
}
