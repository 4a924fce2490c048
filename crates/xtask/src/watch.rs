//! Rebuild and restart while one edits: only what an edit concerns.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    process::{Command, ExitCode},
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context, Result};

use crate::{
    bundle,
    plant::{Part, Plant, RunArguments},
    postgres::interrupted,
};

/// What an edit below a directory asks for.
struct Watched {
    path: &'static str,
    work: &'static [Work],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Work {
    /// Compile the programs.
    Programs,
    /// WASM and style; makes only what changed.
    Bundle,
    /// Start a part anew.
    Restart(Part),
}

use Work::{Bundle, Programs, Restart};

const ALL: &[Work] = &[Programs, Bundle, Restart(Part::Machines), Restart(Part::Collector), Restart(Part::Server)];

const WATCHED: &[Watched] = &[
    Watched { path: "app", work: &[Programs, Bundle, Restart(Part::Server)] },
    // A debug build reads the bundle from disk at each request.
    Watched { path: "frontend", work: &[Bundle] },
    Watched { path: "style", work: &[Bundle] },
    Watched { path: "server", work: &[Programs, Restart(Part::Server)] },
    Watched { path: "migrations", work: &[Programs, Restart(Part::Server)] },
    Watched { path: ".sqlx", work: &[Programs, Restart(Part::Server)] },
    Watched { path: "edge", work: &[Programs, Restart(Part::Collector)] },
    Watched { path: "crates/sim", work: &[Programs, Restart(Part::Machines)] },
    Watched { path: "crates/codec", work: &[Programs, Restart(Part::Collector), Restart(Part::Server)] },
    Watched { path: "crates/domain", work: ALL },
    Watched { path: "crates/contract", work: ALL },
    Watched { path: "Cargo.lock", work: ALL },
    Watched { path: "deploy/demo", work: &[Restart(Part::Machines), Restart(Part::Collector)] },
];

type Seen = BTreeMap<PathBuf, SystemTime>;

/// Runs a plant and follows edits until Ctrl-C. A program that does not compile leaves the old one running.
///
/// # Errors
/// The plant could not be started or restarted.
pub async fn run(arguments: &RunArguments) -> Result<ExitCode> {
    let mut stop = std::pin::pin!(interrupted());
    let mut plant = Plant::new(arguments)?;
    let outcome = tokio::select! {
        outcome = follow(&mut plant) => outcome,
        caught = &mut stop => caught,
    };
    println!("\nStopping");
    plant.stop().await?;
    outcome.map(|()| ExitCode::SUCCESS)
}

async fn follow(plant: &mut Plant) -> Result<()> {
    let mut seen = look()?;
    plant.start().await?;
    plant.tell();
    println!("Waiting for edits");
    loop {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let now = look()?;
        let work = work_for(&changed(&seen, &now));
        seen = now;
        if work.is_empty() {
            continue;
        }
        let begun = Instant::now();
        // Compiling takes a while, and Ctrl-C shall not wait for it.
        let built = tokio::task::spawn_blocking({
            let work = work.clone();
            move || build(&work)
        });
        if let Err(error) = built.await? {
            eprintln!("{error:#}\nThe last version that compiled runs on.");
            continue;
        }
        for part in work.iter().filter_map(|work| if let Restart(part) = work { Some(*part) } else { None }) {
            if let Err(error) = plant.restart(part).await {
                eprintln!("{error:#}");
            }
        }
        println!("Up to date after {:.1} s: reload the page", begun.elapsed().as_secs_f64());
    }
}

/// Both halves at the same time where both are concerned: they are compiled in directories of their own.
fn build(work: &BTreeSet<Work>) -> Result<()> {
    std::thread::scope(|scope| {
        let bundle = work.contains(&Bundle).then(|| scope.spawn(|| bundle::run(&bundle::BundleArguments::default())));
        let programs = if work.contains(&Programs) { programs() } else { Ok(()) };
        if let Some(bundle) = bundle {
            bundle.join().map_err(|_| anyhow::anyhow!("making the bundle panicked"))??;
        }
        programs
    })
}

fn programs() -> Result<()> {
    let status = Command::new("cargo")
        .args(["build", "--bin", "gemba", "--bin", "gemba-edge", "--bin", "gemba-sim"])
        .current_dir(crate::root())
        .status()
        .context("cargo could not be started")?;
    anyhow::ensure!(status.success(), "that does not compile");
    Ok(())
}

fn look() -> Result<Vec<Seen>> {
    WATCHED
        .iter()
        .map(|watched| {
            let files = bundle::files(&crate::root().join(watched.path))?;
            // An editor may replace a file just now: it is back at the next look.
            let times = files.into_iter().filter_map(|file| {
                let modified = file.metadata().and_then(|metadata| metadata.modified()).ok()?;
                Some((file, modified))
            });
            Ok(times.collect())
        })
        .collect()
}

/// Which of the watched directories differ.
fn changed(before: &[Seen], now: &[Seen]) -> Vec<usize> {
    before.iter().zip(now).enumerate().filter(|(_, (before, now))| before != now).map(|(index, _)| index).collect()
}

fn work_for(changed: &[usize]) -> BTreeSet<Work> {
    changed.iter().filter_map(|index| WATCHED.get(*index)).flat_map(|watched| watched.work).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(path: &str) -> usize {
        WATCHED.iter().position(|watched| watched.path == path).unwrap()
    }

    #[test]
    fn a_style_compiles_no_program() {
        assert!(!work_for(&[index("style")]).contains(&Programs));
    }

    #[test]
    fn a_page_concerns_both_halves() {
        let work = work_for(&[index("app")]);
        assert!(work.contains(&Programs) && work.contains(&Bundle) && work.contains(&Restart(Part::Server)));
        assert!(!work.contains(&Restart(Part::Collector)));
    }

    #[test]
    fn new_removed_and_saved_files_are_changes() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let seen = |entries: &[(&str, u64)]| -> Seen {
            entries.iter().map(|(name, time)| (PathBuf::from(name), at(*time))).collect()
        };
        let before = [seen(&[("a", 1)]), seen(&[("b", 1)]), seen(&[("c", 1)])];
        let now = [seen(&[("a", 1)]), seen(&[("b", 2)]), seen(&[])];
        assert_eq!(changed(&before, &now), [1, 2]);
    }
}
