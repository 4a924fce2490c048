//! The collector as a whole: a simulated agent on one side, a strict server in memory on the other.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod broker;
mod cli;
mod enrolment;
mod file_drop;
mod identity;
mod kill;
mod machine_faults;
mod modbus;
mod mqtt;
mod opcua;
mod peer;
mod plant;
mod server;
mod server_faults;
mod site;
mod sparkplug;
