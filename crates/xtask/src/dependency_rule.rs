//! The dependency rule of ARCHITECTURE.md: `domain <- contract <- app <- server`; collectors know the contract alone.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use crate::metadata::Metadata;

/// What a member may use of the others: in the product, and besides that in its tests.
struct Rule {
    member: &'static str,
    uses: &'static [&'static str],
    tests_use: &'static [&'static str],
}

const RULES: &[Rule] = &[
    Rule { member: "gemba-domain", uses: &[], tests_use: &[] },
    Rule { member: "gemba-codec", uses: &[], tests_use: &[] },
    Rule { member: "gemba-contract", uses: &["gemba-domain", "gemba-codec"], tests_use: &[] },
    Rule { member: "gemba-identity", uses: &[], tests_use: &[] },
    Rule { member: "gemba-analytics", uses: &["gemba-domain"], tests_use: &[] },
    Rule { member: "gemba-app", uses: &["gemba-contract", "gemba-domain"], tests_use: &[] },
    Rule { member: "gemba-frontend", uses: &["gemba-app"], tests_use: &[] },
    Rule { member: "gemba-sim", uses: &["gemba-contract", "gemba-domain"], tests_use: &[] },
    Rule {
        member: "gemba-edge",
        uses: &["gemba-contract", "gemba-domain", "gemba-identity"],
        tests_use: &["gemba-sim"],
    },
    Rule {
        member: "gemba-bench",
        uses: &[
            "gemba-contract",
            "gemba-domain",
            "gemba-codec",
            "gemba-analytics",
            "gemba-sim",
            "gemba-edge",
            "gemba-identity",
        ],
        tests_use: &[],
    },
    Rule {
        member: "gemba-server",
        uses: &["gemba-app", "gemba-contract", "gemba-domain", "gemba-codec", "gemba-analytics", "gemba-identity"],
        tests_use: &["gemba-edge", "gemba-sim"],
    },
];

/// Outside crates that must not be reached from a member, with the reason.
const NEVER: &[(&str, &[&str], &str)] = &[
    ("gemba-domain", &["tokio", "sqlx", "axum", "reqwest", "leptos", "rand"], "it has no I/O, clock or chance"),
    ("gemba-codec", &["tokio", "sqlx", "axum", "reqwest", "leptos"], "it is bytes to bytes"),
    ("gemba-app", &["sqlx", "leptos_axum", "tower-http"], "pages are a client of the API and never see the database"),
    ("gemba-edge", &["sqlx", "leptos", "leptos_axum"], "a collector knows only the wire"),
    ("gemba-sim", &["sqlx", "leptos"], "it stands for the machines"),
];

/// Reports every edge that the rule does not permit.
///
/// # Errors
/// At least one such edge, or cargo could not answer.
pub fn run() -> Result<()> {
    let metadata = Metadata::load()?;
    let found = violations(&metadata);
    if found.is_empty() {
        println!("dependency rule: {} crates keep it", metadata.members().count());
        return Ok(());
    }
    bail!("the dependency rule is broken:\n{}", found.join("\n"))
}

fn violations(metadata: &Metadata) -> Vec<String> {
    let members: BTreeSet<&str> = metadata.members().map(|package| package.name.as_str()).collect();
    let mut found = Vec::new();
    for package in metadata.members().filter(|package| package.name != "xtask") {
        let Some(rule) = RULES.iter().find(|rule| rule.member == package.name) else {
            found.push(format!("  {}: has no rule; add one to crates/xtask/src/dependency_rule.rs", package.name));
            continue;
        };
        for dependency in package.dependencies.iter().filter(|dependency| members.contains(dependency.name.as_str())) {
            let in_tests = dependency.kind.as_deref() == Some("dev");
            let name = dependency.name.as_str();
            let permitted = rule.uses.contains(&name) || (in_tests && rule.tests_use.contains(&name));
            if !permitted {
                let place = if in_tests { " in its tests" } else { "" };
                found.push(format!("  {} must not use {name}{place}", package.name));
            }
        }
    }
    for (member, forbidden, reason) in NEVER {
        let reachable = metadata.reachable(member);
        for name in forbidden.iter().filter(|name| reachable.contains(*name)) {
            found.push(format!("  {member} must not reach {name}: {reason}"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(edges: &[(&str, &str, Option<&str>)]) -> Metadata {
        let mut names: Vec<&str> = edges.iter().flat_map(|(from, to, _)| [*from, *to]).collect();
        names.sort_unstable();
        names.dedup();
        let of = |name: &str| {
            edges.iter().filter(move |(from, ..)| *from == name).map(|(_, to, kind)| (*to, *kind)).collect::<Vec<_>>()
        };
        let value = serde_json::json!({
            "packages": names.iter().map(|name| serde_json::json!({
                "id": name, "name": name, "version": "1.0.0", "license": null, "source": null,
                "dependencies": of(name).iter().map(|(to, kind)| serde_json::json!({"name": to, "kind": kind})).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
            "workspace_members": names.iter().filter(|name| name.starts_with("gemba")).collect::<Vec<_>>(),
            "resolve": {"nodes": names.iter().map(|name| serde_json::json!({
                "id": name,
                "deps": of(name).iter().map(|(to, kind)| serde_json::json!({"pkg": to, "dep_kinds": [{"kind": kind}]})).collect::<Vec<_>>(),
            })).collect::<Vec<_>>()},
        });
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn permitted_edges_pass() {
        let graph = metadata(&[
            ("gemba-server", "gemba-app", None),
            ("gemba-app", "gemba-contract", None),
            ("gemba-edge", "gemba-sim", Some("dev")),
            ("gemba-server", "sqlx", None),
        ]);
        assert_eq!(violations(&graph), Vec::<String>::new());
    }

    #[test]
    fn a_collector_that_uses_the_server_is_found() {
        let found = violations(&metadata(&[("gemba-edge", "gemba-server", None)]));
        assert_eq!(found, ["  gemba-edge must not use gemba-server"]);
    }

    #[test]
    fn the_simulator_is_for_tests_of_the_collector_only() {
        assert_eq!(
            violations(&metadata(&[("gemba-edge", "gemba-sim", None)])),
            ["  gemba-edge must not use gemba-sim"]
        );
    }

    #[test]
    fn a_database_reached_through_a_third_crate_is_found() {
        let found = violations(&metadata(&[("gemba-app", "between", None), ("between", "sqlx", None)]));
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("gemba-app must not reach sqlx"), "{found:?}");
    }

    #[test]
    fn a_crate_without_a_rule_is_found() {
        assert!(violations(&metadata(&[("gemba-new", "serde", None)]))[0].contains("has no rule"));
    }
}
