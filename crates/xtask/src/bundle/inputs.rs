//! Hashes of what the bundle is made from. By content, not by time: a fresh clone or a changed branch is no change.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// Of everything that makes the WASM.
pub fn code(release: bool) -> Result<String> {
    let mut hash = start(release);
    hash.update(env::var("RUSTFLAGS").unwrap_or_default());
    let compiler = super::wasm_cargo().rustc();
    let version =
        Command::new(&compiler).arg("-vV").output().with_context(|| format!("{compiler} could not be started"))?;
    hash.update(version.stdout);
    add(
        &mut hash,
        &["app", "frontend", "crates/domain", "crates/contract", "Cargo.toml", "Cargo.lock", ".cargo/config.toml"],
    )?;
    add(&mut hash, &["package-lock.json", "crates/xtask/src/bundle"])?;
    Ok(finish(hash))
}

/// Of everything that makes the style sheet and the fonts.
pub fn style(release: bool) -> Result<String> {
    let mut hash = start(release);
    add(&mut hash, &["style", "package-lock.json", "crates/xtask/src/bundle"])?;
    Ok(finish(hash))
}

/// Of the files of a directory, with their names in it.
pub fn contents(directory: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    for file in files(directory)? {
        hash.update(file.strip_prefix(directory)?.to_string_lossy().as_bytes());
        hash.update([0]);
        hash.update(fs::read(&file)?);
    }
    Ok(finish(hash))
}

/// SHA-256 in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    finish(Sha256::new_with_prefix(bytes))
}

fn start(release: bool) -> Sha256 {
    Sha256::new_with_prefix(if release { "release" } else { "dev" })
}

fn finish(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn add(hash: &mut Sha256, names: &[&str]) -> Result<()> {
    let root = crate::root();
    for path in names.iter().map(|name| root.join(name)) {
        for file in files(&path)? {
            hash.update(file.to_string_lossy().as_bytes());
            hash.update([0]);
            hash.update(fs::read(&file).with_context(|| format!("{} could not be read", file.display()))?);
        }
    }
    Ok(())
}

/// All files below `path` (or itself), in a fixed order; none when it does not exist.
pub fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_path_buf()]);
    }
    let mut found = Vec::new();
    if path.is_dir() {
        let entries = fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path()));
        let mut entries = entries.collect::<std::io::Result<Vec<_>>>()?;
        entries.sort();
        for entry in entries {
            found.append(&mut files(&entry)?);
        }
    }
    Ok(found)
}
