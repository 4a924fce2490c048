use std::sync::Arc;

use gemba_contract::{
    live::{TileDelta, TotalDelta},
    overview::{
        AreaOverview, CountView, KpiView, LineOverview, Overview, ShiftView, SiteOverview, StripSegment, Tile, TileNow,
    },
    signal::SignalView,
    unit::UnitDetail,
};
use gemba_domain::{
    Interval, Timestamp,
    equipment::{EquipmentId, EquipmentPath, Level},
    oee::Elements,
    shift::ShiftInstance,
    state::UnitState,
};

use crate::{
    historian,
    oee::{Board, Now},
    plant::{self, Area, Line, Plant, Site, Unit},
};

/// How far back the state strips go.
pub const STRIP_SECONDS: i64 = 8 * 3600;

/// Makes views of the board. Reads memory only.
#[derive(Clone)]
pub struct Service {
    plant: plant::Service,
    board: Arc<Board>,
    historian: historian::Service,
}

impl Service {
    pub fn new(plant: plant::Service, board: Arc<Board>, historian: historian::Service) -> Self {
        Self { plant, board, historian }
    }

    /// The whole plant. Areas and their lines by busy time lost, most first; those without an ideal cycle last.
    pub fn overview(&self, now: Timestamp) -> Overview {
        let plant = self.plant.current();
        Overview { sites: plant.sites.iter().map(|site| self.site(site, now)).collect(), at: now }
    }

    fn site(&self, site: &Site, now: Timestamp) -> SiteOverview {
        let TotalDelta { path, kpi, count } = self.total(&site.path, lines_of(site), now);
        SiteOverview {
            path,
            name: site.name.clone(),
            time_zone: site.time_zone.name().to_owned(),
            utc_offset_minutes: site.offset_minutes(now),
            shift: self.board.shift_at(&site.path, now).as_ref().map(shift_view),
            kpi,
            count,
            areas: worst_first(site.areas.iter().map(|area| self.area(area, now))),
        }
    }

    /// An area, and the busy time lost in it.
    fn area(&self, area: &Area, now: Timestamp) -> (Option<f64>, AreaOverview) {
        let TotalDelta { path, kpi, count } = self.total(&area.path, area.lines.iter(), now);
        let line = |line: &Line| LineOverview {
            tile: self.line_tile(line, now),
            key_unit: line.constraint().map(|unit| unit.id),
            units: line.units.iter().map(|unit| self.unit_tile(unit, line, now)).collect(),
        };
        let lost = |line: &Line| self.lost_micros(line, now);
        let lines = worst_first(area.lines.iter().map(|it| (lost(it), line(it))));
        let all = area.lines.iter().filter_map(lost).reduce(|sum, more| sum + more);
        (all, AreaOverview { path, name: area.name.clone(), kpi, count, lines })
    }

    /// Known busy time that was not spent making good pieces at the ideal cycle: known PBT - sum(PRI x GQ).
    fn lost_micros(&self, line: &Line, now: Timestamp) -> Option<f64> {
        let state = self.board.now(line.constraint()?.id, now)?;
        state.rated.then(|| state.elements.known_pbt() as f64 - state.elements.pri_gq)
    }

    /// The figures of a site and its areas.
    pub fn totals(&self, site: &Site, now: Timestamp) -> Vec<TotalDelta> {
        let areas = site.areas.iter().map(|area| self.total(&area.path, area.lines.iter(), now));
        std::iter::once(self.total(&site.path, lines_of(site), now)).chain(areas).collect()
    }

    /// The figures of a site or an area: the elements of its lines' constraints, added up.
    fn total<'a>(&self, path: &EquipmentPath, lines: impl Iterator<Item = &'a Line>, now: Timestamp) -> TotalDelta {
        // Time of units whose pieces cannot be weighed would stand in the denominator of OEE, and their pieces in no numerator.
        let (mut elements, mut rated) = (Elements::default(), Elements::default());
        let mut any_rated = false;
        let (mut target, mut weighted, mut weight) = (None::<f64>, 0.0, 0.0);
        for line in lines {
            let Some(unit) = line.constraint() else { continue };
            let Some(state) = self.board.now(unit.id, now) else { continue };
            elements += state.elements;
            if state.rated {
                rated += state.elements;
                any_rated = true;
            }
            if let Some(pieces) = target_pieces(&state, line) {
                *target.get_or_insert(0.0) += pieces;
            }
            if let Some(oee) = line.target_oee {
                let busy = state.elements.pbt() as f64;
                weighted += oee * busy;
                weight += busy;
            }
        }
        let target_oee = (weight > 0.0).then(|| weighted / weight);
        TotalDelta {
            path: path.clone(),
            kpi: KpiView {
                coverage: elements.coverage(),
                ..kpi_view(if any_rated { &rated } else { &elements }, any_rated, target_oee)
            },
            count: CountView { good: elements.gq, scrap: elements.sq, target },
        }
    }

    /// One unit in full; `None` when the plant has none at this path.
    pub fn unit(&self, path: &EquipmentPath, now: Timestamp) -> Option<UnitDetail> {
        let plant = self.plant.current();
        let found = plant.unit(path)?;
        let elements = self.board.now(found.unit.id, now).map(|state| state.elements).unwrap_or_default();
        let signals = found.unit.signals.iter().map(|signal| SignalView {
            id: signal.id,
            code: signal.code.clone(),
            name: signal.name.clone(),
            kind: signal.kind,
            role: signal.role,
            uom: signal.uom.clone(),
            latest: self.historian.latest(signal.id),
        });
        Some(UnitDetail {
            tile: self.unit_tile(found.unit, found.line, now),
            breadcrumb: vec![found.site.name.clone(), found.area.name.clone(), found.line.name.clone()],
            time_zone: found.site.time_zone.name().to_owned(),
            utc_offset_minutes: found.site.offset_minutes(now),
            shift: self.board.shift_at(&found.site.path, now).as_ref().map(shift_view),
            elements,
            ideal_cycle_seconds: found.unit.ideal_cycle_seconds,
            signals: signals.collect(),
            at: now,
        })
    }

    /// What is new of these units, and of the lines whose constraint is among them.
    pub fn tile_deltas(&self, plant: &Plant, changed: impl Fn(EquipmentId) -> bool, now: Timestamp) -> Vec<TileDelta> {
        let mut deltas = Vec::new();
        for found in plant.units().filter(|found| changed(found.unit.id)) {
            let tile = self.tile_now(found.unit, found.line, now);
            if found.line.constraint().is_some_and(|unit| unit.id == found.unit.id) {
                deltas.push(TileDelta { id: found.line.id, now: tile.clone() });
            }
            deltas.push(TileDelta { id: found.unit.id, now: tile });
        }
        deltas
    }

    fn unit_tile(&self, unit: &Unit, line: &Line, now: Timestamp) -> Tile {
        Tile {
            id: unit.id,
            path: unit.path.clone(),
            name: unit.name.clone(),
            level: Level::Unit,
            now: self.tile_now(unit, line, now),
            strip: self.strip(unit.id, now),
        }
    }

    fn line_tile(&self, line: &Line, now: Timestamp) -> Tile {
        let constraint = line.constraint();
        Tile {
            id: line.id,
            path: line.path.clone(),
            name: line.name.clone(),
            level: Level::Line,
            now: constraint.map_or_else(|| nothing_known(now), |unit| self.tile_now(unit, line, now)),
            strip: constraint.map(|unit| self.strip(unit.id, now)).unwrap_or_default(),
        }
    }

    /// A unit's present.
    pub fn tile_now(&self, unit: &Unit, line: &Line, now: Timestamp) -> TileNow {
        let Some(found) = self.board.now(unit.id, now) else { return nothing_known(now) };
        let target = target_pieces(&found, line);
        let Now { state, cause, since, last_sample, elements, rated, .. } = found;
        TileNow {
            state,
            cause: cause.map(|cause| cause.to_string()),
            since,
            last_sample,
            kpi: kpi_view(&elements, rated, line.target_oee),
            count: CountView { good: elements.gq, scrap: elements.sq, target },
        }
    }

    fn strip(&self, unit: EquipmentId, now: Timestamp) -> Vec<StripSegment> {
        let period = Interval::new(now.plus_seconds(-STRIP_SECONDS), now);
        let states = self.board.states(unit, period).into_iter();
        states.map(|s| StripSegment { from: s.interval.from, to: s.interval.to, state: s.state }).collect()
    }
}

fn lines_of(site: &Site) -> impl Iterator<Item = &Line> {
    site.lines().map(|(_, line)| line)
}

/// By what was lost, most first; what is not known comes last.
fn worst_first<T>(all: impl Iterator<Item = (Option<f64>, T)>) -> Vec<T> {
    let mut all: Vec<(f64, T)> = all.map(|(lost, it)| (lost.unwrap_or(f64::NEG_INFINITY), it)).collect();
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    all.into_iter().map(|(_, it)| it).collect()
}

fn nothing_known(now: Timestamp) -> TileNow {
    TileNow {
        state: UnitState::Unknown,
        cause: None,
        since: now,
        last_sample: None,
        kpi: KpiView::default(),
        count: CountView::default(),
    }
}

/// Without an ideal cycle or a counter nothing can be said of performance and OEE, not even that they are 0.
fn kpi_view(elements: &Elements, rated: bool, target_oee: Option<f64>) -> KpiView {
    KpiView {
        oee: elements.oee().filter(|_| rated),
        availability: elements.availability(),
        performance: elements.effectiveness().filter(|_| rated),
        quality: elements.quality_ratio(),
        coverage: elements.coverage(),
        target_oee,
    }
}

/// What the planned busy time so far should have given at target OEE: known PBT / PRI x target. Time without data is no
/// silent loss: nothing is expected of it.
fn target_pieces(now: &Now, line: &Line) -> Option<f64> {
    Some(now.elements.known_pbt() as f64 / 1e6 / now.pri_seconds()? * line.target_oee?)
}

fn shift_view(shift: &ShiftInstance) -> ShiftView {
    ShiftView { name: shift.name.to_string(), from: shift.from, to: shift.to }
}
