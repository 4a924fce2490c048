//! When a site works: versions of shifts, rotations and teams, and closures. A change leaves the past as it was; one that is
//! valid from the past makes the figures since then anew, and leaves those reported first beside them.

mod definition;
mod error;
mod queries;
mod routes;
mod service;
mod store;
mod view;

pub use definition::{DAYS, break_minutes, definition, local_time, minute_of_day, roster, weekday_bit};
pub use error::CalendarError;
pub use queries::{ClosureRow, delete_closure, put_closure, put_version};
pub use routes::routes;
pub use service::{Service, told_moment};
pub use store::{Stored, load};
pub use view::local;

/// A site's calendar.
pub type Calendar = gemba_domain::shift::Calendar<chrono_tz::Tz>;

/// Who entered what came from the plant file.
pub const PLANT_FILE: &str = "plant file";

#[cfg(test)]
mod tests;
