//! The two versions of MQTT behind one face: what is asked of the client library, and what it says.

use std::time::Duration;

use bytes::Bytes;
use rumqttc::{
    AsyncClient, EventLoop, MqttOptions, Outgoing, Packet, QoS, SubscribeFilter, SubscribeReasonCode, TlsConfiguration,
    Transport,
    v5::{self, mqttbytes::v5 as five},
};

use super::{
    broker::{Broker, Version},
    link::Opening,
    tls,
    trouble::{self, Ended},
};
use crate::collector::Failure;

/// Requests that may wait for the connection: more than messages that may wait for their acknowledgement, so that neither
/// side waits for the other.
const REQUESTS: usize = 8_192;
/// Messages that a broker of version 5 may send before the first of them is acknowledged.
const RECEIVE_MAXIMUM: u16 = 1_000;
/// Largest packet that is sent: a list of filters.
const MAX_SENT: usize = 256 << 10;

/// What a connection said.
#[derive(Debug)]
pub(super) enum Heard {
    /// The broker let us in; whether it still had our session.
    Connected(bool),
    /// The answer to a subscription: for each filter whether it is granted.
    Subscribed(Vec<bool>),
    /// A message; `packet` is its number when it wants to be acknowledged.
    Message { topic: Bytes, payload: Bytes, retained: bool, packet: Option<u16> },
    /// We asked whether it lives.
    Asked,
    /// Anything else that came from the broker.
    Alive,
    /// Nothing of interest.
    Nothing,
}

/// What is asked of a connection.
#[derive(Clone, Debug)]
pub(super) enum Requests {
    V3(AsyncClient),
    V5(v5::AsyncClient),
}

/// A connection that must be polled.
pub(super) enum Wire {
    V3(Box<EventLoop>),
    V5(Box<v5::EventLoop>),
}

/// A connection that is dialled with the first poll.
pub(super) fn open(broker: &Broker, opening: &Opening) -> Result<(Requests, Wire), Failure> {
    let login = login(broker)?;
    let transport = match broker.encrypted {
        true => Transport::Tls(TlsConfiguration::Rustls(tls::config(broker)?)),
        false => Transport::Tcp,
    };
    let seconds = broker.timeout.as_secs().max(1);
    Ok(match broker.version {
        Version::V3 => {
            let mut options = MqttOptions::new(&opening.client_id, &broker.host, broker.port);
            options.set_transport(transport).set_keep_alive(whole_seconds(broker.keep_alive));
            options.set_clean_session(opening.clean).set_manual_acks(true);
            options.set_max_packet_size(broker.max_packet as usize, MAX_SENT);
            if let Some((user, password)) = login {
                options.set_credentials(user, password);
            }
            if let Some((topic, payload)) = &opening.will {
                options.set_last_will(rumqttc::LastWill::new(topic, payload.clone(), QoS::AtLeastOnce, true));
            }
            let (client, mut wire) = AsyncClient::new(options, REQUESTS);
            wire.network_options.set_connection_timeout(seconds);
            wire.network_options.set_tcp_nodelay(true);
            (Requests::V3(client), Wire::V3(Box::new(wire)))
        }
        Version::V5 => {
            let mut options = v5::MqttOptions::new(&opening.client_id, &broker.host, broker.port);
            options.set_transport(transport).set_keep_alive(whole_seconds(broker.keep_alive));
            options.set_clean_start(opening.clean).set_manual_acks(true);
            options.set_connection_timeout(seconds);
            let mut properties = five::ConnectProperties::new();
            properties.session_expiry_interval = Some(u32::try_from(opening.expiry.as_secs()).unwrap_or(u32::MAX));
            properties.receive_maximum = Some(RECEIVE_MAXIMUM);
            properties.max_packet_size = Some(broker.max_packet);
            options.set_connect_properties(properties);
            if let Some((user, password)) = login {
                options.set_credentials(user, password);
            }
            if let Some((topic, payload)) = &opening.will {
                let qos = v5::mqttbytes::QoS::AtLeastOnce;
                options.set_last_will(five::LastWill::new(topic, payload.clone(), qos, true, None));
            }
            let (client, wire) = v5::AsyncClient::new(options, REQUESTS);
            (Requests::V5(client), Wire::V5(Box::new(wire)))
        }
    })
}

/// The protocol counts in whole seconds.
fn whole_seconds(time: Duration) -> Duration {
    Duration::from_secs(time.as_secs().clamp(5, u16::MAX.into()))
}

fn login(broker: &Broker) -> Result<Option<(String, String)>, Failure> {
    let Some(user) = &broker.user else { return Ok(None) };
    let password = match &broker.password_file {
        None => String::new(),
        Some(path) => std::fs::read_to_string(path).map_err(|error| {
            Failure::Unusable(format!("`password_file` {} cannot be read: {error}", path.display()))
        })?,
    };
    Ok(Some((user.clone(), password.trim_end_matches(['\r', '\n']).to_owned())))
}

/// A request could not be handed over: the connection has ended, and says why when it is polled.
#[derive(Debug)]
pub(super) struct NotTaken;

impl Requests {
    /// Subscribes to these filters by one packet.
    pub(super) fn subscribe(&self, filters: &[String], qos: u8) -> Result<(), NotTaken> {
        let taken = match self {
            Self::V3(client) => {
                let qos = if qos == 0 { QoS::AtMostOnce } else { QoS::AtLeastOnce };
                let filters = filters.iter().map(|filter| SubscribeFilter::new(filter.clone(), qos));
                client.try_subscribe_many(filters).is_ok()
            }
            Self::V5(client) => {
                use v5::mqttbytes::QoS;
                let qos = if qos == 0 { QoS::AtMostOnce } else { QoS::AtLeastOnce };
                client.try_subscribe_many(filters.iter().map(|filter| five::Filter::new(filter, qos))).is_ok()
            }
        };
        taken.then_some(()).ok_or(NotTaken)
    }

    /// Acknowledges a message of QoS 1.
    pub(super) fn acknowledge(&self, packet: u16) -> Result<(), NotTaken> {
        let taken = match self {
            Self::V3(client) => {
                let mut message = rumqttc::Publish::new("", QoS::AtLeastOnce, Vec::new());
                message.pkid = packet;
                client.try_ack(&message).is_ok()
            }
            Self::V5(client) => {
                let mut message = five::Publish::new("", v5::mqttbytes::QoS::AtLeastOnce, Bytes::new(), None);
                message.pkid = packet;
                client.try_ack(&message).is_ok()
            }
        };
        taken.then_some(()).ok_or(NotTaken)
    }

    /// Publishes; `sure`: QoS 1 and retained.
    pub(super) fn publish(&self, topic: &str, payload: Vec<u8>, sure: bool) -> Result<(), NotTaken> {
        let taken = match self {
            Self::V3(client) => {
                let qos = if sure { QoS::AtLeastOnce } else { QoS::AtMostOnce };
                client.try_publish(topic, qos, sure, payload).is_ok()
            }
            Self::V5(client) => {
                use v5::mqttbytes::QoS;
                let qos = if sure { QoS::AtLeastOnce } else { QoS::AtMostOnce };
                client.try_publish(topic, qos, sure, payload).is_ok()
            }
        };
        taken.then_some(()).ok_or(NotTaken)
    }

    /// Takes leave.
    pub(super) fn disconnect(&self) -> Result<(), NotTaken> {
        let taken = match self {
            Self::V3(client) => client.try_disconnect().is_ok(),
            Self::V5(client) => client.try_disconnect().is_ok(),
        };
        taken.then_some(()).ok_or(NotTaken)
    }
}

impl Wire {
    /// Goes on with the connection until something happens.
    pub(super) async fn poll(&mut self, broker: &Broker) -> Result<Heard, Ended> {
        match self {
            Self::V3(wire) => match wire.poll().await {
                Ok(event) => Ok(heard_v3(event)),
                Err(error) => Err(trouble::v3(&error, broker)),
            },
            Self::V5(wire) => match wire.poll().await {
                Ok(event) => Ok(heard_v5(event)),
                Err(error) => Err(trouble::v5(&error, broker)),
            },
        }
    }
}

fn heard_v3(event: rumqttc::Event) -> Heard {
    match event {
        rumqttc::Event::Outgoing(Outgoing::PingReq) => Heard::Asked,
        rumqttc::Event::Outgoing(_) => Heard::Nothing,
        rumqttc::Event::Incoming(Packet::ConnAck(answer)) => Heard::Connected(answer.session_present),
        rumqttc::Event::Incoming(Packet::SubAck(answer)) => Heard::Subscribed(
            answer.return_codes.iter().map(|code| matches!(code, SubscribeReasonCode::Success(_))).collect(),
        ),
        rumqttc::Event::Incoming(Packet::Publish(message)) => Heard::Message {
            packet: (message.qos != QoS::AtMostOnce).then_some(message.pkid),
            topic: Bytes::from(message.topic),
            payload: message.payload,
            retained: message.retain,
        },
        rumqttc::Event::Incoming(_) => Heard::Alive,
    }
}

fn heard_v5(event: v5::Event) -> Heard {
    match event {
        v5::Event::Outgoing(Outgoing::PingReq) => Heard::Asked,
        v5::Event::Outgoing(_) => Heard::Nothing,
        v5::Event::Incoming(five::Packet::ConnAck(answer)) => Heard::Connected(answer.session_present),
        v5::Event::Incoming(five::Packet::SubAck(answer)) => Heard::Subscribed(
            answer.return_codes.iter().map(|code| matches!(code, five::SubscribeReasonCode::Success(_))).collect(),
        ),
        v5::Event::Incoming(five::Packet::Publish(message)) => Heard::Message {
            packet: (message.qos != v5::mqttbytes::QoS::AtMostOnce).then_some(message.pkid),
            topic: message.topic,
            payload: message.payload,
            retained: message.retain,
        },
        v5::Event::Incoming(_) => Heard::Alive,
    }
}
