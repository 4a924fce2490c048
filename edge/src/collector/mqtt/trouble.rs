//! What ended a connection to a broker, in words for an electrician.

use std::io;

use rumqttc::{ConnectReturnCode, ConnectionError, StateError, TlsError, v5};
use rustls::{AlertDescription, CertificateError};

use super::broker::Broker;
use crate::collector::Failure;
use v5::mqttbytes::v5::{ConnectReturnCode as Refused, DisconnectReasonCode as Farewell};

/// The end of a connection.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) failure: Failure,
    /// The broker sent what cannot be taken, and would send it again in the same session.
    pub(super) poisoned: bool,
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        Self { failure, poisoned: false }
    }
}

fn poisoned(failure: Failure) -> Ended {
    Ended { failure, poisoned: true }
}

fn at(broker: &Broker) -> String {
    format!("the broker {}:{}", broker.host, broker.port)
}

/// The broker did not answer in time.
pub(super) fn no_answer(broker: &Broker) -> Ended {
    let text = format!(
        "{} did not answer within {:?}: is it running, is the port right, is a firewall in between?",
        at(broker),
        broker.timeout
    );
    Failure::Gone(text).into()
}

/// It answered once, and is silent now.
pub(super) fn silent(broker: &Broker) -> Ended {
    let text = format!(
        "{} is silent: it did not answer within {:?} when it was asked whether it lives",
        at(broker),
        broker.timeout
    );
    Failure::Silent(text).into()
}

/// The client library broke down on what the broker sent.
pub(super) fn broke_down(broker: &Broker) -> Ended {
    poisoned(Failure::Refused(format!("{} sent a packet that is no MQTT", at(broker))))
}

pub(super) fn v3(error: &ConnectionError, broker: &Broker) -> Ended {
    match error {
        ConnectionError::NetworkTimeout | ConnectionError::FlushTimeout => no_answer(broker),
        ConnectionError::Io(error) => dialling(error, broker),
        ConnectionError::Tls(error) => handshake(error, broker),
        ConnectionError::ConnectionRefused(code) => match code {
            ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized => no_entry(broker),
            ConnectReturnCode::BadClientId => bad_client_id(broker),
            ConnectReturnCode::RefusedProtocolVersion => other_version(broker),
            other => Failure::Gone(format!("{} lets nobody in just now ({other:?})", at(broker))).into(),
        },
        ConnectionError::NotConnAck(_) => broke_down(broker),
        ConnectionError::RequestsDone => closed(broker),
        ConnectionError::MqttState(error) => match error {
            StateError::AwaitPingResp => silent(broker),
            StateError::Io(error) => dialling(error, broker),
            StateError::Deserialization(error) => match error {
                rumqttc::Error::Io(error) => dialling(error, broker),
                rumqttc::Error::PayloadSizeLimitExceeded(size) => too_large(broker, *size),
                other => unreadable(broker, other),
            },
            StateError::ConnectionAborted => closed(broker),
            other => poisoned(Failure::Gone(format!("{} broke the rules of MQTT: {other}", at(broker)))),
        },
    }
}

pub(super) fn v5(error: &v5::ConnectionError, broker: &Broker) -> Ended {
    match error {
        v5::ConnectionError::Timeout(_) => no_answer(broker),
        v5::ConnectionError::Io(error) => dialling(error, broker),
        v5::ConnectionError::Tls(error) => handshake(error, broker),
        v5::ConnectionError::ConnectionRefused(code) => refused(*code, broker),
        v5::ConnectionError::NotConnAck(_) => broke_down(broker),
        v5::ConnectionError::RequestsDone => closed(broker),
        v5::ConnectionError::MqttState(error) => match error {
            v5::StateError::AwaitPingResp => silent(broker),
            v5::StateError::Io(error) => dialling(error, broker),
            v5::StateError::Deserialization(error) => match error {
                v5::mqttbytes::Error::Io(error) => dialling(error, broker),
                v5::mqttbytes::Error::PayloadSizeLimitExceeded { pkt_size, .. } => too_large(broker, *pkt_size),
                other => unreadable(broker, other),
            },
            v5::StateError::IncomingPacketTooLarge { pkt_size, .. } => too_large(broker, *pkt_size),
            v5::StateError::ConnectionAborted => closed(broker),
            v5::StateError::ConnFail { reason } => refused(*reason, broker),
            v5::StateError::ServerDisconnect { reason_code, reason_string } => {
                farewell(*reason_code, reason_string.as_deref(), broker)
            }
            other => poisoned(Failure::Gone(format!("{} broke the rules of MQTT: {other}", at(broker)))),
        },
    }
}

fn refused(code: Refused, broker: &Broker) -> Ended {
    match code {
        Refused::BadUserNamePassword | Refused::NotAuthorized | Refused::Banned | Refused::BadAuthenticationMethod => {
            no_entry(broker)
        }
        Refused::BadClientId | Refused::ClientIdentifierNotValid => bad_client_id(broker),
        Refused::RefusedProtocolVersion | Refused::UnsupportedProtocolVersion => other_version(broker),
        Refused::UseAnotherServer | Refused::ServerMoved => Failure::Unusable(format!(
            "{} says that another broker is to be used ({code:?}): correct `url`",
            at(broker)
        ))
        .into(),
        other => Failure::Gone(format!("{} lets nobody in just now ({other:?})", at(broker))).into(),
    }
}

fn farewell(code: Farewell, reason: Option<&str>, broker: &Broker) -> Ended {
    let why = reason.map(|reason| format!(", `{}`", reason.chars().take(200).collect::<String>())).unwrap_or_default();
    match code {
        Farewell::SessionTakenOver => Failure::Unusable(format!(
            "another client took the client id `{}` at {}: give each collector and each source a `client_id` of its own",
            broker.client_id,
            at(broker)
        ))
        .into(),
        Farewell::NotAuthorized => no_entry(broker),
        Farewell::ServerShuttingDown => Failure::Gone(format!("{} is shutting down{why}", at(broker))).into(),
        Farewell::PacketTooLarge | Farewell::MalformedPacket | Farewell::ProtocolError => {
            poisoned(Failure::Gone(format!("{} ended the connection ({code:?}{why})", at(broker))))
        }
        other => Failure::Gone(format!("{} ended the connection ({other:?}{why})", at(broker))).into(),
    }
}

fn no_entry(broker: &Broker) -> Ended {
    let text = match (&broker.user, &broker.identity) {
        (Some(user), _) => format!("{} refuses the user `{user}`: put user or password right", at(broker)),
        (None, Some(_)) => {
            format!("{} refuses our certificate: allow it there, or set `user` and `password_file`", at(broker))
        }
        (None, None) => format!("{} lets nobody in without a name: set `user` and `password_file`", at(broker)),
    };
    Failure::Unusable(text).into()
}

fn bad_client_id(broker: &Broker) -> Ended {
    Failure::Unusable(format!("{} refuses the client id `{}`: set another `client_id`", at(broker), broker.client_id))
        .into()
}

fn other_version(broker: &Broker) -> Ended {
    Failure::Unusable(format!(
        "{} does not speak this version of MQTT: set `version` to the other one (\"3.1.1\" or \"5\")",
        at(broker)
    ))
    .into()
}

fn too_large(broker: &Broker, size: usize) -> Ended {
    let text = format!("{} sent a packet of {size} bytes, more than `max_packet` ({})", at(broker), broker.max_packet);
    poisoned(Failure::Refused(text))
}

fn unreadable(broker: &Broker, error: &dyn std::fmt::Display) -> Ended {
    let text = format!("{} sent a packet that is no MQTT of this version ({error}); is `version` right?", at(broker));
    poisoned(Failure::Refused(text))
}

fn closed(broker: &Broker) -> Ended {
    let hint = if broker.encrypted { "" } else { "; if it wants TLS, use mqtts://" };
    Failure::Gone(format!("{} closed the connection{hint}", at(broker))).into()
}

/// The connection ended soon after the broker had let us in.
pub(super) fn soon(ended: Ended, broker: &Broker) -> Ended {
    match ended.failure {
        Failure::Gone(text) => Ended {
            failure: Failure::Gone(format!(
                "{text}; it had just let us in: does another client have the client id `{}`? Give each a `client_id` of its own",
                broker.client_id
            )),
            ..ended
        },
        failure => Ended { failure, ..ended },
    }
}

fn dialling(error: &io::Error, broker: &Broker) -> Ended {
    if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return encryption(error, broker);
    }
    let text = match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            format!("nothing listens at {}:{}: is the broker running, is the port right?", broker.host, broker.port)
        }
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            return closed(broker);
        }
        // The library cannot read a farewell without properties, which is what most brokers send.
        io::ErrorKind::Other if error.to_string().contains("bytes remaining") => return closed(broker),
        _ => format!("{} cannot be reached: {error}", at(broker)),
    };
    Failure::Gone(text).into()
}

fn handshake(error: &TlsError, broker: &Broker) -> Ended {
    match error {
        TlsError::Io(error) => dialling(error, broker),
        TlsError::TLS(error) => encryption(error, broker),
        other => Failure::Unusable(format!("{} cannot be reached by TLS: {other}", at(broker))).into(),
    }
}

fn encryption(error: &rustls::Error, broker: &Broker) -> Ended {
    let unusable = |text: String| Failure::Unusable(text).into();
    match error {
        rustls::Error::InvalidCertificate(why) => {
            let what = match why {
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                    "has expired: give the broker a new one".to_owned()
                }
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                    "is not valid yet: set the clocks right".to_owned()
                }
                CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                    "was signed by nobody who is trusted here: put its issuer's certificate into `ca_file`, if the change was meant".to_owned()
                }
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                    format!("is for another name than `{}`: correct `url`, or give the broker another one", broker.host)
                }
                other => format!("cannot be trusted ({other}): put its issuer's certificate into `ca_file`"),
            };
            unusable(format!("the certificate of {} {what}", at(broker)))
        }
        rustls::Error::AlertReceived(
            alert @ (AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::DecryptError
            | AlertDescription::AccessDenied
            | AlertDescription::HandshakeFailure
            | AlertDescription::ProtocolVersion),
        ) => unusable(format!(
            "{} refuses us ({alert:?}): put `certificate` and `key` right, or allow them there",
            at(broker)
        )),
        rustls::Error::InvalidMessage(_) => {
            unusable(format!("{} does not speak TLS on this port: use its TLS port, or mqtt://", at(broker)))
        }
        other => Failure::Gone(format!("{} cannot be reached by TLS: {other}", at(broker))).into(),
    }
}
