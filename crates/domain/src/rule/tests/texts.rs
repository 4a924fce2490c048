//! What is read, and what is refused and how.

use super::*;

fn refused(text: &str) -> String {
    match Condition::parse(text) {
        Ok(condition) => panic!("{text} was read as {condition}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn canonical_forms() {
    for (written, printed) in [
        ("spindle-load > 5", "spindle-load > 5"),
        ("spindle-load>5 FOR 10s", "spindle-load > 5 for 10 s"),
        ("motor.current between 2 and 7.5", "motor.current between 2 and 7.5"),
        ("execution = \"FEED_HOLD\"", "execution = \"FEED_HOLD\""),
        ("alarm contains \"E12\"", "alarm contains \"E12\""),
        ("program like \"OP10*\"", "program like \"OP10*\""),
        ("status-word bit 3", "status-word bit 3"),
        ("door is not unavailable", "door is not unavailable"),
        ("not door is unavailable", "door is not unavailable"),
        ("State IS Stopped", "state is stopped"),
        ("state in (stopped)", "state is stopped"),
        ("state not in (stopped,blocked)", "state not in (stopped, blocked)"),
        ("cause like \"FEED*\"", "cause like \"FEED*\""),
        ("stop-reason like \"jam*\"", "stop-reason like \"jam*\""),
        ("order = 4711 or product != \"A\"", "order = 4711 or product != \"A\""),
        ("time between 6:00 and 06:20", "time between 06:00 and 06:20"),
        ("time between 22:00 and 24:00", "time between 22:00 and 00:00"),
        ("lasts < 120 s", "lasts < 2 min"),
        ("(a > 1 and b > 2) for 30 s", "(a > 1 and b > 2) for 30 s"),
        ("a > 1 and (b > 2 and (c > 3))", "a > 1 and b > 2 and c > 3"),
        ("a > 1 or b > 2 and c > 3", "a > 1 or (b > 2 and c > 3)"),
        ("(a > 1 or b > 2) and c > 3", "(a > 1 or b > 2) and c > 3"),
        ("a > 1 and b > 2 for 5 s", "a > 1 and b > 2 for 5 s"),
        ("not (a > 1 for 5 s)", "not (a > 1 for 5 s)"),
        ("(not a > 1) for 5 s", "(not a > 1) for 5 s"),
        ("(not state is off) for 5 s", "state is not off for 5 s"),
        ("x in (1, \"two\", -3.50)", "x in (1, \"two\", -3.5)"),
        ("x ≥ 1e3", "x >= 1000"),
        ("x <> 1e300", "x != 1e300"),
        ("[time] > 5 and [5] < 3", "[time] > 5 and [5] < 3"),
        ("[spindle-load] > 5", "spindle-load > 5"),
        ("5-axis = 1 and 3d-scan = 0", "5-axis = 1 and 3d-scan = 0"),
        ("x = \"say \\\"a\\\\b\\\"\"", "x = \"say \\\"a\\\\b\\\"\""),
        ("x > 1\n  and y < 2", "x > 1 and y < 2"),
        ("lasts > 1.5 h", "lasts > 90 min"),
    ] {
        assert_eq!(parse(written).to_string(), printed, "{written}");
    }
}

#[test]
fn errors_say_where_and_what_instead() {
    for (written, message) in [
        ("", "column 1: expected a signal, `state`, `time`, `not` or `(`, found the end"),
        ("x", "column 2: expected `=`, `<`, `>`, `between`, `in`, `contains`, `like`, `bit` or `is`, found the end"),
        (
            "x betwen 1 and 2",
            "column 3: expected `=`, `<`, `>`, `between`, `in`, `contains`, `like`, `bit` or `is`, found `betwen`; \
             did you mean `between`?",
        ),
        (
            "x = FEED_HOLD",
            "column 5: expected a number or a text in double quotes, found `FEED_HOLD`; a text stands in quotes: \"FEED_HOLD\"",
        ),
        ("x == 5", "column 4: expected a number or a text in double quotes, found `=`; equality is written `=`"),
        (
            "x < \"b\"",
            "column 5: expected a number, found `\"b\"`; texts have no order; compare them with `=`, `!=`, `like`",
        ),
        ("x = 'a'", "column 5: unexpected `'`; texts stand between \"double quotes\""),
        ("x = “a”", "column 5: unexpected `“`; texts stand between \"double quotes\""),
        ("x > 1 && y > 2", "column 7: unexpected `&`; write `and`"),
        ("x > 1 adn y > 2", "column 7: expected `and`, `or`, `for` or the end, found `adn`; did you mean `and`?"),
        (
            "x > 1 > 2",
            "column 7: expected `and`, `or`, `for` or the end, found `>`; one comparison has one sign; join two with `and`, or use `between`",
        ),
        ("x > 1 + 2", "column 7: unexpected `+`; there is no arithmetic; compare with a number that you worked out"),
        ("x > 80 %", "column 8: unexpected `%`; numbers stand without a unit of measure"),
        ("x > 1e999", "column 5: the number `1e999` is too large"),
        (
            "5 < x",
            "column 1: expected a signal, `state`, `time`, `not` or `(`, found `5`; the signal comes first: `spindle-load > 5`",
        ),
        (
            "for > 5",
            "column 1: expected a signal, `state`, `time`, `not` or `(`, found `for`; a signal with this code is written `[for]`",
        ),
        (
            "Spindle_Load > 5",
            "column 1: `Spindle_Load` is no signal code, which is made of a-z, 0-9 and -; did you mean `spindle-load`?",
        ),
        ("[x > 5", "column 1: the bracket `[` is not closed"),
        ("x between 3 and 2", "column 17: the upper bound is less than the lower one"),
        ("x bit 53", "column 7: expected a bit from 0 (the lowest) to 52, found `53`"),
        ("x is \"a\"", "column 6: expected `unavailable`, found `\"a\"`; values are compared with `=`"),
        ("x is unavailible", "column 6: expected `unavailable`, found `unavailible`; did you mean `unavailable`?"),
        ("x contains \"\"", "column 12: the text is blank, and every text contains that"),
        ("x contains 5", "column 12: expected a text in double quotes, found `5`"),
        ("state is stoped", "column 10: expected a state, found `stoped`; did you mean `stopped`?"),
        ("state is \"off\"", "column 10: expected a state, found `\"off\"`; states stand without quotes"),
        (
            "state is running",
            "column 10: expected a state, found `running`; states are producing, setup, stopped, blocked, starved, \
             idle, maintenance, off, unknown",
        ),
        (
            "state = \"stopped\"",
            "column 7: expected `is` or `in`, found `=`; write `state is stopped` or `state in (stopped, blocked)`",
        ),
        ("time > 06:00", "column 6: expected `between`, found `>`; write `time between 06:00 and 06:20`"),
        ("time between 06:00 and 06:00", "column 24: begin and end are the same time of day"),
        ("time between 06:00 and 25:00", "column 26: unexpected `:`; a time of day is written `06:20`, up to `24:00`"),
        ("lasts = 2 min", "column 7: expected `<`, `<=`, `>` or `>=`, found `=`; write `lasts < 2 min`"),
        ("x > 1 for 10", "column 13: expected a unit of time: ms, s, min, h or d, found the end"),
        (
            "x > 1 for 10 m",
            "column 14: expected a unit of time: ms, s, min, h or d, found `m`; minutes are written `min`",
        ),
        (
            "x > 1 for 10 minuts",
            "column 14: expected a unit of time: ms, s, min, h or d, found `minuts`; did you mean `minute`?",
        ),
        ("x > 1 for 0 s", "column 11: a duration is from 1 ms to 31 d"),
        ("x > 1 for 32 d", "column 11: a duration is from 1 ms to 31 d"),
        ("x > 1 for -5 s", "column 11: a duration is from 1 ms to 31 d"),
        (
            "not x > 1 for 5 s",
            "column 11: `not` and `for` together can be read in two ways; write `(not …) for …` or `not (… for …)`",
        ),
        ("(x > 1", "column 7: expected `)`, found the end"),
        ("x > 1)", "column 6: expected `and`, `or`, `for` or the end, found `)`; there is no `(` to this `)`"),
        ("x > 1 and\n  y ? 2", "line 2, column 5: unexpected `?`"),
        ("ü > 1", "column 1: unexpected `ü`"),
        ("x = \"ü\" y", "column 9: expected `and`, `or`, `for` or the end, found `y`"),
        ("x = \"a", "column 5: the text is not closed; it ends with a double quote"),
        ("x = \"a\\n\"", "column 7: expected `\\\"` or `\\\\`; a backslash in a text is written twice"),
    ] {
        assert_eq!(refused(written), message, "{written}");
    }
    assert_eq!(Condition::parse("x = \"ü\" y").map_err(|error| error.offset), Err(9));
}

#[test]
fn hostile_texts_are_refused_at_once() {
    assert_eq!(refused(&"x".repeat(1_000_000)), "column 1: the condition is too long: 1000000 bytes; at most 4000");
    assert!(refused(&"(".repeat(4000)).contains("nested too deeply"));
    assert!(refused(&"not ".repeat(1000)).contains("nested too deeply"));
    let deep = format!("{}x > 1{}", "(not (".repeat(32), "))".repeat(32));
    assert_eq!(refused(&deep), "column 1: the condition is nested too deeply; at most 32 levels");
    assert!(refused(&vec!["x > 1"; 65].join(" and ")).contains("too many comparisons; at most 64"));
    assert_eq!(parse(&vec!["x > 1"; 64].join(" and ")).lookback(), 0);
    assert!(refused(&format!("x in ({})", vec!["1"; 65].join(","))).contains("at most 64 values"));
    // Short enough as written, but not as printed.
    let quotes = "x=\"".to_owned() + &"a".repeat(3_990) + "\"";
    assert!(quotes.len() <= MAX_BYTES && refused(&(quotes + "or y=1")).contains("too long"));
    for text in [
        "\u{0}",
        "\u{202e}x > 1",
        "x > \u{663}",
        "x > 1\u{a0}for\u{a0}5\u{a0}s",
        "[",
        "\"",
        "\\",
        "x > -",
        ".",
        "5:",
        "1:2:3",
        "[]> 1",
    ] {
        let _ = Condition::parse(text);
    }
}

#[test]
fn what_a_condition_reads() {
    let condition = parse("b > 1 for 10 s and (a = 2 for 1 min or cause = \"x\" or order = \"1\") for 5 s and a > 3");
    assert_eq!(condition.signals().into_iter().collect::<Vec<_>>(), ["a", "b"]);
    assert!(condition.names().contains(&Name::Cause) && condition.names().contains(&Name::Order));
    assert_eq!(condition.lookback(), 65_000_000);
    assert!(!condition.asks_for_stop() && parse("a > 1 and lasts > 2 s").asks_for_stop());
}

#[test]
fn a_condition_is_a_string_to_serde() {
    use serde::de::{IntoDeserializer, value::Error};
    let read = |text: &str| Condition::deserialize(IntoDeserializer::<Error>::into_deserializer(text));
    let condition = read("x>5 for 1min").expect("a condition");
    struct Shown<'a>(&'a Condition);
    impl fmt::Display for Shown<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.serialize(f)
        }
    }
    assert_eq!(Shown(&condition).to_string(), "x > 5 for 1 min");
    let error = read("x >").expect_err("no condition").to_string();
    assert_eq!(error, "column 4: expected a number or a text in double quotes, found the end");
}

#[test]
fn the_examples_of_the_page_are_conditions() {
    let page = include_str!("../../../../../docs/features/rules.md");
    let (_, examples) = page.split_once("## Examples\n\n```\n").expect("the examples");
    let (examples, _) = examples.split_once("```").expect("their end");
    assert_eq!(examples.lines().count(), 6);
    for line in examples.lines() {
        parse(line.split("   ").next().unwrap_or_default());
    }
    let rows = page.lines().take_while(|line| *line != "## Examples").filter_map(|line| line.strip_prefix("| `"));
    let written = rows.filter_map(|row| row.split(" |").next()).flat_map(|cell| cell.split("`, `"));
    let read: Vec<_> = written.map(|condition| parse(condition.trim_end_matches('`'))).collect();
    assert!(read.len() >= 18, "{read:?}");
}
