//! One area of the overview: its own figures, and its lines.

use leptos::prelude::*;

use super::{
    earlier::EarlierFigures,
    figures::{count_pair, target_gap},
    line::LineCard,
    model::AreaModel,
};
use crate::format::percent;

#[component]
pub(super) fn Area(area: AreaModel, utc_offset_minutes: Signal<i32>) -> impl IntoView {
    let AreaModel { path, name, kpi, count, lines } = area;
    // Areas of two sites may have the same code.
    let heading = format!("area-{}", path.as_str().replace('/', "-"));
    let oee = Memo::new(move |_| kpi.with(|kpi| (percent(kpi.oee), target_gap(kpi))));
    let count = Memo::new(move |_| count.with(count_pair));
    let none = Memo::new({
        let lines = lines.clone();
        move |_| lines.with(Vec::is_empty)
    });
    view! {
        <section class="area" aria-labelledby=heading.clone()>
            <div class="area-heading">
                <h3 id=heading.clone()>
                    <a href=format!("/compare/{path}")>{move || name.get()}</a>
                </h3>
                <p class="area-oee">
                    <b>{move || oee.get().0}</b>
                    " % OEE "
                    <span data-trend=move || oee.get().1.1 title="Difference from the target, in percentage points">
                        {move || oee.get().1.0}
                    </span>
                </p>
                <EarlierFigures path=path.clone() />
                <p>
                    <b>{move || count.get().0}</b>
                    {move || format!(" good {}", count.get().1)}
                </p>
                <a class="link" href=format!("/andon/{path}")>
                    "Andon board"
                </a>
            </div>
            <Show when=move || none.get()>
                <p class="card empty">"This area has no lines. Add them to the plant file and import it again."</p>
            </Show>
            <For each=move || lines.get() key=|line| line.tile.id let:line>
                <LineCard line=line utc_offset_minutes=utc_offset_minutes />
            </For>
        </section>
    }
    .into_any()
}
