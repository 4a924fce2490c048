//! What the protocol's status codes mean, for the electrician who reads them.

use opcua::types::{Error, StatusCode};

use super::{
    pki::Own,
    settings::{Identity, Settings},
};
use crate::collector::Failure;

/// Nothing came back while connecting.
pub(super) fn silent(settings: &Settings) -> Failure {
    let secs = settings.timeout.as_secs_f64();
    Failure::Silent(format!(
        "{} takes the connection but does not answer within {secs} s: is the server busy, or stuck?",
        settings.url
    ))
}

/// The server did not tell its endpoints.
pub(super) fn no_endpoints(settings: &Settings, error: &Error) -> Failure {
    let url = &settings.url;
    match error.status() {
        StatusCode::BadConnectionClosed | StatusCode::BadCommunicationError => {
            Failure::Gone(format!("{url} ended the connection at once: is this an OPC UA server?"))
        }
        StatusCode::BadTcpEndpointUrlInvalid => {
            Failure::Unusable(format!("{url} does not know itself by this address: give `url` as the server names it"))
        }
        StatusCode::BadTimeout => silent(settings),
        status => Failure::Refused(format!("{url} does not tell its endpoints: {}", plain(status))),
    }
}

/// No session came about.
pub(super) fn connecting(settings: &Settings, own: Option<&Own>, status: StatusCode) -> Failure {
    let url = &settings.url;
    match status {
        StatusCode::BadIdentityTokenRejected
        | StatusCode::BadIdentityTokenInvalid
        | StatusCode::BadUserAccessDenied => Failure::Unusable(match &settings.identity {
            Identity::Anonymous => format!("{url} lets no one in without a name: set `user` and `password_file`"),
            Identity::User { name, password_file } => format!(
                "{url} refuses the user `{name}` or its password: put `user` or the password in {} right",
                password_file.display()
            ),
            Identity::Certificate { certificate, .. } => {
                format!("{url} refuses the user certificate {}: have it trusted at the machine", certificate.display())
            }
        }),
        // A server that does not trust the collector may also just end the connection.
        StatusCode::BadSecurityChecksFailed
        | StatusCode::BadCertificateUntrusted
        | StatusCode::BadCertificateInvalid
        | StatusCode::BadCertificateUriInvalid
        | StatusCode::BadCertificateTimeInvalid
        | StatusCode::BadCertificateUseNotAllowed
        | StatusCode::BadCertificateHostNameInvalid
        | StatusCode::BadCertificateChainIncomplete => {
            let own = own.map(|own| {
                format!("; the collector's certificate is {}, thumbprint {}", own.file.display(), own.thumbprint)
            });
            Failure::Unusable(format!(
                "{url} refuses the collector's certificate ({}): have it trusted at the machine{}",
                plain(status),
                own.unwrap_or_default()
            ))
        }
        StatusCode::BadTooManySessions
        | StatusCode::BadMaxConnectionsReached
        | StatusCode::BadTcpNotEnoughResources => {
            Failure::Refused(format!("{url} has no session left: close other clients, or allow more at the machine"))
        }
        StatusCode::BadSecurityPolicyRejected => {
            Failure::Unusable(format!("{url} asks for a protection of the password that is not spoken here"))
        }
        StatusCode::BadTimeout => silent(settings),
        status => Failure::Gone(format!("no session with {url}: {}", plain(status))),
    }
}

/// Whether this ends the session.
pub(super) fn ended(status: StatusCode) -> Option<Failure> {
    match status {
        StatusCode::BadTimeout | StatusCode::BadRequestTimeout => Some(Failure::Silent("no answer".to_owned())),
        StatusCode::BadConnectionClosed
        | StatusCode::BadNotConnected
        | StatusCode::BadCommunicationError
        | StatusCode::BadSecureChannelClosed
        | StatusCode::BadServerNotConnected => Some(Failure::Gone("the connection broke".to_owned())),
        StatusCode::BadSessionIdInvalid
        | StatusCode::BadSessionClosed
        | StatusCode::BadSessionNotActivated
        | StatusCode::BadSecureChannelIdInvalid
        | StatusCode::BadSecureChannelTokenUnknown => {
            Some(Failure::Again(format!("the server ended the session ({})", plain(status))))
        }
        StatusCode::BadShutdown | StatusCode::BadServerHalted => {
            Some(Failure::Gone("the server is shutting down, or has halted".to_owned()))
        }
        StatusCode::BadDecodingError | StatusCode::BadEncodingLimitsExceeded | StatusCode::BadResponseTooLarge => {
            Some(Failure::Refused(format!("the server sent something that cannot be read: {}", plain(status))))
        }
        _ => None,
    }
}

/// What a service said, where it was needed.
pub(super) fn needed<T>(what: &str, answer: Result<T, StatusCode>) -> Result<T, Failure> {
    answer.map_err(|status| Failure::Refused(format!("the server refuses {what}: {}", plain(status))))
}

/// The code's name, and what it means.
pub(super) fn plain(status: StatusCode) -> String {
    let meaning = match status {
        StatusCode::BadNodeIdUnknown => "there is no such node",
        StatusCode::BadNodeIdInvalid => "this is no node id",
        StatusCode::BadNotReadable => "it cannot be read",
        StatusCode::BadUserAccessDenied => "the user may not",
        StatusCode::BadAttributeIdInvalid => "it has no value",
        StatusCode::BadTooManyMonitoredItems => "the server watches no more nodes",
        StatusCode::BadTooManySubscriptions => "the server has no subscription left",
        StatusCode::BadOutOfService => "out of service",
        StatusCode::BadNoCommunication | StatusCode::BadCommunicationError => "no communication with the device",
        StatusCode::BadNotConnected => "the device is not connected",
        StatusCode::BadDeviceFailure => "the device has failed",
        StatusCode::BadSensorFailure => "the sensor has failed",
        StatusCode::BadWaitingForInitialData => "nothing has come from the device yet",
        StatusCode::BadNotSupported | StatusCode::BadServiceUnsupported => "the server cannot",
        StatusCode::BadDecodingError => "it cannot be decoded",
        StatusCode::BadEncodingLimitsExceeded => "it is too large",
        _ => status.sub_code().description(),
    };
    format!("{} ({})", meaning.trim_end_matches('.'), status.sub_code())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_words() {
        assert_eq!(plain(StatusCode::BadNodeIdUnknown), "there is no such node (BadNodeIdUnknown)");
        let other = plain(StatusCode::BadHistoryOperationUnsupported);
        assert!(other.ends_with("(BadHistoryOperationUnsupported)") && other.len() > 40, "{other}");
    }

    #[test]
    fn what_ends_a_session() {
        assert!(matches!(ended(StatusCode::BadConnectionClosed), Some(Failure::Gone(_))));
        assert!(matches!(ended(StatusCode::BadSessionIdInvalid), Some(Failure::Again(_))));
        assert_eq!(ended(StatusCode::BadNodeIdUnknown), None);
    }
}
