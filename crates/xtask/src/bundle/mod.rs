//! What a browser fetches: `target/site` with the WASM, its JavaScript, the style and the fonts under names that carry
//! or stand in a directory named by a hash of the content (so that they may be cached for ever), and `manifest.json` that tells the server the names.
//! For release each text-like file has `.br` and `.gz` beside it.

mod compress;
mod inputs;
mod split;
mod style;
mod wasm;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use clap::Args;
use serde::{Deserialize, Serialize};

pub use inputs::files;
use wasm::wasm_cargo;

/// `xtask bundle`.
#[derive(Args, Clone, Copy, Default)]
pub struct BundleArguments {
    /// Write nothing; let clippy read the browser half
    #[arg(long)]
    pub lint: bool,
    /// As small as it gets, compressed: for `./dev build`
    #[arg(long)]
    pub release: bool,
}

/// Names inside `target/site`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The style sheet.
    pub css: String,
    /// What the browser runs.
    #[serde(flatten)]
    pub code: Code,
    /// The fonts the style sheet names, in its order; the first is worth a preload.
    pub fonts: Vec<String>,
}

/// The part of the manifest that tells of JavaScript and WASM.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Code {
    /// Where all of it is.
    pub directory: String,
    /// The JavaScript module that loads the WASM.
    pub js: String,
    /// The module that loads chunks; the first one imports it.
    pub linker: String,
    /// The WASM that every page needs.
    pub wasm: String,
    /// Per chunk (a page, or pages that share one) the WASM that is fetched for it.
    pub chunks: BTreeMap<String, Vec<String>>,
}

/// What `target/site` was made from, to make again only what changed.
#[derive(Default, Serialize, Deserialize)]
struct Stamp {
    code: String,
    style: String,
}

/// Where the bundle is.
pub fn site() -> PathBuf {
    crate::root().join("target/site")
}

/// Brings `target/site` up to date. Says what it does; says nothing when nothing is to do.
///
/// # Errors
/// A compiler or tool failed, or a file could not be read or written.
pub fn run(arguments: &BundleArguments) -> Result<()> {
    if arguments.lint {
        return wasm::lint();
    }
    let site = site();
    // Two at a time (`./dev watch` in one window, `./dev test` in another) would take each other's files away.
    fs::create_dir_all(crate::root().join("target"))?;
    let lock = File::create(crate::root().join("target/site.lock")).context("target/site.lock could not be made")?;
    lock.lock()?;
    let stamp_file = crate::root().join("target/site.stamp");
    let old: Stamp =
        fs::read(&stamp_file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    let old_manifest: Option<Manifest> =
        fs::read(site.join("manifest.json")).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let new = Stamp { code: inputs::code(arguments.release)?, style: inputs::style(arguments.release)? };
    let (code_same, style_same) =
        (old_manifest.is_some() && old.code == new.code, old_manifest.is_some() && old.style == new.style);
    if code_same && style_same {
        return Ok(());
    }
    let old_manifest = old_manifest.unwrap_or_default();

    let next = crate::root().join("target/site.next");
    if next.exists() {
        fs::remove_dir_all(&next).context("an unfinished target/site.next could not be removed")?;
    }
    fs::create_dir_all(&next)?;
    let mut manifest = old_manifest.clone();
    if code_same {
        keep(&site, &next, &old_manifest.code.directory)?;
    } else {
        manifest.code = wasm::build(&next, arguments.release)?;
    }
    if style_same {
        keep(&site, &next, &old_manifest.css)?;
        for font in &old_manifest.fonts {
            keep(&site, &next, font)?;
        }
    } else {
        let built = style::build(&next)?;
        manifest.css = built.css;
        manifest.fonts = built.fonts;
    }
    if arguments.release {
        compress::directory(&next)?;
    }
    fs::write(next.join("manifest.json"), serde_json::to_vec_pretty(&manifest)?)?;
    replace(&next, &site)?;
    fs::write(&stamp_file, serde_json::to_vec(&new)?)?;
    Ok(())
}

/// Carries over a file with its compressed forms, or a directory.
fn keep(from: &Path, to: &Path, name: &str) -> Result<()> {
    for suffix in ["", ".br", ".gz"] {
        let name = format!("{name}{suffix}");
        let (source, target) = (from.join(&name), to.join(&name));
        if source.is_dir() {
            for entry in fs::read_dir(&source)? {
                fs::create_dir_all(&target)?;
                keep(&source, &target, &entry?.file_name().to_string_lossy())?;
            }
        } else if source.is_file() && !target.exists() {
            fs::copy(&source, &target).with_context(|| format!("{} could not be copied", source.display()))?;
        }
    }
    Ok(())
}

/// Puts `next` in the place of `site`; a running server meets the old or the new one, never half of one.
fn replace(next: &Path, site: &Path) -> Result<()> {
    let old = site.with_extension("old");
    if old.exists() {
        fs::remove_dir_all(&old)?;
    }
    if site.exists() {
        fs::rename(site, &old)?;
    }
    fs::rename(next, site).context("the finished bundle could not be moved to target/site")?;
    if old.exists() {
        fs::remove_dir_all(&old)?;
    }
    Ok(())
}

/// Writes `bytes` as `STEM.HASH.EXTENSION` and returns that name.
fn write_hashed(directory: &Path, stem: &str, extension: &str, bytes: &[u8]) -> Result<String> {
    let name = format!("{stem}.{}.{extension}", &inputs::hex(bytes)[..16]);
    fs::write(directory.join(&name), bytes).with_context(|| format!("{name} could not be written"))?;
    Ok(name)
}
