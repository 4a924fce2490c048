//! What a line's page shows, as signals: the report, what is true right now, and what a person is about to change.

use gemba_contract::{
    live::{Snapshot, TileDelta},
    overview::{Overview, SiteOverview, Tile, TileNow},
    reason::ReasonTree,
    report::{Report, Stop},
};
use gemba_domain::{Timestamp, equipment::EquipmentId, state::UnitState};
use leptos::prelude::*;

use crate::{
    api::{Api, ApiError},
    live::Event,
    ui::Scope,
};

/// A report is not asked for more often than this.
const LEAST_SECONDS: f64 = 5.0;
/// What no state tells (pieces, hours that end) is asked for this often.
const MOST_SECONDS: f64 = 60.0;

#[derive(Clone, Copy)]
pub(super) struct LineModel {
    pub report: RwSignal<Report>,
    pub scope: Memo<Scope>,
    /// The present; only when the period holds it.
    pub now: RwSignal<Option<TileNow>>,
    pub reasons: StoredValue<ReasonTree>,
    /// The stop that a person is giving a reason.
    pub explained: RwSignal<Option<Stop>>,
    /// Why the period that was asked for last is not shown.
    pub failed: RwSignal<Option<ApiError>>,
    /// Scripts run: what needs them can be used.
    pub ready: RwSignal<bool>,
    api: StoredValue<Api>,
    watched: StoredValue<Vec<(EquipmentId, UnitState, Timestamp)>>,
    wanted: StoredValue<bool>,
    asked: StoredValue<Timestamp>,
}

impl LineModel {
    pub fn new(report: Report, reasons: ReasonTree, scope: Memo<Scope>) -> Self {
        let model = Self {
            now: RwSignal::new(report.now.clone()),
            asked: StoredValue::new(report.at),
            report: RwSignal::new(report),
            scope,
            reasons: StoredValue::new(reasons),
            explained: RwSignal::new(None),
            failed: RwSignal::new(None),
            ready: RwSignal::new(false),
            api: StoredValue::new(Api::of_page()),
            watched: StoredValue::new(Vec::new()),
            wanted: StoredValue::new(false),
        };
        Effect::new(move |_| model.ready.set(true));
        model
    }

    /// Minutes that the site's clocks are ahead of UTC.
    pub fn offset(self) -> i32 {
        self.report.with(|r| r.utc_offset_minutes)
    }

    pub fn api(self) -> Api {
        self.api.get_value()
    }

    /// News of the plant. A state that changed makes the report worth asking for again.
    pub fn hear(self, event: Event) {
        match event {
            Event::Snapshot(data) => {
                if let Snapshot::Overview(overview) = *data {
                    self.see(&overview);
                }
            }
            Event::Delta { tiles, .. } => tiles.into_iter().for_each(|tile| self.apply(tile)),
        }
    }

    /// The line with its units, or the unit, in the whole plant.
    fn see(self, overview: &Overview) {
        let (id, path) = self.report.with_untracked(|r| (r.id, r.path.clone()));
        let lines = overview.sites.iter().flat_map(SiteOverview::lines);
        let own = |tile: &&Tile| tile.id == id;
        let Some((line, tile)) =
            lines.filter_map(|line| Some((line, std::iter::once(&line.tile).chain(&line.units).find(own)?))).next()
        else {
            return;
        };
        let known: Vec<_> = std::iter::once(&line.tile)
            .chain(&line.units)
            .filter(|tile| tile.path.is_within(&path))
            .map(|tile| (tile.id, tile.now.state, tile.now.since))
            .collect();
        let before = self.watched.get_value();
        if !before.is_empty() && before != known {
            self.wanted.set_value(true);
        }
        self.watched.set_value(known);
        self.show_now(&tile.now);
    }

    fn apply(self, TileDelta { id, now }: TileDelta) {
        let changed = self.watched.try_update_value(|watched| {
            watched.iter_mut().find(|w| w.0 == id).is_some_and(|known| {
                let new = (id, now.state, now.since);
                std::mem::replace(known, new) != new
            })
        });
        if changed == Some(true) {
            self.wanted.set_value(true);
        }
        if self.report.with_untracked(|r| r.id == id) {
            self.show_now(&now);
        }
    }

    fn show_now(self, now: &TileNow) {
        if self.now.with_untracked(|known| known.as_ref().is_some_and(|known| known != now)) {
            self.now.set(Some(now.clone()));
        }
    }

    /// The report as it is now; also after a person has changed something.
    pub fn ask_again(self) {
        self.ask(false);
    }

    /// `told`: a person waits for it, so a failure is shown.
    fn ask(self, told: bool) {
        let scope = self.scope.get_untracked();
        let path = self.report.with_untracked(|r| r.path.clone());
        let api = self.api();
        self.wanted.set_value(false);
        leptos::task::spawn_local(async move {
            let answer = api.report(path.as_str(), &scope.query()).await;
            // The reader may have left, or asked for another period meanwhile.
            if self.scope.try_get_untracked() != Some(scope) {
                return;
            }
            match answer {
                Ok(report) => {
                    self.failed.set(None);
                    self.asked.update_value(|asked| *asked = report.at.max(*asked));
                    self.now.set(report.now.clone());
                    self.report.set(report);
                }
                Err(error) if told => self.failed.set(Some(error)),
                // What is shown stays; the next try comes by itself.
                Err(_) => self.wanted.set_value(true),
            }
        });
    }

    /// Asks again when the address names another period, when a state changed, and every minute.
    #[cfg(feature = "hydrate")]
    pub fn keep_fresh(self, clock: crate::clock::Clock) {
        let scope = self.scope;
        Effect::new(move |before: Option<Scope>| {
            let now = scope.get();
            if before.is_some_and(|before| before != now) {
                self.ask(true);
            }
            now
        });
        Effect::new(move |_| {
            let now = clock.now();
            let age = now.seconds_since(self.asked.get_value());
            let running = self.report.with_untracked(|r| r.now.is_some());
            if running && is_due(self.wanted.get_value(), age) {
                self.asked.set_value(now);
                self.ask(false);
            }
        });
    }

    /// The server renders once.
    #[cfg(not(feature = "hydrate"))]
    pub fn keep_fresh(self, _clock: crate::clock::Clock) {}
}

/// Whether to ask anew for a report of this age, when something is known to have changed or not.
#[cfg_attr(not(any(feature = "hydrate", test)), expect(dead_code, reason = "only the browser asks again"))]
fn is_due(changed: bool, age_seconds: f64) -> bool {
    age_seconds >= if changed { LEAST_SECONDS } else { MOST_SECONDS }
}

#[cfg(test)]
mod tests {
    use gemba_contract::overview::{CountView, KpiView};
    use gemba_domain::state::UnitState;

    use super::*;

    /// A line in the middle of its shift, with what a page needs of it.
    fn report() -> Report {
        let text = r#"{
            "id": "00000000-0000-0000-0000-00000000000a", "path": "a/s/r/l", "name": "Line", "level": "line",
            "around": {"above": [], "units": [], "key_unit": null}, "time_zone": "UTC", "utc_offset_minutes": 0,
            "period": {"from": "2026-11-24T14:00:00Z", "to": "2026-11-24T22:00:00Z", "shift": null, "day": "2026-11-24",
                "previous": ["2026-11-24T06:00:00Z", "2026-11-24T14:00:00Z"], "next": null},
            "profile": "iso22400", "profile_version": 1, "now": null, "figures": null, "compared": [], "restated": [],
            "rows": [], "rows_by": "hour", "lanes": [], "losses": [], "reasons": [], "stops": [], "stops_total": 0,
            "trend": [], "notes": [], "currency": "EUR", "at": "2026-11-24T18:00:00Z"
        }"#;
        let mut json: serde_json::Value = serde_json::from_str(text).expect("JSON");
        json["figures"] = serde_json::to_value(gemba_contract::report::Figures::default()).expect("figures");
        json["now"] = serde_json::to_value(now(UnitState::Producing)).expect("a present");
        serde_json::from_value(json).expect("a report")
    }

    fn now(state: UnitState) -> TileNow {
        TileNow {
            state,
            cause: None,
            since: Timestamp::default(),
            last_sample: None,
            kpi: KpiView::default(),
            count: CountView::default(),
        }
    }

    #[test]
    fn a_state_that_changes_makes_the_report_worth_asking_for_and_pieces_alone_do_not() {
        let owner = Owner::new();
        owner.set();
        let model = LineModel::new(report(), ReasonTree::default(), Memo::new(|_| Scope::default()));
        let id = model.report.with_untracked(|r| r.id);
        model.watched.set_value(vec![(id, UnitState::Producing, Timestamp::default())]);
        let counted = TileNow { count: CountView { good: 7.0, ..CountView::default() }, ..now(UnitState::Producing) };
        model.apply(TileDelta { id, now: counted.clone() });
        assert!(!model.wanted.get_value());
        assert_eq!(model.now.get_untracked(), Some(counted), "the present is shown at once");
        model.apply(TileDelta { id, now: now(UnitState::Stopped) });
        assert!(model.wanted.get_value());
        assert_eq!(model.now.get_untracked().map(|n| n.state), Some(UnitState::Stopped));
    }

    #[test]
    fn a_period_that_is_over_has_no_present() {
        let owner = Owner::new();
        owner.set();
        let past = Report { now: None, ..report() };
        let model = LineModel::new(past, ReasonTree::default(), Memo::new(|_| Scope::default()));
        let id = model.report.with_untracked(|r| r.id);
        model.apply(TileDelta { id, now: now(UnitState::Stopped) });
        assert_eq!(model.now.get_untracked(), None);
    }

    #[test]
    fn changes_are_gathered_for_five_seconds() {
        assert!(!is_due(true, 4.9) && is_due(true, 5.0));
        assert!(!is_due(false, 59.0) && is_due(false, 60.0));
    }
}
