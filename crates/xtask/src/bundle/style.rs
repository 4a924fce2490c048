//! The style sheet: `style/main.css` with its imports in one minified file, and the fonts it names.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, bail};

use super::write_hashed;

/// Names of what was written.
pub struct BuiltStyle {
    pub css: String,
    pub fonts: Vec<String>,
}

/// Where a font named by the style sheet is looked for, by file name.
const FONT_DIRECTORIES: &[&str] = &["style/fonts", "node_modules/@fontsource-variable/inter/files"];

/// Bundles and minifies.
pub fn build(out: &Path) -> Result<BuiltStyle> {
    let root = crate::root();
    println!("style: style/main.css");
    let minifier = minifier()?;
    let output = Command::new(&minifier)
        .args(["--bundle", "--minify", "style/main.css"])
        .current_dir(&root)
        .output()
        .with_context(|| format!("{} could not be started", minifier.display()))?;
    if !output.status.success() {
        bail!("style/main.css is not valid:\n{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let css = String::from_utf8(output.stdout).context("the minified style is not UTF-8")?;
    let mut fonts = Vec::new();
    let css = with_addresses(&css, |name| {
        let file = FONT_DIRECTORIES.iter().map(|directory| root.join(directory).join(name)).find(|file| file.is_file());
        let file = file.with_context(|| format!("the style names {name}, which is in none of {FONT_DIRECTORIES:?}"))?;
        let (stem, extension) = name.rsplit_once('.').unwrap_or((name, "bin"));
        let hashed = write_hashed(out, stem, extension, &fs::read(&file)?)?;
        if !fonts.contains(&hashed) {
            fonts.push(hashed.clone());
        }
        Ok(hashed)
    })?;
    Ok(BuiltStyle { css: write_hashed(out, "gemba", "css", css.as_bytes())?, fonts })
}

/// The npm package carries the program for each platform in a package of its own.
fn minifier() -> Result<std::path::PathBuf> {
    let modules = crate::root().join("node_modules");
    let entries = fs::read_dir(&modules).context("node_modules is missing: run ./dev setup")?;
    for entry in entries {
        let file = entry?.path().join("lightningcss");
        if file.is_file() && !file.starts_with(modules.join("lightningcss-cli")) {
            return Ok(file);
        }
    }
    bail!("lightningcss is not in node_modules: run ./dev setup")
}

/// Replaces each `url(…)` but `data:` and fragments by what `place` makes of its file name, relative to the style sheet.
fn with_addresses(css: &str, mut place: impl FnMut(&str) -> Result<String>) -> Result<String> {
    let mut out = String::with_capacity(css.len());
    let mut rest = css;
    while let Some(start) = rest.find("url(") {
        let (before, after) = rest.split_at(start + 4);
        let end = after.find(')').context("the style has a url( without its )")?;
        let address = after[..end].trim_matches(['"', '\'', ' ']);
        out.push_str(before);
        if address.starts_with("data:") || address.starts_with('#') {
            out.push_str(&after[..end]);
        } else {
            let name = address.rsplit('/').next().unwrap_or(address);
            out.push_str(&place(name)?);
        }
        rest = &after[end..];
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_become_hashed_names() {
        let css = r#"@font-face{src:url("../fonts/a.woff2")}b{mask:url(data:x,y)}c{filter:url(#d)}e{src:url(/f/g.woff2) format("woff2")}"#;
        let out = with_addresses(css, |name| Ok(format!("[{name}]"))).unwrap();
        assert_eq!(
            out,
            r#"@font-face{src:url([a.woff2])}b{mask:url(data:x,y)}c{filter:url(#d)}e{src:url([g.woff2]) format("woff2")}"#
        );
    }

    #[test]
    fn an_unknown_file_is_an_error() {
        assert!(with_addresses("a{src:url(b.woff2)}", |_| bail!("unknown")).is_err());
    }
}
