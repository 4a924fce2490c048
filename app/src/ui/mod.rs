//! Widgets that several features use.

mod announcer;
mod bars;
mod error;
mod frame;
mod freshness;
pub(crate) mod plot;
mod scrub;
mod state;
mod strip;
mod theme;

pub(crate) use announcer::Announcer;
pub(crate) use bars::{Bar, KpiBars};
pub(crate) use error::{ErrorNotice, ErrorPage, NotFoundPage, Notice};
pub(crate) use frame::{Brand, Frame, PageHeader, SkipLink};
pub(crate) use freshness::LivePill;
pub(crate) use scrub::Scrub;
pub(crate) use state::{StateLabel, state_word};
pub(crate) use strip::{HourAxis, Legend, Strip, StripTable, window_of};
