//! The cut into chunks: what only some pages need becomes WASM of its own, fetched when such a page is first shown. Which
//! pages those are is marked in the code (`app/src/chunk.rs`).

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow};
use wasm_split_cli_support::{Options, transform};

/// The module that loads chunks and ties them to what is there already.
pub const LINKER: &str = "chunks.js";

/// What became of the WASM.
pub struct Split {
    /// What every page needs; wasm-bindgen goes on with it.
    pub main: PathBuf,
    /// Chunk, then the files that are fetched for it.
    pub chunks: BTreeMap<String, Vec<String>>,
}

/// Cuts `compiled`, which still has its relocations; chunks and the linker are written to `out`.
pub fn cut(compiled: &Path, work: &Path, out: &Path) -> Result<Split> {
    let whole = fs::read(compiled).with_context(|| format!("{} could not be read", compiled.display()))?;
    let main = work.join("main.wasm");
    let link_name = format!("./{LINKER}");
    let mut options = Options::new(&whole);
    options.output_dir = out;
    options.main_out_path = &main;
    options.main_module = "./gemba.js";
    options.link_name = &link_name;
    let split = transform(options).map_err(|error| anyhow!("the pages could not be cut into chunks: {error:#}"))?;
    let chunks = split.prefetch_map.into_iter().map(|(chunk, files)| {
        let mut files = files.into_iter().map(|file| format!("{file}.wasm")).collect::<Vec<_>>();
        files.sort();
        (chunk, files)
    });
    let chunks = chunks.collect();
    Ok(Split { main, chunks })
}
