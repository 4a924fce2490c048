//! The Gemba server: takes what collectors send, keeps it, makes figures of it and shows them.

// The types of the pages are nested deeply.
#![recursion_limit = "512"]

pub mod auth;
pub mod backfill;
pub mod calendar;
pub mod cli;
pub mod clock;
pub mod collector;
pub mod config;
pub mod database;
pub mod historian;
pub mod identity;
pub mod ingest;
pub mod live;
pub mod nearest;
pub mod oee;
pub mod order;
pub mod overview;
pub mod plant;
pub mod reason;
pub mod report;
pub mod rule;
pub mod state;
pub mod web;
