//! What the overview shows, as signals: a delta touches only the tile that it is about.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use gemba_contract::{
    live::{TileDelta, TotalDelta},
    overview::{
        AreaOverview, CountView, KpiView, LineOverview, Overview, ShiftView, SiteOverview, StripSegment, Tile, TileNow,
    },
};
use gemba_domain::{
    Timestamp,
    equipment::{EquipmentId, EquipmentPath, Level},
    oee::NOT_WATCHED,
    state::UnitState,
};
use leptos::prelude::*;

/// How far strips reach back.
pub(crate) const STRIP_SECONDS: i64 = 8 * 3600;

/// One line or unit.
#[derive(Clone)]
pub(crate) struct TileModel {
    pub id: EquipmentId,
    pub path: EquipmentPath,
    pub name: ArcRwSignal<String>,
    pub now: ArcRwSignal<TileNow>,
    pub strip: ArcRwSignal<Vec<StripSegment>>,
}

/// One line and its units.
#[derive(Clone)]
pub(crate) struct LineModel {
    pub tile: TileModel,
    /// The unit whose facts the line's figures are.
    pub key_unit: Option<EquipmentId>,
    pub units: ArcRwSignal<Vec<TileModel>>,
}

/// One area and its lines.
#[derive(Clone)]
pub(crate) struct AreaModel {
    pub path: EquipmentPath,
    pub name: ArcRwSignal<String>,
    pub kpi: ArcRwSignal<KpiView>,
    pub count: ArcRwSignal<CountView>,
    pub lines: ArcRwSignal<Vec<LineModel>>,
}

/// How its units are, in numbers. Kept beside the tiles, so that one that changes does not have all of them read anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Headcount {
    pub units: usize,
    pub stopped: usize,
    pub unknown: usize,
    /// Blocked or starved.
    pub held: usize,
    /// Time of the newest sample of any.
    pub newest: Option<Timestamp>,
}

/// One site and its areas.
#[derive(Clone)]
pub(crate) struct SiteModel {
    pub path: EquipmentPath,
    pub name: String,
    pub time_zone: String,
    pub utc_offset_minutes: ArcRwSignal<i32>,
    pub shift: ArcRwSignal<Option<ShiftView>>,
    pub kpi: ArcRwSignal<KpiView>,
    pub count: ArcRwSignal<CountView>,
    pub areas: ArcRwSignal<Vec<AreaModel>>,
    pub headcount: ArcRwSignal<Headcount>,
}

/// The plant.
#[derive(Clone)]
pub(crate) struct OverviewModel {
    pub sites: ArcRwSignal<Vec<SiteModel>>,
    tiles: Arc<Mutex<HashMap<EquipmentId, TileModel>>>,
}

/// A tile's state before and after, for the announcement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StateChange {
    pub name: String,
    pub state: UnitState,
}

impl TileModel {
    /// Since when no collector watches; `None` while one does.
    pub fn unwatched_since(&self) -> Memo<Option<Timestamp>> {
        let now = self.now.clone();
        Memo::new(move |_| now.with(|now| (now.cause.as_deref() == Some(NOT_WATCHED)).then_some(now.since)))
    }

    pub fn new(tile: Tile) -> Self {
        Self {
            id: tile.id,
            path: tile.path,
            name: ArcRwSignal::new(tile.name),
            now: ArcRwSignal::new(tile.now),
            strip: ArcRwSignal::new(tile.strip),
        }
    }

    /// All of it anew.
    pub fn replace(&self, tile: Tile) {
        set_if_new(&self.name, tile.name);
        set_if_new(&self.now, tile.now);
        set_if_new(&self.strip, tile.strip);
    }

    /// Its new present; the strip goes on from it. Tells a change of state.
    pub fn apply(&self, now: TileNow, at: Timestamp) -> Option<StateChange> {
        let before = self.now.with_untracked(|n| (n.state, n.since));
        let changed =
            (before.0 != now.state).then(|| StateChange { name: self.name.get_untracked(), state: now.state });
        if before != (now.state, now.since) {
            self.strip.update(|strip| extend_strip(strip, now.state, now.since, at));
        }
        set_if_new(&self.now, now);
        changed
    }
}

impl LineModel {
    fn new(line: LineOverview) -> Self {
        Self {
            tile: TileModel::new(line.tile),
            key_unit: line.key_unit,
            units: ArcRwSignal::new(line.units.into_iter().map(TileModel::new).collect()),
        }
    }

    fn replace(&self, line: LineOverview) {
        self.tile.replace(line.tile);
        replace_all(
            &self.units,
            line.units,
            |model, tile| (model.id, &model.path) == (tile.id, &tile.path),
            TileModel::replace,
            TileModel::new,
        );
    }
}

impl AreaModel {
    fn new(area: AreaOverview) -> Self {
        Self {
            path: area.path,
            name: ArcRwSignal::new(area.name),
            kpi: ArcRwSignal::new(area.kpi),
            count: ArcRwSignal::new(area.count),
            lines: ArcRwSignal::new(area.lines.into_iter().map(LineModel::new).collect()),
        }
    }

    fn replace(&self, area: AreaOverview) {
        set_if_new(&self.name, area.name);
        set_if_new(&self.kpi, area.kpi);
        set_if_new(&self.count, area.count);
        replace_all(
            &self.lines,
            area.lines,
            |model, line| (model.tile.id, model.key_unit) == (line.tile.id, line.key_unit),
            LineModel::replace,
            LineModel::new,
        );
    }
}

impl SiteModel {
    fn new(site: SiteOverview) -> Self {
        let site = Self {
            path: site.path,
            name: site.name,
            time_zone: site.time_zone,
            utc_offset_minutes: ArcRwSignal::new(site.utc_offset_minutes),
            shift: ArcRwSignal::new(site.shift),
            kpi: ArcRwSignal::new(site.kpi),
            count: ArcRwSignal::new(site.count),
            areas: ArcRwSignal::new(site.areas.into_iter().map(AreaModel::new).collect()),
            headcount: ArcRwSignal::default(),
        };
        site.count();
        site
    }

    fn replace(&self, site: SiteOverview) {
        set_if_new(&self.utc_offset_minutes, site.utc_offset_minutes);
        set_if_new(&self.shift, site.shift);
        set_if_new(&self.kpi, site.kpi);
        set_if_new(&self.count, site.count);
        let same = |model: &AreaModel, area: &AreaOverview| model.path == area.path;
        replace_all(&self.areas, site.areas, same, AreaModel::replace, AreaModel::new);
        self.count();
    }

    /// Counts anew what its units do.
    fn count(&self) {
        let mut all = Headcount::default();
        for unit in untrack(|| self.units()) {
            let (state, newest) = unit.now.with_untracked(|now| (now.state, now.last_sample));
            all.units += 1;
            match state {
                UnitState::Stopped => all.stopped += 1,
                UnitState::Unknown => all.unknown += 1,
                UnitState::Blocked | UnitState::Starved => all.held += 1,
                _ => {}
            }
            all.newest = all.newest.max(newest);
        }
        set_if_new(&self.headcount, all);
    }

    /// All lines of all areas, following which there are.
    pub fn lines(&self) -> Vec<LineModel> {
        self.areas.get().iter().flat_map(|area| area.lines.get()).collect()
    }

    /// All units of all lines, following which there are.
    pub fn units(&self) -> Vec<TileModel> {
        self.lines().iter().flat_map(|line| line.units.get()).collect()
    }
}

impl OverviewModel {
    pub fn new(overview: Overview) -> Self {
        let model = Self {
            sites: ArcRwSignal::new(overview.sites.into_iter().map(SiteModel::new).collect()),
            tiles: Arc::default(),
        };
        model.find_tiles();
        model
    }

    /// Tiles by identity: a delta finds its own without a look at the others.
    fn find_tiles(&self) {
        let lines: Vec<LineModel> =
            self.sites.get_untracked().iter().flat_map(|site| untrack(|| site.lines())).collect();
        let tiles = lines.iter().flat_map(|line| std::iter::once(line.tile.clone()).chain(line.units.get_untracked()));
        *self.tiles.lock().unwrap_or_else(PoisonError::into_inner) = tiles.map(|tile| (tile.id, tile)).collect();
    }

    /// The whole plant anew.
    pub fn replace(&self, overview: Overview) {
        let same = |model: &SiteModel, site: &SiteOverview| (&model.path, &model.name) == (&site.path, &site.name);
        replace_all(&self.sites, overview.sites, same, SiteModel::replace, SiteModel::new);
        self.find_tiles();
    }

    /// What changed. Gives the units whose state is another now.
    pub fn apply(&self, at: Timestamp, tiles: Vec<TileDelta>, totals: Vec<TotalDelta>) -> Vec<StateChange> {
        let sites = self.sites.get_untracked();
        let areas: Vec<AreaModel> = sites.iter().flat_map(|site| site.areas.get_untracked()).collect();
        for delta in totals {
            let site = sites.iter().find(|site| site.path == delta.path).map(|site| (&site.kpi, &site.count));
            let area = || areas.iter().find(|area| area.path == delta.path).map(|area| (&area.kpi, &area.count));
            if let Some((kpi, count)) = site.or_else(area) {
                set_if_new(kpi, delta.kpi);
                set_if_new(count, delta.count);
            }
        }
        let known = self.tiles.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changes = Vec::new();
        for TileDelta { id, now } in tiles {
            let Some(tile) = known.get(&id) else { continue };
            let changed = tile.apply(now, at);
            if tile.path.level() == Level::Unit {
                changes.extend(changed);
            }
        }
        sites.iter().for_each(SiteModel::count);
        changes
    }
}

/// These anew. What is still there keeps its signals, so that its view stays.
fn replace_all<M: Clone + Send + Sync + 'static, T>(
    signal: &ArcRwSignal<Vec<M>>,
    news: Vec<T>,
    same: impl Fn(&M, &T) -> bool,
    replace: impl Fn(&M, T),
    make: impl Fn(T) -> M,
) {
    let old = signal.get_untracked();
    let mut moved = old.len() != news.len();
    let models = news.into_iter().enumerate().map(|(at, it)| match old.iter().position(|model| same(model, &it)) {
        Some(known) => {
            moved |= known != at;
            let model = old[known].clone();
            replace(&model, it);
            model
        }
        None => {
            moved = true;
            make(it)
        }
    });
    let models = models.collect();
    if moved {
        signal.set(models);
    }
}

fn set_if_new<T: PartialEq + Send + Sync + 'static>(signal: &ArcRwSignal<T>, value: T) {
    if signal.with_untracked(|old| *old != value) {
        signal.set(value);
    }
}

/// The strip with the news that the unit has been in `state` since `since`, told at `at`. What the
/// strip said of the time from `since` on is replaced; what is older than eight hours is dropped.
fn extend_strip(strip: &mut Vec<StripSegment>, state: UnitState, since: Timestamp, at: Timestamp) {
    let begin = at.plus_seconds(-STRIP_SECONDS);
    let since = since.max(begin);
    while strip.last().is_some_and(|last| last.from >= since) {
        strip.pop();
    }
    if let Some(last) = strip.last_mut() {
        last.to = since;
        if last.state == state {
            last.to = at.max(since);
        } else {
            strip.push(StripSegment { from: since, to: at.max(since), state });
        }
    } else {
        strip.push(StripSegment { from: since, to: at.max(since), state });
    }
    let gone = strip.iter().take_while(|segment| segment.to <= begin).count();
    strip.drain(..gone);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000 + seconds)
    }

    fn segment(from: i64, to: i64, state: UnitState) -> StripSegment {
        StripSegment { from: t(from), to: t(to), state }
    }

    #[test]
    fn a_new_state_ends_the_segment_before() {
        let mut strip = vec![segment(0, 100, UnitState::Producing)];
        extend_strip(&mut strip, UnitState::Stopped, t(90), t(105));
        assert_eq!(strip, [segment(0, 90, UnitState::Producing), segment(90, 105, UnitState::Stopped)]);
    }

    #[test]
    fn a_gap_is_closed_by_the_state_before() {
        let mut strip = vec![segment(0, 100, UnitState::Producing)];
        extend_strip(&mut strip, UnitState::Stopped, t(130), t(131));
        assert_eq!(strip[0], segment(0, 130, UnitState::Producing));
    }

    #[test]
    fn a_correction_replaces_what_was_said() {
        let mut strip = vec![
            segment(0, 50, UnitState::Producing),
            segment(50, 80, UnitState::Stopped),
            segment(80, 100, UnitState::Unknown),
        ];
        extend_strip(&mut strip, UnitState::Blocked, t(40), t(110));
        assert_eq!(strip, [segment(0, 40, UnitState::Producing), segment(40, 110, UnitState::Blocked)]);
        extend_strip(&mut strip, UnitState::Producing, t(-10), t(120));
        assert_eq!(strip, [segment(-10, 120, UnitState::Producing)]);
    }

    #[test]
    fn the_same_state_again_goes_on() {
        let mut strip = vec![segment(0, 50, UnitState::Producing), segment(50, 60, UnitState::Unknown)];
        extend_strip(&mut strip, UnitState::Producing, t(50), t(70));
        assert_eq!(strip, [segment(0, 70, UnitState::Producing)]);
    }

    #[test]
    fn eight_hours_are_kept() {
        let mut strip = vec![segment(0, 50, UnitState::Stopped), segment(50, 90, UnitState::Producing)];
        extend_strip(&mut strip, UnitState::Stopped, t(90), t(STRIP_SECONDS + 60));
        assert_eq!(strip, [segment(50, 90, UnitState::Producing), segment(90, STRIP_SECONDS + 60, UnitState::Stopped)]);
    }

    fn now(state: UnitState, since: i64) -> TileNow {
        TileNow {
            state,
            cause: None,
            since: t(since),
            last_sample: Some(t(since)),
            kpi: KpiView::default(),
            count: CountView::default(),
        }
    }

    fn tile(number: u128, state: UnitState) -> Tile {
        let line = number.is_multiple_of(10);
        let path = if line { format!("a/s/r/l{number}") } else { format!("a/s/r/l{}/u{number}", number / 10 * 10) };
        Tile {
            id: EquipmentId(uuid::Uuid::from_u128(number)),
            path: path.parse().expect("a path"),
            name: format!("No {number}"),
            level: if line { gemba_domain::equipment::Level::Line } else { gemba_domain::equipment::Level::Unit },
            now: now(state, 0),
            strip: vec![segment(-100, 0, state)],
        }
    }

    fn plant(lines: &[u128]) -> Overview {
        let lines = lines
            .iter()
            .map(|l| LineOverview {
                tile: tile(*l, UnitState::Producing),
                key_unit: None,
                units: vec![tile(l + 1, UnitState::Producing), tile(l + 2, UnitState::Idle)],
            })
            .collect();
        let site = SiteOverview {
            path: "a/s".parse().expect("a path"),
            name: "Site".to_owned(),
            time_zone: "Europe/London".to_owned(),
            utc_offset_minutes: 0,
            shift: None,
            kpi: KpiView::default(),
            count: CountView::default(),
            areas: vec![AreaOverview {
                path: "a/s/r".parse().expect("a path"),
                name: "Hall".to_owned(),
                kpi: KpiView::default(),
                count: CountView::default(),
                lines,
            }],
        };
        Overview { sites: vec![site], at: t(0) }
    }

    #[test]
    fn a_delta_touches_its_tile_alone_and_tells_the_new_state() {
        let owner = Owner::new();
        owner.set();
        let model = OverviewModel::new(plant(&[10, 20]));
        let units = model.sites.get_untracked()[0].units();
        let delta = TileDelta { id: units[3].id, now: now(UnitState::Stopped, 5) };
        let changes = model.apply(t(6), vec![delta], Vec::new());
        assert_eq!(changes, [StateChange { name: "No 22".to_owned(), state: UnitState::Stopped }]);
        assert_eq!(units[3].strip.get_untracked().len(), 2);
        assert_eq!(units[2].now.get_untracked(), now(UnitState::Producing, 0));
        assert!(
            model
                .apply(t(7), vec![TileDelta { id: units[3].id, now: now(UnitState::Stopped, 5) }], Vec::new())
                .is_empty()
        );
    }

    #[test]
    fn a_snapshot_keeps_the_signals_of_what_stays() {
        let owner = Owner::new();
        owner.set();
        let model = OverviewModel::new(plant(&[10, 20]));
        let before = model.sites.get_untracked()[0].lines();
        before[1].tile.name.set("renamed".to_owned());
        model.replace(plant(&[20, 30]));
        let after = model.sites.get_untracked()[0].lines();
        assert_eq!(
            after.iter().map(|l| l.tile.id).collect::<Vec<_>>(),
            [before[1].tile.id, EquipmentId(uuid::Uuid::from_u128(30))]
        );
        assert_eq!(before[1].tile.name.get_untracked(), "No 20", "the kept line's signals carry the new data");
        let site = model.sites.get_untracked()[0].clone();
        model.apply(
            t(9),
            Vec::new(),
            vec![TotalDelta {
                path: site.path.clone(),
                kpi: KpiView { oee: Some(0.5), ..KpiView::default() },
                count: CountView::default(),
            }],
        );
        assert_eq!(site.kpi.get_untracked().oee, Some(0.5));
    }
}
