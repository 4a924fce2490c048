use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::{
    Lazy, SsrMode,
    components::{ParentRoute, Route, Router, Routes},
    path,
};

use crate::{
    andon::AndonPage,
    calendar::CalendarPage,
    chunk::chunk,
    clock::Clock,
    collectors::CollectorsPage,
    compare::ComparePage,
    derivation::DerivationPage,
    line::LinePage,
    live::Live,
    orders::OrdersPage,
    overview::OverviewPage,
    products::ProductsPage,
    reasons::ReasonsPage,
    session::{LoginPage, PasswordPage},
    ui::{Announcer, Frame, NotFoundPage},
    unit::UnitPage,
};

chunk!(OverviewRoute: OverviewPage in overview);
chunk!(UnitRoute: UnitPage in unit);
chunk!(AndonRoute: AndonPage in andon);
// Who asks for one of these goes on to the others.
chunk!(LineRoute: LinePage in figures);
chunk!(DerivationRoute: DerivationPage in figures);
chunk!(CompareRoute: ComparePage in figures);
// What is planned and kept, at a desk.
chunk!(CollectorsRoute: CollectorsPage in plans);
chunk!(CalendarRoute: CalendarPage in plans);
chunk!(OrdersRoute: OrdersPage in plans);
chunk!(ProductsRoute: ProductsPage in plans);
chunk!(ReasonsRoute: ReasonsPage in plans);

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
                <Route path=path!("/andon/*path") view={Lazy::<AndonRoute>::new()} ssr=SsrMode::Async />
                <ParentRoute path=path!("") view=Frame>
                    <Route path=path!("") view={Lazy::<OverviewRoute>::new()} ssr=SsrMode::Async />
                    <Route path=path!("lines/*path") view={Lazy::<LineRoute>::new()} ssr=SsrMode::Async />
                    <Route path=path!("derivation/*path") view={Lazy::<DerivationRoute>::new()} ssr=SsrMode::Async />
                    <Route path=path!("compare/*path") view={Lazy::<CompareRoute>::new()} ssr=SsrMode::Async />
                    <Route path=path!("units/*path") view={Lazy::<UnitRoute>::new()} ssr=SsrMode::Async />
                    <Route path=path!("calendar/*path") view={Lazy::<CalendarRoute>::new()} ssr=SsrMode::Async />
                    <Route path=path!("collectors") view={Lazy::<CollectorsRoute>::new()} ssr=SsrMode::Async />
                    <Route path=path!("orders") view={Lazy::<OrdersRoute>::new()} ssr=SsrMode::Async />
                    <Route path=path!("products") view={Lazy::<ProductsRoute>::new()} ssr=SsrMode::Async />
                    <Route path=path!("reasons") view={Lazy::<ReasonsRoute>::new()} ssr=SsrMode::Async />
                </ParentRoute>
            </Routes>
        </Router>
    }
}
