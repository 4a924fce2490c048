//! The pages of Gemba: server-rendered, then hydrated. They are the first client of the REST API
//! ([`api`]) and of the live WebSocket ([`live`]); there is no other way in.
//!
//! The server gives a request these contexts: [`InProcessApi`] (how pages reach the API while they
//! are rendered), [`PageStatus`] (the HTTP status that the page wants), [`PageChunks`] (the code that it
//! needs), and renders [`shell`].
#![warn(missing_docs)]
#![recursion_limit = "512"]

mod andon;
pub mod api;
mod app;
mod calendar;
mod chunk;
mod clock;
mod collectors;
mod compare;
mod derivation;
pub mod format;
mod line;
pub mod live;
mod orders;
mod overview;
mod products;
mod reasons;
pub mod session;
mod shell;
mod ui;
mod unit;

pub use api::{ApiReply, InProcessApi};
pub use app::App;
pub use chunk::PageChunks;
pub use shell::{PageStatus, ShellOptions, Theme, shell};
