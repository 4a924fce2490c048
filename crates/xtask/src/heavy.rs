//! Measurements and fault tests that need the real programs, built as they are shipped: `crates/bench`.

use std::{os::unix::process::CommandExt, process::Command};

use anyhow::{Context, Result, bail};

/// Builds the programs for release and becomes `gemba-bench KIND WORDS`; without words that lists what there is.
///
/// # Errors
/// They could not be built or started.
pub fn run(kind: &str, words: &[String]) -> Result<()> {
    // The same selection of packages as everywhere: another one would resolve other features and compile things twice.
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let programs = ["gemba-bench", "gemba", "gemba-edge", "gemba-sim"].into_iter().flat_map(|name| ["--bin", name]);
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--release"])
        .args(programs)
        .current_dir(crate::root())
        .status()
        .context("cargo could not be started")?;
    if !built.success() {
        bail!("gemba-bench and the programs it measures could not be built");
    }
    let target = crate::root().join(std::env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".to_owned()));
    let error = Command::new(target.join("release/gemba-bench")).arg(kind).args(words).exec();
    Err(error).context("gemba-bench could not be started")
}
