//! Days and shifts as a grid.

use chrono::{Datelike, NaiveDate, Weekday};
use gemba_contract::calendar::{CalendarView, ClosureView, ShiftOfDay};
use leptos::prelude::*;

/// Names of the shifts in the order of their first begin on a day.
fn columns(shifts: &[ShiftOfDay]) -> Vec<String> {
    let mut found: Vec<(&str, &str)> = Vec::new();
    for shift in shifts {
        match found.iter_mut().find(|(name, _)| *name == shift.name) {
            Some(known) => known.1 = known.1.min(&shift.from_local),
            None => found.push((&shift.name, &shift.from_local)),
        }
    }
    found.sort_by_key(|(_, from)| *from);
    found.into_iter().map(|(name, _)| name.to_owned()).collect()
}

fn touches(closure: &ClosureView, day: NaiveDate) -> bool {
    let midnight = format!("{day} 00:00");
    closure.from_local.get(..10).is_some_and(|from| from <= &*day.to_string()) && closure.to_local > midnight
}

#[component]
pub(super) fn Weeks(calendar: RwSignal<CalendarView>) -> impl IntoView {
    move || {
        let view = calendar.get();
        let columns = columns(&view.shifts);
        let heads = columns.iter().map(|name| view! { <th scope="col">{name.clone()}</th> }).collect_view();
        let rows = view.days.iter().map(|day| day_row(*day, &columns, &view)).collect_view();
        view! {
            <div class="table-scroll" tabindex="0" role="region" aria-label="Shifts of the coming two weeks">
                <table class="table weeks">
                    <thead>
                        <tr>
                            <th scope="col">"Day"</th>
                            {heads}
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        }
    }
}

fn day_row(day: NaiveDate, columns: &[String], view: &CalendarView) -> impl IntoView + use<> {
    let closed = view.closures.iter().filter(|closure| touches(closure, day)).map(|closure| {
        view! { <span class="tag closure" data-kind=closure.kind.clone()>{closure.name.clone()}</span> }
    });
    let closed = closed.collect_view();
    let cells = columns.iter().map(|name| {
        let of_day: Vec<_> =
            view.shifts.iter().filter(|shift| shift.day == day && shift.name == *name).map(cell).collect();
        if of_day.is_empty() {
            view! { <td class="none">"–"</td> }.into_any()
        } else {
            view! { <td>{of_day}</td> }.into_any()
        }
    });
    let cells = cells.collect_view();
    let weekend = matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
    view! {
        <tr data-weekend=weekend.to_string()>
            <th scope="row">{day.format("%a %-d %b").to_string()} {closed}</th>
            {cells}
        </tr>
    }
}

fn cell(shift: &ShiftOfDay) -> impl IntoView + use<> {
    let breaks = (!shift.breaks_local.is_empty()).then(|| format!("breaks {}", shift.breaks_local.join(", ")));
    let stops = (!shift.planned_stops_local.is_empty())
        .then(|| format!("planned stop {}", shift.planned_stops_local.join(", ")));
    let clocks = match shift.clock_change_minutes {
        0 => None,
        more if more > 0 => Some(format!("{more} min longer: clocks go back")),
        less => Some(format!("{} min shorter: clocks go forward", -less)),
    };
    let note = |text: String| view! { <span class="note">{text}</span> };
    view! {
        <div class="shift">
            {shift.team.clone().map(|team| view! { <strong>{team}</strong> })}
            <span class="times">{format!("{}–{}", shift.from_local, shift.to_local)}</span>
            {breaks.map(note)}
            {stops.map(|text| view! { <span class="note" data-trend="warn">{text}</span> })}
            {clocks.map(|text| view! { <span class="note" data-trend="warn">{text}</span> })}
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closure_touches_the_days_it_takes_time_of() {
        let closure = ClosureView {
            name: "Christmas".into(),
            kind: "holiday".into(),
            from: gemba_domain::Timestamp::from_seconds(0),
            to: gemba_domain::Timestamp::from_seconds(1),
            from_local: "2026-12-24 14:00".into(),
            to_local: "2026-12-27 00:00".into(),
            begun: false,
        };
        let touched = |day: &str| touches(&closure, day.parse().expect("a date"));
        assert!(!touched("2026-12-23") && touched("2026-12-24") && touched("2026-12-26") && !touched("2026-12-27"));
    }
}
