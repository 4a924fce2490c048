//! Three networks, two cables; gone with the value.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    process::Command,
};

use anyhow::{Context, Result, bail};
use nix::sched::{CloneFlags, setns};

/// Who stands where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The server.
    It,
    /// The collector, with a cable to each of the others.
    Collector,
    /// The machines.
    Ot,
}

impl Side {
    const ALL: [Self; 3] = [Self::It, Self::Collector, Self::Ot];

    fn word(self) -> &'static str {
        match self {
            Self::It => "it",
            Self::Collector => "edge",
            Self::Ot => "ot",
        }
    }

    /// Its address on the cable to another side. Reserved for documentation: they lead nowhere else.
    pub fn towards(self, other: Self) -> IpAddr {
        IpAddr::V4(match (self, other) {
            (Self::It, _) => Ipv4Addr::new(192, 0, 2, 1),
            (Self::Collector, Self::It) => Ipv4Addr::new(192, 0, 2, 2),
            (Self::Collector, _) => Ipv4Addr::new(198, 51, 100, 1),
            (Self::Ot, _) => Ipv4Addr::new(198, 51, 100, 2),
        })
    }
}

/// The namespaces, named after this process.
pub struct Namespaces {
    prefix: String,
}

impl Namespaces {
    /// Makes and joins them.
    pub fn make() -> Result<Self> {
        let made = Self { prefix: format!("gb{}", std::process::id()) };
        for side in Side::ALL {
            ip(&["netns", "add", &made.name(side)])?;
            ip(&["-n", &made.name(side), "link", "set", "lo", "up"])?;
        }
        for (one, other) in [(Side::It, Side::Collector), (Side::Collector, Side::Ot)] {
            let (near, far) = (format!("to-{}", other.word()), format!("to-{}", one.word()));
            let (home, away) = (made.name(one), made.name(other));
            ip(&["-n", &home, "link", "add", &near, "type", "veth", "peer", "name", &far, "netns", &away])?;
            for (space, link, address) in [(home, near, one.towards(other)), (away, far, other.towards(one))] {
                ip(&["-n", &space, "address", "add", &format!("{address}/30"), "dev", &link])?;
                ip(&["-n", &space, "link", "set", &link, "up"])?;
            }
        }
        Ok(made)
    }

    /// As `ip` knows it.
    pub fn name(&self, side: Side) -> String {
        format!("{}-{}", self.prefix, side.word())
    }

    /// Runs this in a thread that is in the network of a side.
    pub fn inside<T: Send + 'static>(&self, side: Side, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let file = fs::File::open(format!("/run/netns/{}", self.name(side)))?;
        let thread = std::thread::spawn(move || {
            setns(file, CloneFlags::CLONE_NEWNET).context("the network cannot be entered")?;
            Ok(work())
        });
        thread.join().unwrap_or_else(|_| bail!("the work in the network of {side:?} panicked"))
    }
}

impl Drop for Namespaces {
    /// With a namespace go its cables.
    fn drop(&mut self) {
        for side in Side::ALL {
            ip(&["netns", "del", &self.name(side)]).ok();
        }
    }
}

fn ip(words: &[&str]) -> Result<()> {
    let output = Command::new("ip").args(words).output().context("ip cannot be started")?;
    if !output.status.success() {
        bail!("`ip {}`: {}", words.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

/// A TCP or UDP socket of the network that the thread is in.
#[derive(Debug)]
pub struct Socket {
    /// It takes connections, or datagrams of anyone.
    pub listens: bool,
    /// The other end.
    pub remote: SocketAddr,
}

/// All of them.
pub fn sockets() -> Result<Vec<Socket>> {
    let mut found = Vec::new();
    for table in ["tcp", "tcp6", "udp", "udp6"] {
        let text = fs::read_to_string(format!("/proc/thread-self/net/{table}"))?;
        for line in text.lines().skip(1) {
            let mut fields = line.split_whitespace().skip(2);
            let (remote, state) = (fields.next().context("no remote")?, fields.next().context("no state")?);
            // 0A: LISTEN. A datagram socket that is not connected hears anyone: 07.
            let listens = state == "0A" || (table.starts_with("udp") && state == "07");
            found.push(Socket { listens, remote: address(remote)? });
        }
    }
    Ok(found)
}

/// `0100007F:1F90`: words of four bytes in the machine's order.
fn address(text: &str) -> Result<SocketAddr> {
    let (host, port) = text.split_once(':').context("no port")?;
    let words: Vec<[u8; 4]> = (0..host.len() / 8)
        .map(|at| Ok(u32::from_str_radix(&host[at * 8..at * 8 + 8], 16)?.to_ne_bytes()))
        .collect::<Result<_>>()?;
    let bytes: Vec<u8> = words.concat();
    let ip = match <[u8; 4]>::try_from(bytes.as_slice()) {
        Ok(bytes) => IpAddr::V4(bytes.into()),
        Err(_) => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes.as_slice())?)).to_canonical(),
    };
    Ok(SocketAddr::new(ip, u16::from_str_radix(port, 16)?))
}
