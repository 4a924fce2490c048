use std::{collections::BTreeMap, sync::Arc};

use chrono::{Offset, TimeZone};

use super::ast::Name;
use crate::{
    Interval, Timestamp,
    oee::{NOT_WATCHED, StateInterval},
    signal::Value,
    state::{NO_DATA, UNAVAILABLE, UnitState},
};

/// What was said when: for each name its values, each in force until the next one.
///
/// Where nobody was watching, say so in [`Inputs::unwatched`]; otherwise the last value is taken to be in force all the
/// while. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tracks(BTreeMap<Name, Arc<Vec<(Timestamp, Value)>>>);

impl Tracks {
    /// From `time` on this name has this value. In any order; of two at the same time the one said later stands. O(1)
    /// in order of time.
    pub fn say(&mut self, name: Name, time: Timestamp, value: Value) {
        let track = Arc::make_mut(self.0.entry(name).or_default());
        let at = match track.last() {
            Some(last) if last.0 < time => track.len(),
            _ => track.partition_point(|said| said.0 < time),
        };
        match track.get_mut(at) {
            Some(said) if said.0 == time => said.1 = value,
            _ => track.insert(at, (time, value)),
        }
    }

    /// The same of a signal, by its code.
    pub fn say_signal(&mut self, code: &str, time: Timestamp, value: Value) {
        self.say(Name::Signal(Arc::from(code)), time, value);
    }

    /// The values of this name, in order of time.
    pub fn track(&self, name: &Name) -> &[(Timestamp, Value)] {
        self.0.get(name).map_or(&[], |track| track.as_slice())
    }

    /// When something was said last.
    pub fn last_time(&self) -> Option<Timestamp> {
        self.0.values().filter_map(|track| track.last()).map(|said| said.0).max()
    }

    /// Forgets what is of no use for times from `time` on.
    pub fn forget_before(&mut self, time: Timestamp) {
        for track in self.0.values_mut() {
            let gone = track.partition_point(|said| said.0 <= time).saturating_sub(1);
            if gone > 0 {
                Arc::make_mut(track).drain(..gone);
            }
        }
    }
}

/// The stop that a condition is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// Its begin and its end; while it goes on, the present moment.
    pub interval: Interval,
    /// Whether it has ended. Of one that goes on it is only known that it lasts at least so long.
    pub ended: bool,
}

/// All that a condition is evaluated over.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    /// Signals and the other named values. `cause` is not read from here but from `states`.
    pub tracks: &'a Tracks,
    /// The unit's states: in order, without overlaps.
    pub states: &'a [StateInterval],
    /// Time that nobody watched, as given by [`unwatched`]: every value in `tracks` is unavailable then, and at its end the
    /// last one is in force again.
    pub unwatched: &'a [Interval],
    /// Seconds east of UTC at the site, as given by [`offset_of`].
    pub offset: &'a dyn Fn(Timestamp) -> i32,
    /// The stop being judged. Without one `lasts` is unknown.
    pub stop: Option<Stop>,
}

/// Of these states the time that nobody watched: in order, apart from each other.
pub fn unwatched(states: &[StateInterval]) -> Vec<Interval> {
    let mut found: Vec<Interval> = Vec::new();
    for state in states.iter().filter(|state| is_unwatched(state)) {
        match found.last_mut() {
            Some(last) if last.to == state.interval.from => last.to = state.interval.to,
            _ => found.push(state.interval),
        }
    }
    found
}

pub(super) fn is_unwatched(state: &StateInterval) -> bool {
    state.state == UnitState::Unknown && state.cause.as_deref() == Some(NOT_WATCHED)
}

/// The offset of local time in this time zone, seconds east of UTC.
pub fn offset_of<Tz: TimeZone>(tz: Tz) -> impl Fn(Timestamp) -> i32 {
    move |time| tz.offset_from_utc_datetime(&time.to_utc().naive_utc()).fix().local_minus_utc()
}

/// The value of `cause` in such a state. The causes that only say that nothing is known are no words of the machine.
pub(super) fn cause_value(state: UnitState, cause: Option<&Arc<str>>) -> Value {
    match cause {
        Some(cause) if state == UnitState::Unknown && [NOT_WATCHED, NO_DATA, UNAVAILABLE].contains(&&**cause) => {
            Value::Unavailable
        }
        Some(cause) => Value::Text(cause.clone()),
        None => Value::Unavailable,
    }
}
