//! Facts from the historian: the window of a unit at start, and stretches that late samples have made stale.

use std::sync::Arc;

use gemba_domain::{
    Interval, Timestamp,
    equipment::EquipmentId,
    oee::{Carry, StateInterval, UnitConfig, UnitFacts, derive_from},
    reason::Stretch,
    rule::{Changed, Name, StateRules, Tracks, difference},
    signal::SignalId,
    state::UnitState,
};
use sqlx::PgPool;

use super::{
    board::Board,
    cause::Cause,
    context::{Accounted, Context, MARGIN_MICROS},
    ledger,
    past::{carry_to, deciding, events, labels_around, machine_states, tracks},
    queries::{self, StoredFacts},
    reading::PeriodFacts,
    unit_board::{Past, UnitBoard},
};
use crate::{
    calendar::Calendar,
    historian::{self, HistorianError, Outcome},
    ingest,
    plant::{self, Plant},
    reason::Rule,
    rule,
};

/// How much is derived at once.
const STEP_SECONDS: i64 = 30 * 24 * 3600;
const HOUR_SECONDS: i64 = 3600;

/// Facts could not be made or stored. What is stored is as it was.
#[derive(Debug, thiserror::Error)]
pub enum DeriveError {
    #[error(transparent)]
    Historian(#[from] HistorianError),
    #[error("samples are being packed by another process; stale facts are derived after that")]
    Packing,
    #[error("the database failed while facts were derived")]
    Database(#[from] sqlx::Error),
    #[error("the plant could not be read while facts were derived")]
    Plant(#[from] plant::LoadError),
}

/// Reads the window of a unit that begins at `window_from`.
pub(super) async fn load(
    pool: &PgPool,
    plant: &Plant,
    board: &Board,
    historian: &historian::Service,
    unit: EquipmentId,
    config: UnitConfig,
    window: Interval,
) -> Result<Option<UnitBoard>, DeriveError> {
    let Some(calendar) = board.calendar(unit) else { return Ok(None) };
    let carry = carry_to(pool, board, historian, unit, &config, window.from).await?;
    let (_, within) = events(board, historian, unit, window).await?;
    let coverage = ingest::coverage_of_unit(pool, unit, window).await?;
    let context = context(pool, plant, calendar, unit, &config, window).await?;
    let (states, begin) = deciding(pool, &context, unit, window.from).await?;
    let machine = machine_before(pool, board, historian, &context, window.from).await?;
    let tracks = tracks(historian, context.read(), Interval::new(begin, window.to)).await?;
    let past = Past { carry, states, machine, tracks };
    Ok(Some(UnitBoard::new(config, context, window.from, past, within, coverage)))
}

/// What is said of a unit over a period, with a connection that is given back before samples are read.
async fn context(
    pool: &PgPool,
    plant: &Plant,
    calendar: Arc<Calendar>,
    unit: EquipmentId,
    config: &UnitConfig,
    period: Interval,
) -> sqlx::Result<Context> {
    let mut db = pool.acquire().await?;
    Context::load(&mut db, plant, calendar, unit, config.minor_stop_micros, period).await
}

/// What the machine's own words said in the time that the unit's rules look back to from `time`; nothing where no rule makes
/// its states.
async fn machine_before(
    pool: &PgPool,
    board: &Board,
    historian: &historian::Service,
    context: &Context,
    time: Timestamp,
) -> Result<Vec<StateInterval>, DeriveError> {
    if context.state_rules().is_empty() {
        return Ok(Vec::new());
    }
    let period = Interval::new(time.plus_micros(-MARGIN_MICROS), time);
    machine_states(pool, board, historian, context.unit, period).await
}

/// Facts as they are stored.
pub(super) fn to_store(unit: EquipmentId, period: Interval, facts: Accounted) -> StoredFacts {
    StoredFacts { unit, period, facts }
}

/// Derives one noted stretch again, and on until nothing changes any more, at most up to `limit`. Stores it in the
/// transaction that takes the note. Gives what was derived; `None` when nothing is noted.
pub(super) async fn derive_stale(
    pool: &PgPool,
    plants: &plant::Service,
    board: &Board,
    historian: &historian::Service,
    config: impl Fn(EquipmentId) -> Option<UnitConfig>,
    now: Timestamp,
) -> Result<Option<(EquipmentId, Interval, Cause)>, DeriveError> {
    let mut tx = pool.begin().await?;
    let Some((unit, stale, cause)) = queries::take_stale(&mut tx).await? else { return Ok(None) };
    queries::lock_facts(&mut tx, unit).await?;
    // Whoever changed the plant and noted this did both in one transaction: what the note is about is known after it was taken.
    plants.refresh().await?;
    let plant = plants.current();
    let calendar = plant.unit_of(unit).map(|found| found.site.calendar.clone());
    let (Some(config), Some(calendar)) = (config(unit), calendar) else {
        // The unit is gone from the plant, and its facts with it.
        tx.commit().await?;
        return Ok(Some((unit, stale, cause)));
    };
    // The samples may have been committed by another process, whose journal this one's readers do not hold: once packed,
    // all can read them.
    loop {
        match historian.compact_once().await? {
            Outcome::Packed { more: true, .. } => {}
            Outcome::Packed { .. } | Outcome::Idle => break,
            Outcome::Busy => return Err(DeriveError::Packing),
        }
    }
    let limit = board.window_from(unit).unwrap_or(now);
    // Of what the historian has forgotten the stored facts are all there is: they stay as they are.
    let kept = historian.kept_from(now).map(|kept| hour_of(kept).plus_seconds(HOUR_SECONDS));
    let begin = kept.map_or(hour_of(stale.from), |kept| hour_of(stale.from).max(kept));
    // A rule that holds late in a stop explains all of it.
    let around = Interval::new(begin, begin.plus_seconds(HOUR_SECONDS));
    let context = Context::load(&mut tx, &plant, calendar.clone(), unit, config.minor_stop_micros, around).await?;
    let (_, decides) = deciding(&mut *tx, &context, unit, begin).await?;
    let stop = hour_of(decides.plus_micros(MARGIN_MICROS)).min(begin);
    let begin = kept.map_or(stop, |kept| stop.max(kept));
    let mut from = begin;
    let mut carry: Option<Carry> = None;
    let mut behind: Option<Vec<StateInterval>> = None;
    let known_to = ingest::covered_to(&mut *tx, unit).await?.unwrap_or(begin);
    while from < limit {
        let step = from.plus_seconds(STEP_SECONDS);
        // Up to the end of what is stale the steps are whole; after it hour by hour would be many, so by the step too.
        let to = if from < stale.to { hour_of(stale.to).plus_seconds(HOUR_SECONDS).min(step) } else { step }.min(limit);
        let period = Interval::new(from, to);
        let minor = config.minor_stop_micros;
        let context = Context::load(&mut tx, &plant, calendar.clone(), unit, minor, period).await?;
        let (_, within) = events(board, historian, unit, period).await?;
        let coverage = ingest::coverage_of_unit(pool, unit, period).await?;
        let left = match carry.take() {
            Some(left) => left,
            None => carry_to(pool, board, historian, unit, &config, from).await?,
        };
        let (mut facts, next) = derive_from(&config, left, &within, &coverage, period);
        // What follows decides whether a stop at the end is a short one.
        let ahead = Interval::new(to, to.plus_micros(context.ahead_micros()).min(now.max(to)));
        let (_, following) = events(board, historian, unit, ahead).await?;
        let coverage = ingest::coverage_of_unit(pool, unit, ahead).await?;
        let (following, _) = derive_from(&config, next.clone(), &following, &coverage, ahead);
        let (mut states, decides) = match behind.take() {
            Some(mut behind) => {
                let decides = context.keep_deciding(&mut behind, from);
                (behind, decides)
            }
            None => deciding(&mut *tx, &context, unit, from).await?,
        };
        let tracks = tracks(historian, context.read(), Interval::new(decides, ahead.to)).await?;
        let mut machine = machine_before(pool, board, historian, &context, from).await?;
        facts.intervals.into_iter().chain(following.intervals).for_each(|state| state.append_to(&mut machine));
        context.lay(&machine, &tracks, period).into_iter().for_each(|state| state.append_to(&mut states));
        behind = Some(states.clone());
        context.lay(&machine, &tracks, ahead).into_iter().for_each(|state| state.append_to(&mut states));
        facts.intervals = states;
        facts.labels = labels_around(board, historian, unit, period).await?;
        let stored = to_store(unit, period, context.account(&facts, &tracks, period, known_to));
        if from >= stale.to && !changes(&mut tx, &stored).await? {
            break;
        }
        let stored = [stored];
        queries::replace(&mut tx, &stored).await?;
        ledger::note(&mut tx, &stored, |_| cause.clone(), now).await?;
        carry = Some(next);
        from = to;
    }
    tx.commit().await?;
    Ok(Some((unit, Interval::new(begin, from), cause)))
}

/// The facts of a period, made of the samples without storing anything.
pub(super) async fn derive_period(
    pool: &PgPool,
    plant: &Plant,
    board: &Board,
    historian: &historian::Service,
    unit: EquipmentId,
    config: UnitConfig,
    period: Interval,
) -> Result<PeriodFacts, DeriveError> {
    let made = make(pool, plant, board, historian, (unit, config), period, None).await?;
    let Some(Made { context, facts, tracks, known_to, .. }) = made else {
        return Ok(PeriodFacts { period, accounted: Accounted::default(), counts: Vec::new(), known_to: period.from });
    };
    let accounted = context.account(&facts, &tracks, period, known_to);
    Ok(PeriodFacts { period, accounted, counts: facts.counts, known_to })
}

/// The states of a period, as counted, in which a rule holds.
pub(super) async fn hits(
    pool: &PgPool,
    plant: &Plant,
    board: &Board,
    historian: &historian::Service,
    unit: (EquipmentId, UnitConfig),
    rule: &Rule,
    period: Interval,
) -> Result<Vec<Stretch>, DeriveError> {
    let read = plant.unit_of(unit.0).map(|found| rule::read_by(found.unit, [&rule.condition])).unwrap_or_default();
    let made = make(pool, plant, board, historian, unit, period, Some(read)).await?;
    let Some(Made { context, facts, tracks, known_to, .. }) = made else { return Ok(Vec::new()) };
    let holds = context.hits(rule, (&facts.intervals, &tracks), known_to);
    let mut states = context.annotate((&facts.intervals, &tracks), period, known_to);
    states.retain(|state| holds.iter().any(|hit| hit.intersection(&state.interval).is_some()));
    Ok(states)
}

/// Where the states of a period would be others if these were the rules that make them.
pub(super) async fn other_states(
    pool: &PgPool,
    plant: &Plant,
    board: &Board,
    historian: &historian::Service,
    unit: (EquipmentId, UnitConfig),
    rules: &StateRules,
    period: Interval,
) -> Result<Vec<Changed>, DeriveError> {
    let conditions = rules.rules().iter().map(|rule| &rule.condition);
    let read = plant.unit_of(unit.0).map(|found| rule::read_by(found.unit, conditions)).unwrap_or_default();
    let made = make(pool, plant, board, historian, unit, period, Some(read)).await?;
    let Some(Made { context, machine, tracks, .. }) = made else { return Ok(Vec::new()) };
    let before = context.lay(&machine, &tracks, period);
    Ok(difference(&before, &context.lay_by(rules, &machine, &tracks, period)))
}

/// Facts with the states around them, and what is said of them.
struct Made {
    context: Context,
    facts: UnitFacts,
    /// What the machine's own words gave, of the period and as far back as rules look.
    machine: Vec<StateInterval>,
    /// What the signals said that rules read.
    tracks: Tracks,
    known_to: Timestamp,
}

/// Makes the facts of a period of the samples. For a rule that is tried: `tried` are the signals that it reads.
async fn make(
    pool: &PgPool,
    plant: &Plant,
    board: &Board,
    historian: &historian::Service,
    (unit, config): (EquipmentId, UnitConfig),
    period: Interval,
    tried: Option<Vec<(SignalId, Name)>>,
) -> Result<Option<Made>, DeriveError> {
    let Some(calendar) = board.calendar(unit) else { return Ok(None) };
    let context = context(pool, plant, calendar, unit, &config, period).await?;
    let carry = carry_to(pool, board, historian, unit, &config, period.from).await?;
    // What follows decides whether a stop at the end is a short one.
    let whole = Interval::new(period.from, period.to.plus_micros(context.ahead_micros()));
    let (_, within) = events(board, historian, unit, whole).await?;
    let coverage = ingest::coverage_of_unit(pool, unit, whole).await?;
    let known_to = ingest::covered_to(pool, unit).await?.unwrap_or(period.from);
    let (facts, _) = derive_from(&config, carry, &within, &coverage, whole);
    let (mut states, begin) = deciding(pool, &context, unit, period.from).await?;
    let mut read = context.read().to_vec();
    read.extend(tried.clone().unwrap_or_default());
    read.sort_unstable();
    read.dedup();
    let tracks = tracks(historian, &read, Interval::new(begin, whole.to)).await?;
    let mut machine = match tried {
        Some(_) => {
            let before = Interval::new(period.from.plus_micros(-MARGIN_MICROS), period.from);
            machine_states(pool, board, historian, unit, before).await?
        }
        None => machine_before(pool, board, historian, &context, period.from).await?,
    };
    facts.intervals.into_iter().for_each(|state| state.append_to(&mut machine));
    context.lay(&machine, &tracks, whole).into_iter().for_each(|state| state.append_to(&mut states));
    let within = |time: Timestamp| period.contains(time);
    let facts = UnitFacts {
        intervals: states,
        counts: facts.counts.into_iter().filter(|count| within(count.interval.to)).collect(),
        quarantined: Vec::new(),
        labels: labels_around(board, historian, unit, period).await?,
    };
    Ok(Some(Made { context, facts, machine, tracks, known_to }))
}

/// Whether these facts differ from what is stored. Nothing stored is the same as nothing known.
async fn changes(db: &mut sqlx::PgConnection, new: &StoredFacts) -> sqlx::Result<bool> {
    let StoredFacts { unit, period, facts } = new;
    // A late count takes pieces from the one after it, which may be hours away.
    let mut pieces = queries::pieces_of(facts);
    let mut known = queries::pieces(&mut *db, *unit, *period).await?;
    pieces.sort_by_key(|it| it.0);
    known.sort_by_key(|it| it.0);
    let alike = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(b.abs());
    let same = |a: &queries::Pieces, b: &queries::Pieces| a.0 == b.0 && a.1.iter().zip(b.1).all(|(a, b)| alike(*a, b));
    if pieces.len() != known.len() || !pieces.iter().zip(&known).all(|(a, b)| same(a, b)) {
        return Ok(true);
    }
    let stored = queries::states(&mut *db, *unit, *period).await?;
    if stored.is_empty() {
        return Ok(facts.states.iter().any(|s| s.said != UnitState::Unknown));
    }
    type Part<'a> = (Interval, &'a str, &'a str, Option<&'a str>, Option<uuid::Uuid>, bool);
    let mut merged: Vec<Part<'_>> = Vec::new();
    for row in &stored {
        let Some(interval) = row.interval.intersection(period) else { continue };
        let what = (&*row.state, &*row.said, row.cause.as_deref(), row.reason, row.minor);
        match merged.last_mut() {
            Some((last, a, b, c, d, e)) if last.to == interval.from && (*a, *b, *c, *d, *e) == what => {
                last.to = interval.to;
            }
            _ => merged.push((interval, what.0, what.1, what.2, what.3, what.4)),
        }
    }
    let derived = facts.states.iter().map(|s| {
        let reason = s.reason.map(|id| id.0);
        (s.interval, s.state.as_str(), s.said.as_str(), s.cause.as_deref(), reason, s.minor)
    });
    Ok(!merged.into_iter().eq(derived))
}

/// The beginning of the hour.
pub(super) fn hour_of(time: Timestamp) -> Timestamp {
    Timestamp::from_seconds(time.micros().div_euclid(3_600_000_000) * HOUR_SECONDS)
}
