//! The server of Gemba and its commands.

use std::process::ExitCode;

fn main() -> ExitCode {
    match gemba_server::cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gemba: {error:#}");
            ExitCode::FAILURE
        }
    }
}
