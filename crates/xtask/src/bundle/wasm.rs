//! The browser half: cargo, then the cut into chunks, then wasm-bindgen as a library, then wasm-opt for release.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

use super::{Code, split};

const TARGET: &str = "wasm32-unknown-unknown";

/// Which cargo builds for WASM.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum WasmCargo {
    /// The toolchain in use, with the target's standard library installed.
    Installed,
    /// The distribution's packages, whose cargo builds the standard library from its sources.
    Distribution,
}

/// `./dev` says by DEV_WASM_TOOLCHAIN which one is there.
pub fn wasm_cargo() -> WasmCargo {
    match env::var("DEV_WASM_TOOLCHAIN").as_deref() {
        Ok("debian") => WasmCargo::Distribution,
        _ => WasmCargo::Installed,
    }
}

impl WasmCargo {
    /// The compiler's path.
    pub fn rustc(self) -> String {
        match self {
            Self::Installed => env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned()),
            Self::Distribution => "/usr/bin/rustc".to_owned(),
        }
    }

    fn command(self, verb: &str) -> Command {
        let mut command = match self {
            Self::Installed => Command::new(env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())),
            Self::Distribution => Command::new("/usr/bin/cargo"),
        };
        command.arg(verb);
        if self == Self::Distribution {
            // That cargo may build std although it is a stable one; the compiler it was packaged with is the only one that fits.
            command.args(["-Z", "build-std=std,panic_abort"]).env("RUSTC_BOOTSTRAP", "1").env("RUSTC", self.rustc());
            command.env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO");
        }
        command
    }
}

/// Compiles `frontend` and writes its JavaScript, its WASM and the chunks to a directory that is named after them: they
/// name each other, so that none can carry a hash of its own.
pub fn build(out: &Path, release: bool) -> Result<Code> {
    let profile = if release { "wasm-release" } else { "wasm-dev" };
    println!("pages: {profile} for the browser");
    let compiled = compile(profile)?;
    let work = tempfile::tempdir()?;
    let made = work.path().join("made");
    let split = split::cut(&compiled, work.path(), &made)?;
    // Always told the address, the loader must not guess one. What the linker exported is what chunks are linked to.
    Bindgen::new()
        .input_path(&split.main)
        .web(true)?
        .typescript(false)
        .omit_default_module_path(true)
        .keep_lld_exports(true)
        .remove_name_section(release)
        .remove_producers_section(release)
        .out_name("gemba")
        .generate(&made)
        .context("wasm-bindgen failed")?;
    fs::rename(made.join("gemba_bg.wasm"), made.join("gemba.wasm"))?;
    if release {
        println!("pages: wasm-opt -Oz");
        for file in super::files(&made)?.iter().filter(|file| file.extension().is_some_and(|kind| kind == "wasm")) {
            optimise(file)?;
        }
    }
    let directory = super::inputs::contents(&made)?[..16].to_owned();
    copy_directory(&made, &out.join(&directory))?;
    let place = |name: &str| format!("{directory}/{name}");
    let chunks = split.chunks.iter().map(|(chunk, files)| (chunk.clone(), files.iter().map(|f| place(f)).collect()));
    Ok(Code {
        js: place("gemba.js"),
        linker: place(split::LINKER),
        wasm: place("gemba.wasm"),
        chunks: chunks.collect::<BTreeMap<_, Vec<_>>>(),
        directory,
    })
}

/// What clippy says of the pages as the browser gets them.
///
/// # Errors
/// It found something, or could not be started.
pub fn lint() -> Result<()> {
    let status = wasm_cargo()
        .command("clippy")
        .args([
            "--package",
            "gemba-frontend",
            "--package",
            "gemba-app",
            "--no-default-features",
            "--features",
            "gemba-app/hydrate",
        ])
        .args(["--lib", "--target", TARGET, "--profile", "wasm-dev", "--target-dir"])
        .arg(crate::root().join("target-wasm"))
        .args(["--", "-D", "warnings"])
        .current_dir(crate::root())
        .status()
        .context("cargo could not be started")?;
    if !status.success() {
        bail!("clippy has something to say of the pages");
    }
    Ok(())
}

fn compile(profile: &str) -> Result<PathBuf> {
    let directory = crate::root().join("target-wasm");
    let status = wasm_cargo()
        .command("rustc")
        .args([
            "--package",
            "gemba-frontend",
            "--lib",
            "--target",
            TARGET,
            "--profile",
            profile,
            "--locked",
            "--target-dir",
        ])
        .arg(&directory)
        .args(["--", "-C", "link-arg=--emit-relocs"])
        .current_dir(crate::root())
        .status()
        .context("cargo could not be started")?;
    if !status.success() {
        bail!("the pages do not compile for the browser; the compiler's words are above");
    }
    Ok(directory.join(TARGET).join(profile).join("gemba_frontend.wasm"))
}

fn optimise(wasm: &Path) -> Result<()> {
    let tool = crate::root().join("node_modules/.bin/wasm-opt");
    let status = Command::new(&tool)
        .args(["-Oz", "--output"])
        .args([wasm, wasm])
        .status()
        .with_context(|| format!("{} could not be started: run ./dev setup", tool.display()))?;
    if !status.success() {
        bail!("wasm-opt failed; its words are above");
    }
    Ok(())
}

fn copy_directory(from: &Path, to: &Path) -> Result<()> {
    for file in super::inputs::files(from)? {
        let target = to.join(file.strip_prefix(from)?);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::copy(&file, &target)?;
    }
    Ok(())
}
