use std::{path::PathBuf, time::Duration};

use super::*;

fn with_file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("gemba.toml");
    std::fs::write(&path, text).unwrap();
    (directory, path)
}

fn environment(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

fn setting(key: &str) -> &'static Setting {
    all().find(|setting| setting.key == key).unwrap()
}

#[test]
fn every_default_can_be_read() {
    let loaded = load(&Sources::default()).unwrap();
    assert_eq!(loaded.settings.session.idle_limit, Duration::from_secs(12 * 3600));
    assert_eq!(loaded.settings.http.max_body, Bytes(1 << 20));
    assert!(loaded.settings.database.url.is_none());
}

#[test]
fn flags_go_before_environment_before_file_before_default() {
    let (_directory, path) =
        with_file("[http]\nlisten = \"127.0.0.1:1\"\nmax_connections = 7\n[log]\nlevel = \"warn\"\n");
    let sources = Sources {
        file: Some(&path),
        environment: environment(&[("GEMBA_HTTP_LISTEN", "127.0.0.1:2"), ("GEMBA_LOG_LEVEL", "debug")]),
        flags: vec![(setting("http.listen"), "127.0.0.1:3".to_owned())],
    };
    let loaded = load(&sources).unwrap();
    assert_eq!(loaded.settings.http.listen.port(), 3);
    assert_eq!(loaded.settings.log.level, "debug");
    assert_eq!(loaded.settings.http.max_connections, 7);
    assert_eq!(loaded.settings.database.max_connections, 16);
}

#[test]
fn the_file_in_the_data_directory_is_read_when_it_exists() {
    let (directory, _path) = with_file("[log]\nlevel = \"trace\"\n");
    let flags = vec![(setting("data_directory"), directory.path().display().to_string())];
    let loaded = load(&Sources { flags, ..Sources::default() }).unwrap();
    assert_eq!(loaded.settings.log.level, "trace");
}

#[test]
fn an_unknown_key_is_refused_with_line_and_nearest_name() {
    let (_directory, path) = with_file("# a comment\n\n[http]\nmax_conections = 7\n");
    let error = load(&Sources { file: Some(&path), ..Sources::default() }).unwrap_err().to_string();
    assert!(error.contains("gemba.toml:4:"), "{error}");
    assert!(error.contains("no setting `http.max_conections`; did you mean `http.max_connections`?"), "{error}");
}

#[test]
fn an_unknown_section_is_refused_with_line_and_nearest_name() {
    let (_directory, path) = with_file("[htpp]\nlisten = \"127.0.0.1:1\"\n");
    let error = load(&Sources { file: Some(&path), ..Sources::default() }).unwrap_err().to_string();
    assert!(error.contains("gemba.toml:1:") && error.contains("did you mean `http`?"), "{error}");
}

#[test]
fn an_unknown_variable_is_refused_with_the_nearest_name() {
    let sources = Sources { environment: environment(&[("GEMBA_HTTP_LISTN", "x")]), ..Sources::default() };
    let error = load(&sources).unwrap_err().to_string();
    assert!(error.contains("GEMBA_HTTP_LISTN") && error.contains("did you mean `GEMBA_HTTP_LISTEN`?"), "{error}");
}

#[test]
fn a_value_that_cannot_be_read_names_its_place_and_not_itself() {
    let (_directory, path) = with_file("[session]\nidle_limit = \"hunter2\"\n");
    let error = load(&Sources { file: Some(&path), ..Sources::default() }).unwrap_err().to_string();
    assert!(error.contains("gemba.toml:2: session.idle_limit") && error.contains("12h"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn broken_toml_names_its_line() {
    let (_directory, path) = with_file("[http]\nlisten = \n");
    let error = load(&Sources { file: Some(&path), ..Sources::default() }).unwrap_err().to_string();
    assert!(error.contains("gemba.toml:2: not valid TOML"), "{error}");
}

#[test]
fn database_url_is_read_after_gembas_own() {
    let both = environment(&[("DATABASE_URL", "postgres://a"), ("GEMBA_DATABASE_URL", "postgres://b")]);
    for environment in [both.clone(), both.into_iter().rev().collect()] {
        let loaded = load(&Sources { environment, ..Sources::default() }).unwrap();
        assert_eq!(loaded.settings.database.url.as_deref(), Some("postgres://b"));
        assert!(!reference::in_force(&loaded).contains("postgres://"), "secrets are not shown");
    }
}

#[test]
fn units_are_read() {
    assert_eq!(Duration::parse("500ms"), Ok(Duration::from_millis(500)));
    assert_eq!(Duration::parse("7d"), Ok(Duration::from_secs(7 * 86_400)));
    assert!(Duration::parse("7").is_err() && Duration::parse("0s").is_err() && Duration::parse("9999999d").is_err());
    assert_eq!(Bytes::parse("2KiB"), Ok(Bytes(2048)));
    assert!(Bytes::parse("2MB").is_err() && Bytes::parse("-1").is_err());
    let url = Url::parse("HTTPS://Gemba.Example.com:443/").unwrap();
    assert_eq!((url.origin.as_str(), url.https), ("https://gemba.example.com", true));
    assert!(Url::parse("https://a/b").is_err() && Url::parse("ftp://a").is_err() && Url::parse("a").is_err());
}

#[test]
fn the_printed_reference_is_valid_once_uncommented() {
    let uncommented: String = reference::toml()
        .lines()
        .filter(|line| !line.starts_with("# "))
        .map(|line| format!("{}\n", line.trim_start_matches('#')))
        .collect();
    let (_directory, path) = with_file(&uncommented);
    load(&Sources { file: Some(&path), ..Sources::default() }).unwrap();
}

#[test]
fn the_documentation_holds_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/features/configuration.md");
    let page = std::fs::read_to_string(path).unwrap_or_default();
    let tables = reference::markdown();
    assert!(
        page.contains(&tables),
        "docs/features/configuration.md is not what the table says; replace its tables by:\n{tables}"
    );
}
