//! The server's clock, read in one place.

use gemba_domain::Timestamp;

/// Now.
pub fn now() -> Timestamp {
    chrono::Utc::now().into()
}
