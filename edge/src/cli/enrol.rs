//! `gemba-edge enrol`.

use std::process::ExitCode;

use anyhow::Context;
use gemba_edge::{config::Config, identity};
use gemba_identity::Code;

/// Lets this collector in, and says as whom.
pub async fn enrol(config: &Config, code: &str) -> anyhow::Result<ExitCode> {
    let mut typed = code.to_owned();
    if code == "-" {
        typed.clear();
        std::io::stdin().read_line(&mut typed).context("the code could not be read")?;
    }
    let code: Code = typed.trim().parse()?;
    let identity = identity::enrol(&config.server, &code).await?;
    println!(
        "Enrolled as `{}`. Key and certificate are in {}; the certificate is renewed by itself while `gemba-edge run` runs.",
        identity.facts().name,
        config.server.identity.display()
    );
    Ok(ExitCode::SUCCESS)
}
