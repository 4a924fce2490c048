//! The collector in a network of its own, as it stands between machines and IT: three network namespaces with the real programs.
//!
//! Needs root and `ip`; says so and ends where they are missing.

mod namespace;
mod plant;

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use namespace::{Namespaces, Side, Socket, sockets};
use plant::Plant;

/// How long the collector's connections are watched.
const WATCH: Duration = Duration::from_secs(5);

#[test]
fn the_collector_listens_nowhere_and_dials_its_machine_and_the_server_alone() -> Result<()> {
    if !nix::unistd::geteuid().is_root() || std::process::Command::new("ip").arg("-V").output().is_err() {
        println!("skipped: network namespaces need root and the program `ip`");
        return Ok(());
    }
    let networks = Namespaces::make()?;
    let plant = Plant::start(&networks)?;

    // It works: otherwise what follows says nothing.
    plant.until_delivered()?;

    let mut dialled = BTreeSet::new();
    let begun = Instant::now();
    while begun.elapsed() < WATCH {
        let open = networks.inside(Side::Collector, sockets)??;
        let listening: Vec<&Socket> = open.iter().filter(|socket| socket.listens).collect();
        ensure!(listening.is_empty(), "the collector's network has listeners: {listening:?}");
        dialled.extend(open.into_iter().map(|socket| socket.remote));
        std::thread::sleep(Duration::from_millis(100));
    }
    let permitted: BTreeSet<SocketAddr> = [plant.server(), plant.machine()].into();
    ensure!(dialled == permitted, "the collector talks to {dialled:?}, and should to {permitted:?}");

    // From IT every port of the collector is closed.
    let collector = Side::Collector.towards(Side::It);
    let open = networks.inside(Side::It, move || open_ports(collector))?;
    ensure!(open.is_empty(), "IT can connect to the collector's ports {open:?}");
    Ok(())
}

/// The ports that take a connection.
fn open_ports(address: IpAddr) -> Vec<u16> {
    let taken = |port: &u16| TcpStream::connect_timeout(&(address, *port).into(), Duration::from_secs(2)).is_ok();
    (1..=u16::MAX).filter(taken).collect()
}
