//! Measurements and fault tests with the real programs: `gemba serve` with its own Postgres, `gemba-edge`, and machines
//! made by `gemba-sim`.
//!
//! - [`rig`] starts, kills and asks the programs.
//! - [`report`] prints figures beside their targets, and one JSON object as the last line.
//! - [`live`]: from a collector's send to five hundred browsers.
//! - [`ingest`]: durable samples a second, bytes a sample, a signal's day; beside COPY and VictoriaMetrics.
//! - [`kpi`]: a month of a plant's figures, from stored elements to the page.
//! - [`execution`]: recorded machines, imported and summed up by day.
//! - [`oee`]: reference cases of figures, calendars and state processing.
//! - [`sme`], [`stops`]: tables of real machines and a real list of stops, imported and made into figures.
//! - [`spine`]: kills everything on the way from a machine to the figures, and checks every sample afterwards.
#![warn(missing_docs)]

pub mod execution;
pub mod ingest;
pub mod kpi;
pub mod live;
pub mod oee;
pub mod report;
pub mod rig;
pub mod sme;
pub mod spine;
pub mod stops;
