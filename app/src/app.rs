use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::{
    Lazy, SsrMode,
    components::{ParentRoute, Route, Router, Routes},
    path,
};

use crate::{
    chunk::chunk,
    clock::Clock,
    live::Live,
    overview::OverviewPage,
    session::{LoginPage, PasswordPage},
    ui::{Announcer, Frame, NotFoundPage},
    unit::UnitPage,
};

chunk!(OverviewRoute: OverviewPage in overview);
chunk!(UnitRoute: UnitPage in unit);

/// All pages. On the server it needs the contexts named in the crate's documentation.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    let clock = Clock::provide();
    Announcer::provide(clock);
    Live::provide(clock);
    view! {
        <Title formatter=|title: String| if title.is_empty() { "Gemba".to_owned() } else { format!("{title} · Gemba") } />
        <Router>
            <Routes fallback=NotFoundPage>
                <Route path=path!("/login") view=LoginPage ssr=SsrMode::Async />
                <Route path=path!("/account/password") view=PasswordPage ssr=SsrMode::Async />
                <ParentRoute path=path!("") view=Frame>
                    <Route path=path!("") view={Lazy::<OverviewRoute>::new()} ssr=SsrMode::Async />
                    <Route path=path!("units/*path") view={Lazy::<UnitRoute>::new()} ssr=SsrMode::Async />
                </ParentRoute>
            </Routes>
        </Router>
    }
}
