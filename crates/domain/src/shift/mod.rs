//! Shifts: weekly patterns in local time, made into instances in the site's time zone.
//!
//! A [`ShiftPattern`] says "Night, 22:00 to 06:00, Monday to Friday, break 02:00 to 02:30". A [`ShiftInstance`]
//! is one such night with a begin and an end in UTC. What is counted is counted by instances; patterns only make them.
//! A [`Roster`] says which teams work which shifts by rotations; a [`Closure`] takes holidays and planned downtime out;
//! a [`Calendar`] puts versions of a roster one after the other, so that a change leaves the past as it was.
//!
//! Local times that do not exist or exist twice (clocks put forward or back):
//! - a time in the skipped hour means the moment of the jump;
//! - a time in the repeated hour means its first occurrence.
//!
//! Begin and end of neighbouring shifts are resolved by the same rule, so that they meet exactly: on a day of 23 or
//! 25 hours one shift is an hour shorter or longer, and no time is lost or counted twice. An instance that
//! would be empty is left out.

mod calendar;
mod closure;
mod instance;
mod pattern;
mod rotation;

pub use calendar::{Calendar, Version};
pub use closure::{Closure, ClosureKind, closed};
pub use instance::{ShiftInstance, instances, moment};
pub use pattern::{ShiftError, ShiftPattern, Weekdays, check_week};
pub use rotation::{Roster, Rotation, Segment, Team};
