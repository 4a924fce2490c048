//! How OEE is made: samples to facts, facts to elements, elements to figures (ISO 22400-2).
//!
//! ```text
//!  samples by role ─┐   fold / derive      intervals, counts       elements        kpi
//!                   ├──> UnitFold ──────────> UnitFacts ───────────> Elements ──> figures
//!  coverage ────────┘            reasons (annotate) ▲  ▲ Plan: shifts, works
//! ```
//!
//! 1. **Facts** ([`UnitFold`], [`derive()`]). The newest value of each role decides the state
//!    ([`crate::state::classify`]); a change of state ends one [`StateInterval`] and begins the next. Intervals leave no
//!    hole and do not overlap. Time in which no collector was watching is unknown, whatever was last heard.
//!    Running totals become [`CountDelta`]s; what cannot be is [`Quarantined`] and shown, never counted and never
//!    dropped without a word. The fold takes events one at a time, in order, and gives at each moment the same
//!    facts as a derivation over everything would: live figures and figures worked out years later are one.
//! 2. **Elements** ([`elements()`], [`by_hour`]). Reasons are laid over the intervals ([`crate::reason::annotate`]); the
//!    [`Plan`] (shifts, breaks, planned stops, orders) and the intervals cut each other; each piece falls in one of eight
//!    [buckets](Bucket), which sum to calendar time to the microsecond. Elements are additive: over hours, shifts, units,
//!    orders, products.
//! 3. **Figures** (methods of [`Elements`], by a [`Profile`]). One division at the very end. A denominator of zero gives `None`: no
//!    value, neither 0 % nor 100 %. Unknown time is in no denominator; [`Elements::coverage`] stands beside every figure.
//!
//! The identity OEE = availability x effectiveness x quality ratio = sum(PRI x GQ) / PBT holds for every answer.
//!
//! # Pieces
//! A piece belongs to the moment at which its count was read: the end of its delta's interval. Good, scrap and
//! total follow from those counters that the unit has ([`CountRoles`]), linearly, so that deltas may be added in any
//! order; scrap booked after the total it belongs to makes a delta with negative good.
//!
//! PQ, GQ and SQ hold every piece. The weighted sums behind effectiveness, quality ratio and OEE hold those pieces that
//! were made in the time that the denominators hold:
//! - pieces read outside every shift are left out (nobody planned that time);
//! - pieces of a gap are taken by the share of known producing time in the time in which they can have been made
//!   ([`CountDelta::known_share`]): a collector that was away for an hour must not lift OEE above what was seen;
//! - pieces read in a break count, since a break seldom begins exactly with a finished piece. A machine that runs
//!   through its breaks therefore shows an effectiveness above 100 %; its plan should not have them.

mod config;
mod counter;
mod coverage;
mod elements;
mod facts;
mod fold;
mod kpi;
mod labels;
mod profile;
mod reliability;
mod timeline;

#[cfg(test)]
mod properties;

pub use config::{CountRoles, UnitConfig};
pub use counter::QuarantineReason;
pub use elements::{Bucket, Elements, Loss, Plan, Row, by_hour, elements};
pub use facts::{CountDelta, Event, Label, Quarantined, StateInterval, UnitFacts};
pub use fold::{Carry, Current, OutOfOrder, UnitFold, derive, derive_from};
pub use profile::{Factors, Profile};
pub use reliability::{Failures, failures};
pub use timeline::NOT_WATCHED;
