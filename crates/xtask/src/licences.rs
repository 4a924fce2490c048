//! Licences, banned crates and sources of all dependencies, by the rules in `deny.toml` (the format of cargo-deny, of
//! which this reads the part that file uses).

use std::{collections::BTreeSet, fs};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use spdx::{Expression, ParseMode};

use crate::metadata::{Metadata, Package};

#[derive(Deserialize)]
struct Deny {
    licenses: Licenses,
    bans: Bans,
}

#[derive(Deserialize)]
struct Licenses {
    allow: Vec<String>,
    #[serde(default)]
    exceptions: Vec<Exception>,
}

#[derive(Deserialize)]
struct Exception {
    #[serde(rename = "crate")]
    name: String,
    allow: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    #[serde(default)]
    reason: String,
}

/// Reports every dependency that `deny.toml` refuses.
///
/// # Errors
/// At least one such dependency, or a file or cargo could not be read.
pub fn run() -> Result<()> {
    let path = crate::root().join("deny.toml");
    let text = fs::read_to_string(&path).with_context(|| format!("{} could not be read", path.display()))?;
    let deny: Deny = toml::from_str(&text).context("deny.toml is not what was expected")?;
    let metadata = Metadata::load()?;
    let found = refused(&deny, &metadata);
    if found.is_empty() {
        println!("licences, bans, sources: {} packages pass", metadata.packages.len());
        return Ok(());
    }
    bail!("dependencies that deny.toml refuses:\n{}", found.join("\n"))
}

fn refused(deny: &Deny, metadata: &Metadata) -> Vec<String> {
    // What is locked but resolved for no target of ours (an optional dependency of a dependency) is not built.
    let used: BTreeSet<&str> = metadata.resolve.nodes.iter().map(|node| node.id.as_str()).collect();
    let mut found = Vec::new();
    let mut sources = BTreeSet::new();
    for package in metadata.packages.iter().filter(|package| used.contains(package.id.as_str())) {
        let label = format!("{} {}", package.name, package.version);
        if let Some(ban) = deny.bans.deny.iter().find(|ban| ban.name == package.name) {
            found.push(format!("  {label}: banned: {}", ban.reason));
        }
        let Some(source) = &package.source else { continue };
        if source.starts_with("registry+") || source.starts_with("sparse+") {
            sources.insert(source.as_str());
        } else {
            found.push(format!("  {label}: comes from {source}, not from the registry"));
        }
        if let Err(reason) = licence(deny, package) {
            found.push(format!("  {label}: {reason}"));
        }
    }
    if sources.len() > 1 {
        found.push(format!("  more than one registry: {}", sources.into_iter().collect::<Vec<_>>().join(", ")));
    }
    found
}

fn licence(deny: &Deny, package: &Package) -> Result<(), String> {
    let stated = package.license.as_deref().ok_or("states no licence")?;
    let expression =
        Expression::parse_mode(stated, ParseMode::LAX).map_err(|e| format!("licence {stated:?}: {}", e.reason))?;
    let own = deny.licenses.exceptions.iter().filter(|exception| exception.name == package.name);
    let allowed: Vec<&str> =
        own.flat_map(|exception| &exception.allow).chain(&deny.licenses.allow).map(String::as_str).collect();
    if expression.evaluate(|requirement| allowed.contains(&requirement.to_string().as_str())) {
        Ok(())
    } else {
        Err(format!("licence {stated} is not allowed"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = r#"
        [licenses]
        allow = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"]
        exceptions = [{ crate = "particular", allow = ["MPL-2.0"] }]
        [bans]
        deny = [{ crate = "openssl", reason = "rustls is used" }]
    "#;

    fn check(name: &str, license: Option<&str>, source: &str) -> Vec<String> {
        let metadata: Metadata = serde_json::from_value(serde_json::json!({
            "packages": [{"id": "a", "name": name, "version": "1.0.0", "license": license, "source": source, "dependencies": []}],
            "workspace_members": [],
            "resolve": {"nodes": [{"id": "a", "deps": []}]},
        }))
        .unwrap();
        refused(&toml::from_str(RULES).unwrap(), &metadata)
    }

    const REGISTRY: &str = "registry+https://example.org/index";

    #[test]
    fn one_allowed_alternative_is_enough_but_each_part_is_needed() {
        assert_eq!(check("x", Some("GPL-3.0-only OR MIT"), REGISTRY), Vec::<String>::new());
        assert_eq!(check("x", Some("MIT/Apache-2.0"), REGISTRY), Vec::<String>::new());
        assert_eq!(check("x", Some("Apache-2.0 WITH LLVM-exception"), REGISTRY), Vec::<String>::new());
        assert_eq!(check("x", Some("MIT AND GPL-3.0-only"), REGISTRY).len(), 1);
        assert_eq!(check("x", None, REGISTRY).len(), 1);
    }

    #[test]
    fn an_exception_is_for_its_crate_only() {
        assert_eq!(check("particular", Some("MPL-2.0"), REGISTRY), Vec::<String>::new());
        assert_eq!(check("another", Some("MPL-2.0"), REGISTRY).len(), 1);
    }

    #[test]
    fn banned_crates_and_foreign_sources_are_found() {
        assert!(check("openssl", Some("MIT"), REGISTRY)[0].contains("rustls is used"));
        assert!(
            check("x", Some("MIT"), "git+https://example.org/x")
                .iter()
                .any(|line| line.contains("not from the registry"))
        );
    }
}
