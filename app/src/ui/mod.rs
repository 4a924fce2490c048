//! Widgets that several features use.

mod announcer;
mod bars;
mod change;
mod error;
mod field;
mod figure;
mod focus;
mod frame;
mod freshness;
mod outline;
mod period;
pub(crate) mod plot;
mod scope;
mod scrub;
mod silence;
mod state;
mod strip;
mod table;
mod theme;

pub(crate) use announcer::Announcer;
pub(crate) use bars::{Bar, KpiBars};
pub(crate) use change::{Change, refused};
pub(crate) use error::{ErrorNotice, ErrorPage, NotFoundPage, Notice};
pub(crate) use field::{choice, field};
pub(crate) use figure::{FULL_COVERAGE, trend_of};
pub(crate) use focus::focus_soon;
pub(crate) use frame::{Brand, Frame, PageHeader, SkipLink};
pub(crate) use freshness::LivePill;
pub(crate) use outline::{offset_at, place_name, places, time_at};
pub(crate) use period::{PeriodLinks, ProfileLinks, Stretch};
pub(crate) use scope::{Scope, page_of};
pub(crate) use scrub::Scrub;
pub(crate) use state::StateLabel;
pub(crate) use strip::{HourAxis, Legend, PAINTED, Strip, StripTable, window_of};
pub(crate) use table::{Cell, data_table, escaped, open_table, table_fold};
