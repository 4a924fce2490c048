use proptest::prelude::*;

use super::*;

const GOOD: &str = r#"
[server]
url = "https://127.0.0.1:8443/"
identity = "press-shop"
[queue]
directory = "edge-queue"
max_bytes = "2 GiB"
[[source]]
name = "demo-agent"
protocol = "mtconnect"
url = "http://127.0.0.1:5000"
heartbeat = "2 s"
[[source.unit]]
device = "press-1"
path = "acme/leeds/press-shop/line-1/press-1"
signals = [ { item = "press-1-execution", signal = "execution" }, { pattern = "press-1-*", signal = "{rest}" } ]
"#;

fn findings(text: &str) -> Vec<(usize, String)> {
    match Config::parse(text, Path::new("/etc/gemba")) {
        Ok(_) => Vec::new(),
        Err(findings) => findings.into_iter().map(|finding| (finding.line, finding.message)).collect(),
    }
}

fn only(text: &str) -> (usize, String) {
    let mut all = findings(text);
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

#[test]
fn the_example_is_read_with_defaults() {
    let config = Config::parse(GOOD, Path::new("/etc/gemba")).unwrap();
    assert_eq!(config.server.url, "https://127.0.0.1:8443");
    assert_eq!(config.server.identity, Path::new("/etc/gemba/press-shop"));
    assert_eq!(config.queue.max_bytes, 2 << 30);
    assert_eq!(config.queue.max_age, DEFAULT_MAX_AGE);
    let source = &config.sources[0];
    let SourceSettings::MtConnect(settings) = &source.settings else { panic!("not MTConnect") };
    let pace = (settings.heartbeat, settings.interval);
    assert_eq!(pace, (Duration::from_secs(2), Duration::from_millis(100)));
    let unit = &settings.units[0];
    let item = |id| ItemFacts { id, name: None };
    let code = |rule: usize, id| unit.signals[rule].apply(item(id)).map(|code| code.unwrap().as_str().to_owned());
    assert_eq!(code(0, "press-1-execution").as_deref(), Some("execution"));
    assert_eq!(code(0, "press-1-load"), None);
    assert_eq!(code(1, "press-1-Spindle_Load").as_deref(), Some("spindle-load"));
}

#[test]
fn a_misspelt_key_is_named_with_its_line_and_the_nearest_one() {
    let (line, message) = only(&GOOD.replace("heartbeat =", "hartbeat ="));
    assert_eq!(line, 12);
    assert!(message.contains("`hartbeat`") && message.contains("did you mean `heartbeat`?"), "{message}");
    let (line, message) = only(&GOOD.replace("{ item =", "{ itm = \"x\", item ="));
    assert_eq!(line, 16);
    assert!(message.contains("`itm`") && message.contains("`item`"), "{message}");
    let (_, message) = only(&format!("colour = \"blue\"\n{GOOD}"));
    assert!(message.contains("known here: server, queue, source"), "{message}");
}

#[test]
fn wrong_values_are_named_with_their_lines() {
    for (from, to, line, says) in [
        ("\"2 s\"", "\"2 sec\"", 12, "is no duration"),
        ("\"2 s\"", "2", 12, "must be a text in quotes"),
        ("\"2 s\"", "\"20 h\"", 12, "must lie between"),
        ("\"2 GiB\"", "\"2 gig\"", 7, "is no size"),
        ("\"2 GiB\"", "\"2 kB\"", 7, "at least 1 MiB"),
        ("\"mtconnect\"", "\"telepathy\"", 10, "it speaks `mtconnect`"),
        ("/line-1/press-1\"", "/line-1\"", 15, "is no unit"),
        ("/line-1/press-1\"", "/Line 1/press-1\"", 15, "not a valid code"),
        ("\"execution\"", "\"Execution State\"", 16, "did you mean `execution-state`?"),
        ("\"{rest}\"", "\"{remains}\"", 16, "`{remains}`"),
        ("\"execution\"", "\"{rest}\"", 16, "`{rest}`"),
        ("http://127.0.0.1:5000", "ftp://127.0.0.1", 11, "must begin with http://"),
        ("url = \"https://127.0.0.1:8443/\"\n", "", 2, "`url` is missing from [server]"),
    ] {
        assert!(GOOD.contains(from), "{from}");
        let all = findings(&GOOD.replace(from, to));
        assert!(all.iter().any(|(at, message)| *at == line && message.contains(says)), "{to}: {all:?}");
    }
}

#[test]
fn all_mistakes_are_told_at_once_and_syntax_errors_have_a_line() {
    let text = GOOD.replace("identity", "identty").replace("[queue]", "[que]").replace("\"2 s\"", "\"x\"");
    let all = findings(&text);
    assert!(all.len() >= 4, "{all:?}");
    assert!(all.is_sorted_by_key(|(line, _)| *line), "{all:?}");
    let (line, _) = only("[server]\nurl = \n");
    assert_eq!(line, 2);
}

#[test]
fn an_address_is_filled_once() {
    let twice = GOOD.replace("{ pattern =", "{ item = \"other\", signal = \"execution\" }, { pattern =");
    let (line, message) = only(&twice);
    assert_eq!(line, 16);
    assert!(message.contains("press-1:execution` is already filled by the rule of line 16"), "{message}");
}

#[test]
fn globs() {
    let fit = |pattern: &str, text: &'static str| Glob::new(pattern).matches(text);
    assert_eq!(fit("abc", "abc"), Some(""));
    assert_eq!(fit("abc", "abcd"), None);
    assert_eq!(fit("*", "abc"), Some("abc"));
    assert_eq!(fit("a*c", "abbc"), Some("bb"));
    assert_eq!(fit("a*c", "a"), None);
    assert_eq!(fit("a*b*c", "a1b2b3c"), Some("1"));
    assert_eq!(fit("aa*aa", "aaa"), None);
    assert_eq!(fit("press-1-*", "press-1-"), Some(""));
}

proptest! {
    #[test]
    fn a_slug_is_a_code_or_empty(text in ".{0,40}") {
        let slug = slug(&text);
        prop_assert!(slug.is_empty() || slug.len() > 40 || slug.parse::<gemba_domain::equipment::Code>().is_ok(), "{slug}");
    }

    #[test]
    fn a_glob_puts_back_what_it_took(head in "[a-c]{0,4}", middle in "[a-c]{0,4}", tail in "[a-c]{0,4}") {
        let text = format!("{head}{middle}{tail}");
        prop_assert_eq!(Glob::new(&format!("{head}*{tail}")).matches(&text), Some(middle.as_str()));
    }
}
