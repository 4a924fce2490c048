//! What the running shift came to on other days.

use gemba_contract::overview::{Earlier, EarlierShift, Overview};
use gemba_domain::{Timestamp, equipment::EquipmentPath};
use leptos::prelude::*;

use super::OverviewModel;
use crate::{
    api::Api,
    format::percent,
    ui::{Scope, page_of},
};

/// Known to all that stands on the overview.
#[derive(Clone, Copy)]
pub(super) struct EarlierShifts(RwSignal<Earlier>);

impl EarlierShifts {
    pub fn provide(earlier: Earlier) -> Self {
        let known = Self(RwSignal::new(earlier));
        provide_context(known);
        known
    }

    fn of(self, path: EquipmentPath) -> Memo<Vec<EarlierShift>> {
        Memo::new(move |_| {
            self.0
                .with(|earlier| earlier.nodes.iter().find(|node| node.path == path).map(|node| node.shifts.clone()))
                .unwrap_or_default()
        })
    }

    /// Asks again when another shift begins somewhere.
    pub fn keep_fresh(self, model: &OverviewModel, api: Api) {
        let sites = model.sites.clone();
        Effect::new(move |before: Option<Vec<Option<Timestamp>>>| {
            let begins: Vec<_> =
                sites.get().iter().map(|site| site.shift.with(|shift| shift.as_ref().map(|it| it.from))).collect();
            if before.is_some_and(|before| before != begins) {
                let api = api.clone();
                leptos::task::spawn_local(async move {
                    // What cannot be had now stays away: the figures themselves are live.
                    self.0.try_set(api.earlier().await.unwrap_or_default());
                });
            }
            begins
        });
    }
}

/// The overview and its earlier shifts, at once.
pub(super) async fn load(api: Api) -> Result<(Overview, Earlier), crate::api::ApiError> {
    let (overview, earlier) = futures::future::join(api.overview(), api.earlier()).await;
    Ok((overview?, earlier.unwrap_or_default()))
}

/// `yesterday 71.2`, `last week 68.4`: OEE of the whole shift, each leading to it.
#[component]
pub(super) fn EarlierFigures(path: EquipmentPath) -> impl IntoView {
    let shifts = use_context::<EarlierShifts>().map(|earlier| earlier.of(path.clone()));
    let figure = move |shift: EarlierShift| {
        let href = format!("{}{}", page_of(&path), Scope::default().over(shift.from, shift.to).query());
        let (day, title) = match shift.days {
            1 => ("yesterday", "OEE of this shift yesterday, the whole of it"),
            _ => ("last week", "OEE of this shift a week ago, the whole of it"),
        };
        view! {
            <a href=href title=title>
                {day}
                " "
                <b>{percent(shift.oee)}</b>
            </a>
        }
    };
    view! {
        <span class="earlier">
            {move || shifts.map(|shifts| shifts.get().into_iter().map(&figure).collect_view())}
        </span>
    }
    .into_any()
}
