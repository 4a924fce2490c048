//! OPC UA servers over `opc.tcp` (OPC UA parts 4, 6, 8 and 11).
//!
//! How values keep their truth when something goes wrong:
//!
//! - **A session that breaks is not mended.** Its successor begins from the start: the address space is looked through, every node is
//!   watched anew, and the first value of each comes with that.
//! - **What may have been missed is a gap.** When a session ends, whatever the reason, each signal is *unavailable* from when the
//!   server was heard last. Its first value afterwards keeps the server's time when that is later; a value that is
//!   older is stamped with its arrival, because only since then is it known again.
//! - **History closes the gap.** Where the server recorded a node (and lets the user read that), what it recorded since the
//!   loss is read. When it lived all the time and still has the value from before, nothing was missed: the *unavailable* is taken back.
//!   Where it was restarted in between, the gap ends with the first value that it recorded.
//! - **The server is made to wait.** It sends only when asked, and is asked again when the queue has taken what came. What its own queues
//!   could not hold meanwhile it says with the next value; that is counted.
//! - **Nothing is trusted that a person did not trust.** Messages are signed and encrypted, and the server's certificate must lie in
//!   `pki/trusted`, byte for byte.

mod address;
mod browse;
mod dial;
mod facts;
mod kinds;
mod link;
mod mapping;
mod pki;
mod security;
mod server;
mod settings;
mod source;
mod types;
mod values;
mod words;

pub use security::Security;
pub use settings::{Identity, Settings};
pub use source::Source;

use super::{Failure, Survey};

/// What the server has, and what of it would be read.
pub async fn survey(settings: &Settings) -> Result<Survey, Failure> {
    let (link, remarks) = link::Link::open(settings).await?;
    let survey = async {
        let namespaces = server::namespaces(&link).await?;
        let limits = server::limits(&link).await?;
        let mapping = mapping::Mapping::of(settings, &link, limits, &namespaces).await?;
        Ok(mapping.into_survey(&namespaces))
    };
    let survey = survey.await;
    link.close().await;
    for remark in remarks.0 {
        tracing::warn!("{remark}");
    }
    survey
}
