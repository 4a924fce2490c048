//! What a failed connection means, in the words of whoever has to mend it.

use std::{error::Error, io};

/// `who` is what was dialled and where, such as `the agent at 10.0.0.5:5000`.
pub fn unreachable(who: &str, error: &(dyn Error + 'static)) -> String {
    match cause(error) {
        Some(told) => format!("{who} {told}"),
        None => format!("{who} cannot be reached: {}", crate::tls::chain(error)),
    }
}

/// By the operating system's error below, where there is one.
fn cause(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            // What an I/O error was made of is not among its sources.
            let inner = error.get_ref().and_then(|inner| cause(inner));
            if let Some(told) = by_kind(error.kind()).or(inner) {
                return Some(told);
            }
        }
        if error.to_string().contains("dns error") {
            return Some("is not known by this name: check the name, or write its address");
        }
        next = error.source();
    }
    None
}

fn by_kind(kind: io::ErrorKind) -> Option<&'static str> {
    Some(match kind {
        io::ErrorKind::ConnectionRefused => {
            "refuses the connection: the machine is on, but nothing listens there. Does the program run, is the port right?"
        }
        io::ErrorKind::TimedOut => "does not answer: is it switched on, the cable plugged, the address right?",
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            "cannot be reached from this network: check cable, switch, address and route"
        }
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => {
            "broke the connection off: it was restarted, or takes no more connections"
        }
        io::ErrorKind::PermissionDenied => "may not be dialled: a firewall on this computer forbids it",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_of_the_system_is_found_below_others() {
        let wrapped = io::Error::other(io::Error::from(io::ErrorKind::ConnectionRefused));
        let told = unreachable("the agent at 10.0.0.5:5000", &wrapped);
        assert!(told.starts_with("the agent at 10.0.0.5:5000 refuses the connection"), "{told}");
        let unknown = io::Error::other("odd");
        assert_eq!(unreachable("the agent", &unknown), "the agent cannot be reached: odd");
    }
}
