//! The reference of all settings, printed from the table.

use std::fmt::Write;

use super::{Loaded, Origin, SECTIONS, Setting};

/// A `gemba.toml` with every setting explained, commented out, at its default.
pub fn toml() -> String {
    let mut out = String::from(
        "# Every setting of gemba at its default. Flags go before environment variables, those before this file.\n",
    );
    for section in SECTIONS {
        if section.name.is_empty() {
            out.push('\n');
        } else {
            let _ = write!(out, "\n#{}\n[{}]\n", section.doc, section.name);
        }
        for setting in section.settings {
            let key = setting.key.rsplit('.').next().unwrap_or(setting.key);
            let _ = writeln!(out, "#{} ({})", setting.doc, setting.form);
            let _ = writeln!(out, "# Flag --{}, environment {}.", setting.flag(), setting.variable());
            let _ = writeln!(out, "#{key} = {}", quoted(setting));
        }
    }
    out
}

/// The tables of docs/features/configuration.md.
pub fn markdown() -> String {
    let mut out = String::new();
    for section in SECTIONS {
        if !section.name.is_empty() {
            let _ = write!(out, "\n## `[{}]`\n\n{}\n", section.name, section.doc.trim());
        }
        out.push_str("\n| setting | environment | type | default | meaning |\n|---|---|---|---|---|\n");
        for setting in section.settings {
            let default = if setting.default.is_empty() { "none".to_owned() } else { format!("`{}`", setting.default) };
            let _ = writeln!(
                out,
                "| `{}` | `{}` | {} | {default} | {} |",
                setting.key,
                setting.variable(),
                setting.form,
                setting.doc.trim(),
            );
        }
    }
    out
}

/// The settings in force and where each comes from. Secrets are not shown.
pub fn in_force(loaded: &Loaded) -> String {
    let mut out = String::new();
    for setting in super::all() {
        let (text, origin) = match loaded.given.0.get(setting.key) {
            Some((text, origin)) => (text.as_str(), origin),
            None => (setting.default, &Origin::Default),
        };
        let shown = match text {
            "" => "(none)",
            _ if setting.secret => "(set, not shown)",
            _ => text,
        };
        let _ = writeln!(out, "{:<28} {shown:<28} {origin}", setting.key);
    }
    out
}

fn quoted(setting: &Setting) -> String {
    if setting.form == "number" { setting.default.to_owned() } else { format!("{:?}", setting.default) }
}
