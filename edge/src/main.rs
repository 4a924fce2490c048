//! `gemba-edge`: reads machines and hands what it read to a Gemba server.

mod cli;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("gemba-edge: {error:#}");
            ExitCode::FAILURE
        }
    }
}
