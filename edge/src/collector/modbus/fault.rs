//! Why a register cannot be read, in words for whoever stands before the cabinet.

use std::io;

use tokio_modbus::ExceptionCode;

/// What came instead of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The device, or a gateway before it, refused: an exception response with this code.
    Exception(u8),
    /// Nothing within the time-out.
    Silent,
    /// Something that is no answer to this request.
    Nonsense(String),
    /// The connection broke.
    Broken(String),
}

/// What a device means by an exception, and what to do about it. `what` names the registers.
pub fn exception(code: u8, what: &str) -> String {
    let words = match code {
        1 => {
            "the device does not have this table or function (exception 1, illegal function): choose another table, `holding` or `input`"
        }
        2 => {
            "the device has no such register (exception 2, illegal data address): compare the address with the manual, which may count from 1"
        }
        3 => {
            "the device refuses this number of registers (exception 3, illegal data value): compare `type`, or set `max_registers` lower"
        }
        4 => "the device failed while it was reading (exception 4, server device failure): look at the device itself",
        5 => "the device needs longer for it (exception 5, acknowledge): read it less often",
        6 => "the device is busy (exception 6): read less often, or set `pause`",
        8 => "the device found an error in its memory (exception 8, memory parity error): it may need repair",
        10 => {
            "the gateway has no way to this unit (exception 10, gateway path unavailable): look at the gateway's list of units"
        }
        11 => {
            "the gateway gets no answer from this unit (exception 11): is it switched on, its cable plugged in, its unit identifier and baud rate right?"
        }
        other => {
            return format!(
                "{what}: the device refused with exception {other}, which the standard does not know: see its manual"
            );
        }
    };
    format!("{what}: {words}")
}

/// The code as a number.
pub fn code(exception: ExceptionCode) -> u8 {
    exception.into()
}

/// Why there is no connection.
pub fn connecting(error: &io::Error, address: &str) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => format!(
            "{address} refuses the connection: is it the right address and port, is Modbus switched on there, and is no other \
             program holding its last free connection?"
        ),
        io::ErrorKind::TimedOut => {
            format!(
                "{address} cannot be reached within the time allowed: is it switched on, and does the network lead there?"
            )
        }
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            format!(
                "{address} cannot be reached: no way leads there ({error}); look at cable, address and gateway of the network"
            )
        }
        _ => format!("{address} cannot be reached: {error}"),
    }
}

/// How a connection broke.
pub fn broken(error: &io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => Fault::Broken(
            "it reset the connection: it was restarted, or allows fewer connections than are open".to_owned(),
        ),
        io::ErrorKind::InvalidData => {
            Fault::Nonsense(format!("it answered with something that is not Modbus ({error})"))
        }
        // The library tells the end of a stream as the last error of the system, whatever that was.
        _ => Fault::Broken("it closed the connection".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_exception_has_words_of_its_own() {
        let mut all: Vec<_> =
            [1, 2, 3, 4, 5, 6, 8, 10, 11, 99].iter().map(|code| exception(*code, "holding/1")).collect();
        assert!(all.iter().all(|words| words.contains("exception")), "{all:?}");
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 10);
    }
}
