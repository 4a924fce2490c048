use gemba_contract::session::Me;
use gemba_domain::Timestamp;
use leptos::prelude::*;
use leptos_router::components::{A, Outlet};

use crate::{
    api::{Api, ApiError},
    ui::{Announcer, LivePill, silence::Silence, theme::ThemeSwitch},
};

#[derive(Clone, Copy)]
struct Caller(Resource<Result<Me, ApiError>>);

/// The frame of every page behind the sign-in: navigation, and the page.
#[component]
pub(crate) fn Frame() -> impl IntoView {
    let api = Api::of_page();
    let me = Resource::new_blocking(
        || (),
        move |()| {
            let api = api.clone();
            async move { api.me().await }
        },
    );
    provide_context(Caller(me));
    let silence = Silence::watch();
    view! {
        <SkipLink />
        <div class="app">
            <nav class="nav" aria-label="Main">
                <Brand />
                <ul>
                    <li>
                        <A href="/" exact=true>
                            "Overview"
                        </A>
                    </li>
                    <li>
                        <A href="/orders">"Orders"</A>
                    </li>
                    <li>
                        <A href="/products">"Products"</A>
                    </li>
                    <li>
                        <A href="/reasons">"Reasons and rules"</A>
                    </li>
                    <li>{silence.link()}</li>
                </ul>
            </nav>
            <div class="content">
                {silence.notice()}
                <Outlet />
            </div>
        </div>
        {Announcer::of_page().map(Announcer::view)}
    }
    .into_any()
}

/// The first stop of the Tab key.
#[component]
pub(crate) fn SkipLink() -> impl IntoView {
    view! {
        <a class="skip-link" href="#main" rel="external">
            "Skip to the content"
        </a>
    }
}

/// Mark and name; leads home.
#[component]
pub(crate) fn Brand() -> impl IntoView {
    view! {
        <a class="brand" href="/">
            <svg viewBox="0 0 18 18" width="18" height="18" aria-hidden="true">
                <rect class="s-producing" width="9" height="18" />
                <rect class="s-stopped" x="10" width="2.5" height="18" />
                <rect class="s-producing" x="13.5" width="4.5" height="18" />
            </svg>
            "Gemba"
        </a>
    }
}

/// The strip above a page: what it shows, how fresh it is, and whose session it is.
#[component]
pub(crate) fn PageHeader(
    /// Minutes that the site's clocks are ahead of UTC.
    #[prop(into)]
    utc_offset_minutes: Signal<i32>,
    /// The newest sample on the page.
    #[prop(into)]
    newest: Signal<Option<Timestamp>>,
    /// The heading and what belongs beside it.
    children: Children,
) -> impl IntoView {
    view! {
        <header class="page-header">
            <div class="page-title">{children()}</div>
            <LivePill utc_offset_minutes=utc_offset_minutes newest=newest />
            <UserMenu />
        </header>
    }
    .into_any()
}

#[component]
fn UserMenu() -> impl IntoView {
    let caller = use_context::<Caller>();
    view! {
        <Suspense>
            {move || {
                Suspend::new(async move {
                    match caller {
                        Some(Caller(me)) => me.await.ok().map(|me| view! { <MenuOf me=me /> }),
                        None => None,
                    }
                })
            }}
        </Suspense>
    }
}

#[component]
fn MenuOf(me: Me) -> impl IntoView {
    let initial = me.username.chars().next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    view! {
        <details class="menu">
            <summary>
                <span class="avatar" aria-hidden="true">
                    {initial}
                </span>
                <span class="menu-name">{me.username.clone()}</span>
            </summary>
            <div class="menu-panel">
                <p>
                    <strong>{me.username}</strong>
                    <span class="muted">{me.role.as_str()}</span>
                </p>
                <ThemeSwitch />
                <a href="/account/password">"Change password"</a>
                <form method="post" action="/logout">
                    <button>"Sign out"</button>
                </form>
            </div>
        </details>
    }
    .into_any()
}
