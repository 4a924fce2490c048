//! What a host application says of itself, and what it asks of edge nodes: all that is ever published.

use bytes::Bytes;
use gemba_domain::Timestamp;
use prost::Message;

use super::{
    proto::{Metric, Payload, metric},
    topic::NAMESPACE,
    value::datatype,
};

/// The topic of a host's STATE.
pub(super) fn state_topic(host_id: &str) -> String {
    format!("{NAMESPACE}/STATE/{host_id}")
}

/// A STATE. A birth has the time of the will of its connection.
pub(super) fn state(online: bool, time: u64) -> Vec<u8> {
    format!("{{\"online\":{online},\"timestamp\":{time}}}").into_bytes()
}

/// Whether somebody says that we are not there.
pub(super) fn says_offline(payload: &Bytes) -> bool {
    #[derive(serde::Deserialize)]
    struct State {
        online: bool,
    }
    serde_json::from_slice::<State>(payload).is_ok_and(|state| !state.online)
}

/// Where commands for an edge node go.
pub(super) fn command_topic(group: &str, node: &str) -> String {
    format!("{NAMESPACE}/{group}/NCMD/{node}")
}

/// Asks an edge node to say again all that it has.
pub(super) fn rebirth(time: u64) -> Vec<u8> {
    let metric = Metric {
        name: Some("Node Control/Rebirth".to_owned()),
        timestamp: Some(time),
        datatype: Some(datatype::BOOLEAN),
        value: Some(metric::Value::Boolean(true)),
        ..Metric::default()
    };
    Payload { timestamp: Some(time), metrics: vec![metric], ..Payload::default() }.encode_to_vec()
}

/// Milliseconds since 1970.
pub(super) fn milliseconds(time: Timestamp) -> u64 {
    u64::try_from(time.micros() / 1_000).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_json_with_two_members() {
        assert_eq!(state(true, 5), b"{\"online\":true,\"timestamp\":5}");
        assert!(says_offline(&Bytes::from(state(false, 5))));
        for other in ["{\"online\":true,\"timestamp\":5}", "OFFLINE", "", "{}"] {
            assert!(!says_offline(&Bytes::from(other)), "{other}");
        }
    }

    #[test]
    fn a_rebirth_request_is_a_command_without_a_number() {
        let payload = Payload::decode(rebirth(7).as_slice()).unwrap();
        assert_eq!((payload.seq, payload.timestamp, payload.metrics.len()), (None, Some(7), 1));
        assert_eq!(payload.metrics[0].value, Some(metric::Value::Boolean(true)));
        assert_eq!(command_topic("g", "n"), "spBv1.0/g/NCMD/n");
    }
}
