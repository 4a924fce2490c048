//! `.br` and `.gz` beside what shrinks. Done once at build time, at the highest level.

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
};

use anyhow::{Context, Result};
use brotli::enc::BrotliEncoderParams;
use flate2::{Compression, write::GzEncoder};

/// Compresses the text-like files of a directory and below.
pub fn directory(path: &Path) -> Result<()> {
    for file in super::inputs::files(path)? {
        let kind = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if matches!(kind, "js" | "css" | "wasm" | "svg") {
            let bytes = fs::read(&file)?;
            write(&file, "br", &brotli(&bytes)?)?;
            let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
            gzip.write_all(&bytes)?;
            write(&file, "gz", &gzip.finish()?)?;
        }
    }
    Ok(())
}

/// Brotli at its highest level, as the server sends files.
pub fn brotli(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let parameters = BrotliEncoderParams { quality: 11, lgwin: 22, size_hint: bytes.len(), ..Default::default() };
    brotli::BrotliCompress(&mut &bytes[..], &mut out, &parameters).context("brotli failed")?;
    Ok(out)
}

fn write(file: &Path, suffix: &str, bytes: &[u8]) -> Result<()> {
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".{suffix}"));
    if !Path::new(&name).exists() {
        File::create(&name)?.write_all(bytes)?;
    }
    Ok(())
}
