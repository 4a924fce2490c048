use super::{
    ast::Op,
    error::{ParseError, quoted},
};

/// One token.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token<'a> {
    /// A keyword, a reserved name or a signal.
    Word(&'a str),
    /// A signal in square brackets, whatever else its code means.
    Name(&'a str),
    Number(f64),
    Text(String),
    /// A time of day, minutes since midnight; 24:00 is 1440.
    Time(u16),
    Op(Op),
    Open,
    Close,
    Comma,
    End,
}

/// A token, and where it stands, in bytes.
#[derive(Clone, Debug)]
pub(super) struct Lexed<'a> {
    pub(super) token: Token<'a>,
    pub(super) from: usize,
    pub(super) to: usize,
}

/// Whether it can stand inside a word.
fn in_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_')
}

/// Cuts the text into tokens; the last is [`Token::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Lexed<'_>>, ParseError> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let from = text.len() - rest.len();
        let (token, length) = token(text, from, rest, first)?;
        found.push(Lexed { token, from, to: from + length });
        rest = rest.get(length..).unwrap_or_default().trim_start();
    }
    found.push(Lexed { token: Token::End, from: text.len(), to: text.len() });
    Ok(found)
}

/// The token at the beginning of `rest`, and its length in bytes.
fn token<'a>(text: &str, from: usize, rest: &'a str, first: char) -> Result<(Token<'a>, usize), ParseError> {
    let error = |problem: String| ParseError::new(text, from, problem);
    match first {
        '(' => Ok((Token::Open, 1)),
        ')' => Ok((Token::Close, 1)),
        ',' => Ok((Token::Comma, 1)),
        '"' => string(text, from, rest),
        '[' => match rest.find(']') {
            Some(end) => Ok((Token::Name(rest.get(1..end).unwrap_or_default().trim()), end + 1)),
            None => Err(error("the bracket `[` is not closed".to_owned())),
        },
        c if c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.') => {
            word(rest).ok_or_else(|| match number(rest) {
                Some((_, length)) => {
                    error(format!("the number {} is too large", quoted(rest.get(..length).unwrap_or(rest))))
                }
                None => error(format!("unexpected {}", quoted(&c.to_string())))
                    .hint("there is no arithmetic; compare with a number that you worked out"),
            })
        }
        _ => operator(rest).ok_or_else(|| {
            let error = error(format!("unexpected {}", quoted(&first.to_string())));
            match first {
                '\'' | '“' | '”' | '„' | '‘' | '’' | '«' | '»' | '`' => {
                    error.hint("texts stand between \"double quotes\"")
                }
                '&' => error.hint("write `and`"),
                '|' => error.hint("write `or`"),
                '!' => error.hint("write `not`, or `!=`"),
                '*' | '/' => error.hint("there is no arithmetic"),
                '%' | '°' | 'µ' | 'Ω' => error.hint("numbers stand without a unit of measure"),
                ':' => error.hint("a time of day is written `06:20`, up to `24:00`"),
                '_' => error.hint("signal codes are made of a-z, 0-9 and -"),
                _ => error,
            }
        }),
    }
}

fn operator(rest: &str) -> Option<(Token<'_>, usize)> {
    const OPERATORS: [(&str, Op); 10] = [
        ("!=", Op::Ne),
        ("<>", Op::Ne),
        ("≠", Op::Ne),
        ("<=", Op::Le),
        ("≤", Op::Le),
        (">=", Op::Ge),
        ("≥", Op::Ge),
        ("<", Op::Lt),
        (">", Op::Gt),
        ("=", Op::Eq),
    ];
    let (sign, op) = OPERATORS.iter().find(|(sign, _)| rest.starts_with(sign))?;
    Some((Token::Op(*op), sign.len()))
}

/// A time of day, a number or a word. `None` when it begins like a number and is none, or none that is finite.
fn word(rest: &str) -> Option<(Token<'_>, usize)> {
    if let Some((minutes, length)) = time_of_day(rest) {
        return Some((Token::Time(minutes), length));
    }
    if let Some((number, length)) = number(rest) {
        return number.is_finite().then_some((Token::Number(number), length));
    }
    let length = rest.find(|c| !in_word(c)).unwrap_or(rest.len());
    let word = rest.get(..length)?;
    word.starts_with(|c: char| c.is_ascii_alphanumeric()).then_some((Token::Word(word), length))
}

fn time_of_day(rest: &str) -> Option<(u16, usize)> {
    let colon = rest.bytes().take(3).position(|b| b == b':')?;
    let (hours, after) = (rest.get(..colon)?, rest.get(colon + 1..)?);
    let minutes = after.get(..2)?;
    let ends = !after.get(2..)?.starts_with(|c| in_word(c) || c == ':');
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if !(ends && (1..=2).contains(&hours.len()) && digits(hours) && digits(minutes)) {
        return None;
    }
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    let all = hours * 60 + minutes;
    (minutes < 60 && all <= 24 * 60).then_some((all, rest.len() - after.len() + 2))
}

/// A decimal number that no other letter follows. Such a code as `5-axis` is none.
pub(super) fn number(rest: &str) -> Option<(f64, usize)> {
    let bytes = rest.as_bytes();
    let digits = |from: usize| bytes.iter().skip(from).take_while(|b| b.is_ascii_digit()).count();
    let mut at = usize::from(rest.starts_with(['+', '-']));
    let whole = digits(at);
    at += whole;
    let mut fraction = 0;
    if bytes.get(at) == Some(&b'.') {
        fraction = digits(at + 1);
        at += 1 + fraction;
    }
    if whole + fraction == 0 {
        return None;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits(at + 1 + sign);
        at += if exponent > 0 { 1 + sign + exponent } else { 0 };
    }
    if rest.get(at..)?.starts_with(in_word) {
        return None;
    }
    Some((rest.get(..at)?.parse().ok()?, at))
}

fn string<'a>(text: &str, from: usize, rest: &str) -> Result<(Token<'a>, usize), ParseError> {
    let mut said = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((Token::Text(said), at + 1)),
            '\\' => match chars.next() {
                Some((_, c @ ('"' | '\\'))) => said.push(c),
                _ => {
                    return Err(ParseError::new(text, from + at, "expected `\\\"` or `\\\\`")
                        .hint("a backslash in a text is written twice"));
                }
            },
            c => said.push(c),
        }
    }
    Err(ParseError::new(text, from, "the text is not closed").hint("it ends with a double quote"))
}
