//! The collector's wall clock.

use gemba_domain::Timestamp;

/// Now, by the system's clock.
pub fn now() -> Timestamp {
    chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()).into()
}
