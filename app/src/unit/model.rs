//! What a unit's page shows, as signals.

use gemba_contract::{
    live::{SignalDelta, TileDelta},
    overview::ShiftView,
    signal::{Reading, SignalView},
    unit::UnitDetail,
};
use gemba_domain::{Timestamp, oee::Elements};
use leptos::prelude::*;

use crate::overview::{StateChange, TileModel};

/// A signal and its newest reading.
#[derive(Clone)]
pub(super) struct SignalModel {
    /// Its description; `latest` in it is of when the page was made.
    pub view: SignalView,
    pub latest: ArcRwSignal<Option<Reading>>,
}

/// The elements behind the figures, and the moment they are of.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Basis {
    pub elements: Elements,
    pub at: Timestamp,
}

#[derive(Clone)]
pub(super) struct UnitModel {
    pub tile: TileModel,
    pub utc_offset_minutes: ArcRwSignal<i32>,
    pub shift: ArcRwSignal<Option<ShiftView>>,
    pub basis: ArcRwSignal<Basis>,
    pub ideal_cycle_seconds: ArcRwSignal<Option<f64>>,
    pub signals: ArcRwSignal<Vec<SignalModel>>,
}

impl UnitModel {
    pub fn new(unit: UnitDetail) -> Self {
        Self {
            tile: TileModel::new(unit.tile),
            utc_offset_minutes: ArcRwSignal::new(unit.utc_offset_minutes),
            shift: ArcRwSignal::new(unit.shift),
            basis: ArcRwSignal::new(Basis { elements: unit.elements, at: unit.at }),
            ideal_cycle_seconds: ArcRwSignal::new(unit.ideal_cycle_seconds),
            signals: ArcRwSignal::new(unit.signals.into_iter().map(SignalModel::new).collect()),
        }
    }

    /// All of it anew. Signals that are still described the same keep their row.
    pub fn replace(&self, unit: UnitDetail) {
        self.tile.replace(unit.tile);
        self.utc_offset_minutes.set(unit.utc_offset_minutes);
        self.shift.set(unit.shift);
        self.basis.set(Basis { elements: unit.elements, at: unit.at });
        self.ideal_cycle_seconds.set(unit.ideal_cycle_seconds);
        let old = self.signals.get_untracked();
        let described_same = |a: &SignalView, b: &SignalView| {
            (a.id, &a.code, &a.name, a.kind, a.role, &a.uom) == (b.id, &b.code, &b.name, b.kind, b.role, &b.uom)
        };
        let same =
            old.len() == unit.signals.len() && old.iter().zip(&unit.signals).all(|(a, b)| described_same(&a.view, b));
        if same {
            for (model, view) in old.iter().zip(unit.signals) {
                if model.latest.with_untracked(|latest| *latest != view.latest) {
                    model.latest.set(view.latest);
                }
            }
        } else {
            self.signals.set(unit.signals.into_iter().map(SignalModel::new).collect());
        }
    }

    /// What changed.
    pub fn apply(
        &self,
        at: Timestamp,
        tiles: Vec<TileDelta>,
        signals: Vec<SignalDelta>,
        elements: Option<Box<Elements>>,
    ) -> Vec<StateChange> {
        let changes =
            tiles.into_iter().filter(|t| t.id == self.tile.id).filter_map(|t| self.tile.apply(t.now, at)).collect();
        if let Some(elements) = elements {
            self.basis.set(Basis { elements: *elements, at });
        }
        self.signals.with_untracked(|models| {
            for SignalDelta(id, time, value) in signals {
                if let Some(model) = models.iter().find(|m| m.view.id == id) {
                    model.latest.set(Some(Reading { time, value }));
                }
            }
        });
        changes
    }
}

impl SignalModel {
    fn new(view: SignalView) -> Self {
        let latest = ArcRwSignal::new(view.latest.clone());
        Self { view, latest }
    }
}
