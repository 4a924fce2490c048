//! Asks, and takes an answer only when it is one. Reading functions only.

use std::{io, time::Duration};

use tokio::{net::TcpStream, time::Instant};
use tokio_modbus::{
    Request as Call, Response,
    client::{Client as _, Context, rtu, tcp},
    slave::{Slave, SlaveContext},
};

use super::{
    fault::{self, Fault},
    plan::Request,
    register::Table,
    settings::{Address, Settings},
};
use crate::collector::Failure;

mod came;

use came::Came;

/// What an answer holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Of coils and discrete inputs.
    Bits(Vec<bool>),
    /// Of registers.
    Words(Vec<u16>),
}

/// A connection that is given up with the first answer that is late or wrong.
pub struct Client {
    address: Address,
    timeout: Duration,
    pause: Duration,
    context: Option<Context>,
    /// Bytes that came since the last request.
    came: Came,
    /// No request before.
    next: Instant,
}

impl Client {
    /// Not yet connected.
    pub fn new(settings: &Settings) -> Self {
        let silence = match &settings.address {
            Address::Rtu(line) => line.silence(),
            _ => Duration::ZERO,
        };
        Self {
            address: settings.address.clone(),
            timeout: settings.timeout,
            pause: settings.pause.max(silence),
            context: None,
            came: Came::default(),
            next: Instant::now(),
        }
    }

    /// Whether there is a connection that can be used.
    pub fn is_connected(&self) -> bool {
        self.context.is_some()
    }

    /// A new connection, and the end of the one before.
    pub async fn connect(&mut self) -> Result<(), Failure> {
        self.context = None;
        let limit = self.timeout.max(Duration::from_secs(2));
        let context = match &self.address {
            Address::Tcp(host, port) => tcp::attach(self.came.of(dial(host, *port, limit).await?)),
            Address::RtuOverTcp(host, port) => rtu::attach(self.came.of(dial(host, *port, limit).await?)),
            Address::Rtu(line) => rtu::attach(self.came.of(line.open()?)),
        };
        self.context = Some(context);
        Ok(())
    }

    /// One request. After any fault but an exception the connection is gone.
    pub async fn read(&mut self, device: u8, request: &Request) -> Result<Answer, Fault> {
        tokio::time::sleep_until(self.next).await;
        // Taken, so that it is gone too when the caller drops this in the middle of an answer.
        let Some(mut context) = self.context.take() else {
            return Err(Fault::Broken("it is not connected".to_owned()));
        };
        context.set_slave(Slave(device));
        let (start, count) = (request.start, request.count);
        let call = match request.table {
            Table::Coil => Call::ReadCoils(start, count),
            Table::Discrete => Call::ReadDiscreteInputs(start, count),
            Table::Holding => Call::ReadHoldingRegisters(start, count),
            Table::Input => Call::ReadInputRegisters(start, count),
        };
        self.came.take();
        let answer = tokio::time::timeout(self.timeout, context.call(call)).await;
        self.next = Instant::now() + self.pause;
        let answer = match answer {
            Err(_) => {
                return Err(match self.came.take() {
                    0 => Fault::Silent,
                    bytes => Fault::Nonsense(format!("it sent {bytes} bytes, but no whole answer")),
                });
            }
            Ok(Err(tokio_modbus::Error::Transport(error))) => return Err(fault::broken(&error)),
            Ok(Err(tokio_modbus::Error::Protocol(error))) => {
                return Err(Fault::Nonsense(format!(
                    "it answered something that was not asked: {}",
                    first(&error.to_string())
                )));
            }
            Ok(Ok(Err(exception))) => {
                self.context = Some(context);
                return Err(Fault::Exception(fault::code(exception)));
            }
            Ok(Ok(Ok(response))) => response,
        };
        let wanted = usize::from(count);
        let answer = match answer {
            // Bits come in whole bytes; what is beyond was not asked for.
            Response::ReadCoils(mut bits) | Response::ReadDiscreteInputs(mut bits)
                if bits.len() == wanted.next_multiple_of(8) =>
            {
                bits.truncate(wanted);
                Answer::Bits(bits)
            }
            Response::ReadHoldingRegisters(words) | Response::ReadInputRegisters(words) if words.len() == wanted => {
                Answer::Words(words)
            }
            _ => {
                return Err(Fault::Nonsense(format!(
                    "it answered with another number of values than the {wanted} asked for"
                )));
            }
        };
        self.context = Some(context);
        Ok(answer)
    }
}

async fn dial(host: &str, port: u16, limit: Duration) -> Result<TcpStream, Failure> {
    let gone = |error: &io::Error| Failure::Gone(fault::connecting(error, &format!("{host} port {port}")));
    let stream = match tokio::time::timeout(limit, TcpStream::connect((host, port))).await {
        Ok(connected) => connected.map_err(|error| gone(&error))?,
        Err(_) => return Err(gone(&io::ErrorKind::TimedOut.into())),
    };
    // Requests are small and each waits for its answer.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

/// As much of the library's words as a person reads: they may quote a whole answer.
fn first(words: &str) -> &str {
    words.get(..words.floor_char_boundary(120)).unwrap_or(words)
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
