//! Files that somebody puts into a directory: CSV, each row with a time of its own.
//!
//! How values keep their truth:
//!
//! - **Rows are history.** Their times are the file's, of any past; they say nothing of what is in force now, so that nothing becomes
//!   unavailable when no file comes or the directory cannot be read. That is told in the source's health.
//! - **Each file is taken once.** It is known by its content (SHA-256 and size), not by its name. How many of its rows were handed on is
//!   stored in the same transaction as the last of them. After `kill -9` it is read on from there; a row that is handed on twice is the
//!   same fact (same signal, time and value).
//! - **It is moved to `done` only when all its rows are on the queue's disk.** A copy of a file that was taken is moved there, unread.
//! - **What cannot be read is kept for a person**: a bad row in `failed/NAME.rows.csv` with its number and the reason, a file that is none
//!   in `failed` with `NAME.reason.txt`. Corrected rows can be dropped again as they are.
//! - **A file is taken when it rests**: size and time of change stood still for `settle`. The directory is looked at every second, because
//!   the system tells of no changes on network shares.

mod cells;
mod folder;
mod mapper;
mod rows;
mod settings;
mod source;
mod survey;
mod text;

pub use settings::Settings;
pub use source::Source;
pub use survey::survey;
