//! A serial line of this computer.

use std::{io, time::Duration};

use crate::collector::Failure;

/// What is set of the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Of the device file.
    pub path: String,
    /// Bits a second.
    pub baud: u32,
    /// Parity.
    pub parity: Parity,
    /// Stop bits, 1 or 2.
    pub stop: u8,
}

/// The parity bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parity {
    /// None.
    None,
    /// Even, the standard's.
    Even,
    /// Odd.
    Odd,
}

impl Parity {
    /// As written in settings.
    pub const ALL: [(&'static str, Self); 3] = [("none", Self::None), ("even", Self::Even), ("odd", Self::Odd)];
}

impl Line {
    /// What a line can run at.
    pub const BAUDS: [u32; 11] =
        [1_200, 2_400, 4_800, 9_600, 19_200, 38_400, 57_600, 115_200, 230_400, 460_800, 921_600];

    /// As the standard has it: 19,200, even, one stop bit.
    pub fn new(path: &str) -> Self {
        Self { path: path.to_owned(), baud: 19_200, parity: Parity::Even, stop: 1 }
    }

    /// Between two frames: three and a half characters of eleven bits, and 1.75 ms from 19,200 on.
    pub fn silence(&self) -> Duration {
        match self.baud {
            baud if baud > 19_200 => Duration::from_micros(1_750),
            baud => Duration::from_secs_f64(38.5 / f64::from(baud.max(1))),
        }
    }

    fn failed(&self, error: &io::Error) -> Failure {
        let path = &self.path;
        match error.kind() {
            io::ErrorKind::PermissionDenied => Failure::Unusable(format!(
                "{path} may not be opened: the collector's user must be in the group that owns it (often `dialout`)"
            )),
            io::ErrorKind::NotFound => Failure::Gone(format!("{path} is not there: is the serial adapter plugged in?")),
            io::ErrorKind::InvalidInput => Failure::Unusable(format!(
                "{path} does not run with this baud rate, parity or number of stop bits; a pseudo-terminal knows parity=none only"
            )),
            _ => Failure::Gone(format!("{path} cannot be opened as a serial port: {error}")),
        }
    }
}

#[cfg(unix)]
mod port {
    use std::{fs::OpenOptions, io, os::unix::fs::OpenOptionsExt};

    use nix::{
        libc,
        sys::termios::{self, BaudRate, ControlFlags, FlushArg, InputFlags, SetArg},
    };
    use tokio::{
        io::Join,
        net::unix::pipe::{Receiver, Sender},
    };

    use super::{Failure, Line, Parity};

    /// An open line, as a stream of bytes.
    pub type Port = Join<Receiver, Sender>;

    impl Line {
        /// Opens it and throws away what came before. Needs a tokio runtime.
        pub fn open(&self) -> Result<Port, Failure> {
            self.open_port().map_err(|error| self.failed(&error))
        }

        fn open_port(&self) -> io::Result<Port> {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
                .open(&self.path)?;
            let mut line = termios::tcgetattr(&file)?;
            termios::cfmakeraw(&mut line);
            termios::cfsetspeed(&mut line, rate(self.baud))?;
            line.input_flags.remove(InputFlags::IXON | InputFlags::IXOFF);
            let flags = &mut line.control_flags;
            flags.insert(ControlFlags::CREAD | ControlFlags::CLOCAL);
            flags.set(ControlFlags::PARENB, self.parity != Parity::None);
            flags.set(ControlFlags::PARODD, self.parity == Parity::Odd);
            flags.set(ControlFlags::CSTOPB, self.stop == 2);
            termios::tcsetattr(&file, SetArg::TCSANOW, &line)?;
            // A line that cannot do this says so only sometimes.
            let taken = termios::tcgetattr(&file)?.control_flags;
            if (taken ^ line.control_flags)
                .intersects(ControlFlags::PARENB | ControlFlags::PARODD | ControlFlags::CSTOPB)
            {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            termios::tcflush(&file, FlushArg::TCIOFLUSH)?;
            // To the runtime a terminal is like the two ends of a pipe.
            let (read, write) = (file.try_clone()?, file);
            Ok(tokio::io::join(Receiver::from_file_unchecked(read)?, Sender::from_file_unchecked(write)?))
        }
    }

    fn rate(baud: u32) -> BaudRate {
        match baud {
            1_200 => BaudRate::B1200,
            2_400 => BaudRate::B2400,
            4_800 => BaudRate::B4800,
            9_600 => BaudRate::B9600,
            38_400 => BaudRate::B38400,
            57_600 => BaudRate::B57600,
            115_200 => BaudRate::B115200,
            230_400 => BaudRate::B230400,
            #[cfg(target_os = "linux")]
            460_800 => BaudRate::B460800,
            #[cfg(target_os = "linux")]
            921_600 => BaudRate::B921600,
            _ => BaudRate::B19200,
        }
    }
}

#[cfg(not(unix))]
impl Line {
    /// Serial lines are read on Unix only.
    pub fn open(&self) -> Result<tokio::io::DuplexStream, Failure> {
        let error = io::Error::other("this version reads serial lines on Linux only; use a gateway (rtu+tcp://)");
        Err(match self.failed(&error) {
            Failure::Gone(words) => Failure::Unusable(words),
            other => other,
        })
    }
}
