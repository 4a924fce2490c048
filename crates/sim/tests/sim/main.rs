//! The simulator from outside: over HTTP, from files, over hours of the model.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod demo_files;
mod document;
mod faults;
mod plant;
mod program;
mod protocol;
mod replay;
mod streams;
