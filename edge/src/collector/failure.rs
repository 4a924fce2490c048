//! Why a source gives no data, and what follows from each reason.

/// What ended a session. The words are for the electrician who reads them: what is wrong, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The queue takes nothing any more: the collector is shutting down.
    #[error("the queue is closed")]
    Closed,
    /// Begin anew at once; nothing is wrong with the source.
    #[error("{0}")]
    Again(String),
    /// It said something that cannot be used. After three in a row it counts as lost.
    #[error("{0}")]
    Refused(String),
    /// Nothing was heard for too long: it counts as lost since it was heard last.
    #[error("{0}")]
    Silent(String),
    /// No connection, or it broke. It is tried again at once, then counts as lost.
    #[error("{0}")]
    Gone(String),
    /// A person must put something right: a password, a certificate, a setting. Lost at once, tried again every minute.
    #[error("{0}")]
    Unusable(String),
}
