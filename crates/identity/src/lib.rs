//! Who collectors are: the code that lets one in, its key and its certificates, and the TLS between it and the server.
//!
//! Both ends use this crate, so that what one signs the other judges by the same rule. The rule knows no clock: a certificate is
//! tried at the moment it was issued for, since a collector's clock may stand in 1970. Whether one has expired is for the
//! server alone to say, by its own clock (`docs/decisions/0011-collector-identity.md`).
#![warn(missing_docs)]

mod authority;
mod certificate;
mod code;
mod files;
mod key;
mod tls;

pub use authority::{Authority, AuthorityError, Issued, Lifetime};
pub use certificate::{Distrust, Facts, Usage, pem};
pub use code::{Code, CodeError, Fingerprint};
pub use files::{private_directory, write_private};
pub use key::{Key, KeyError, Request};
pub use tls::{Credentials, Trust, client_config, server_config};

/// Now, for those who have no other clock at hand.
pub(crate) type Time = std::time::SystemTime;

#[cfg(test)]
mod tests;
