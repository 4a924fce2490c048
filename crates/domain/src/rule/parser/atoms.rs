//! Comparisons, and what they are made of.

use std::sync::Arc;

use super::{
    super::{
        ast::{Atom, KEYWORDS, Literal, Name, Node, Op, Text, UNITS, VALUES},
        error::{ParseError, quoted},
        lexer::{Token, number},
    },
    MAX_ATOMS, Parsed, Parser, not,
};
use crate::{equipment::Code, state::UnitState};

/// Longest duration: 31 days, microseconds.
const MAX_DURATION: i64 = 31 * 86_400_000_000;
/// Bits of a whole number that a sensor value (`f64`) holds exactly.
const BITS: f64 = 53.0;

const UNITS_EXPECTED: &str = "a duration such as `10 s` or `2 min`";
const TEXT_EXPECTED: &str = "a text in double quotes";

impl Parser<'_> {
    pub(super) fn name(&mut self) -> Parsed<Name> {
        let what = "a signal, `state`, `time`, `not` or `(`";
        let name = match self.peek() {
            Token::Name(code) if is_signal(code) => Name::Signal(Arc::from(*code)),
            Token::Name(code) => return Err(self.not_a_code(code)),
            Token::Word(word) if KEYWORDS.iter().any(|keyword| keyword.eq_ignore_ascii_case(word)) => {
                let code = word.to_ascii_lowercase();
                return Err(self.expected(what).hint(format!("a signal with this code is written `[{code}]`")));
            }
            Token::Word(word) => match VALUES.iter().find(|(value, _)| value.eq_ignore_ascii_case(word)) {
                Some((_, name)) => name.clone(),
                None if is_signal(word) => Name::Signal(Arc::from(*word)),
                None => return Err(self.not_a_code(word)),
            },
            Token::Number(_) | Token::Text(_) => {
                return Err(self.expected(what).hint("the signal comes first: `spindle-load > 5`"));
            }
            _ => return Err(self.expected(what)),
        };
        self.advance();
        Ok(name)
    }

    fn not_a_code(&self, word: &str) -> ParseError {
        let error = self.error(format!("{} is no signal code, which is made of a-z, 0-9 and -", quoted(word)));
        let better = word.to_ascii_lowercase().replace('_', "-");
        if better != word && is_signal(&better) {
            error.hint(format!("did you mean {}?", quoted(&better)))
        } else {
            error
        }
    }

    /// What follows the name of a value.
    pub(super) fn comparison(&mut self, name: Name) -> Parsed<Node> {
        if let Token::Op(op) = *self.peek() {
            self.advance();
            if matches!(self.peek(), Token::Op(Op::Eq)) && op == Op::Eq {
                return Err(self.expected("a number or a text in double quotes").hint("equality is written `=`"));
            }
            if matches!(self.peek(), Token::Text(_)) && !matches!(op, Op::Eq | Op::Ne) {
                return Err(self.expected("a number").hint("texts have no order; compare them with `=`, `!=`, `like`"));
            }
            let value = self.literal()?;
            return Ok(Node::Atom(Atom::Compare(name, op, value)));
        }
        if self.take("is") {
            let negated = self.take("not");
            if !self.take("unavailable") {
                let error = self.expected("`unavailable`");
                return Err(match self.peek() {
                    Token::Word(word) => error.or_near(word, ["unavailable"]),
                    Token::Text(_) | Token::Number(_) => error.hint("values are compared with `=`"),
                    _ => error,
                });
            }
            return Ok(negate(negated, Atom::Unavailable(name)));
        }
        let negated = self.take("not");
        let word = self.word().unwrap_or_default().to_ascii_lowercase();
        let known = ["between", "in", "contains", "like", "bit", "is"];
        let Some(found) = known.into_iter().take(5).find(|known| *known == word) else {
            let error = self.expected("`=`, `<`, `>`, `between`, `in`, `contains`, `like`, `bit` or `is`");
            return Err(error.or_near(&word, known));
        };
        self.advance();
        let atom = match found {
            "between" => {
                let low = self.number()?;
                self.and()?;
                let from = self.next;
                let high = self.number()?;
                if high < low {
                    self.next = from;
                    return Err(self.error("the upper bound is less than the lower one"));
                }
                Atom::Between(name, low, high)
            }
            "in" => Atom::In(name, self.list(|p| p.literal())?),
            "contains" => {
                let from = self.next;
                let text = self.text()?;
                if text.folded.is_empty() {
                    self.next = from;
                    return Err(self.error("the text is blank, and every text contains that"));
                }
                Atom::Contains(name, text)
            }
            "like" => Atom::Like(name, self.text()?),
            _ => {
                let from = self.next;
                let bit = self.number()?;
                if bit.fract() != 0.0 || !(0.0..BITS).contains(&bit) {
                    self.next = from;
                    return Err(self.expected("a bit from 0 (the lowest) to 52"));
                }
                Atom::Bit(name, bit as u8)
            }
        };
        Ok(negate(negated, atom))
    }

    pub(super) fn state(&mut self) -> Parsed<Node> {
        let (negated, states) = if self.take("is") {
            (self.take("not"), vec![self.unit_state()?])
        } else {
            let negated = self.take("not");
            if !self.take("in") {
                let error = self.expected("`is` or `in`");
                return Err(match self.peek() {
                    Token::Op(Op::Ne) => error.hint("write `state is not stopped`"),
                    _ => error.hint("write `state is stopped` or `state in (stopped, blocked)`"),
                });
            }
            (negated, self.list(|p| p.unit_state())?)
        };
        Ok(negate(negated, Atom::State(states)))
    }

    fn unit_state(&mut self) -> Parsed<UnitState> {
        let word = self.word().unwrap_or_default().to_ascii_lowercase();
        if let Some(state) = UnitState::from_word(&word) {
            self.advance();
            return Ok(state);
        }
        let known = UnitState::ALL.iter().map(|state| state.as_str());
        let error = self.expected("a state");
        Err(match self.peek() {
            Token::Word("unavailable") => error.hint("write `state is unknown`"),
            Token::Text(_) => error.hint("states stand without quotes"),
            _ => {
                let all: Vec<_> = known.clone().collect();
                let near = error.or_near(&word, known);
                if near.hint.is_some() { near } else { near.hint(format!("states are {}", all.join(", "))) }
            }
        })
    }

    pub(super) fn clock(&mut self) -> Parsed<Node> {
        let negated = self.take("not");
        if !self.take("between") {
            return Err(self.expected("`between`").hint("write `time between 06:00 and 06:20`"));
        }
        let from = self.time_of_day()? % 1440;
        self.and()?;
        let at = self.next;
        let to = self.time_of_day()? % 1440;
        if from == to {
            self.next = at;
            return Err(self.error("begin and end are the same time of day"));
        }
        Ok(negate(negated, Atom::Clock(from, to)))
    }

    fn time_of_day(&mut self) -> Parsed<u16> {
        match *self.peek() {
            Token::Time(minutes) => {
                self.advance();
                Ok(minutes)
            }
            _ => Err(self.expected("a time of day such as `06:20`")),
        }
    }

    pub(super) fn lasts(&mut self) -> Parsed<Node> {
        match *self.peek() {
            Token::Op(op) if !matches!(op, Op::Eq | Op::Ne) => {
                self.advance();
                Ok(Node::Atom(Atom::Lasts(op, self.duration()?)))
            }
            _ => Err(self.expected("`<`, `<=`, `>` or `>=`").hint("write `lasts < 2 min`")),
        }
    }

    pub(super) fn duration(&mut self) -> Parsed<i64> {
        let start = self.next;
        let (value, unit) = match *self.peek() {
            Token::Number(value) => {
                self.advance();
                (value, self.word().unwrap_or_default())
            }
            // Without a blank between: `10s`.
            Token::Word(word) => {
                let letters = word.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(word.len());
                let (value, unit) = word.split_at(letters);
                match number(value) {
                    Some((value, _)) => (value, unit),
                    None => return Err(self.expected(UNITS_EXPECTED)),
                }
            }
            _ => return Err(self.expected(UNITS_EXPECTED)),
        };
        let names = UNITS.iter().flat_map(|(size, names)| names.iter().map(move |name| (*name, *size)));
        let Some((_, size)) = names.clone().find(|(name, _)| name.eq_ignore_ascii_case(unit)) else {
            let error = self.expected("a unit of time: ms, s, min, h or d");
            let error = if unit.eq_ignore_ascii_case("m") { error.hint("minutes are written `min`") } else { error };
            return Err(error.or_near(unit, names.map(|(name, _)| name)));
        };
        self.advance();
        let millis = (value * (size / 1_000) as f64).round();
        let micros = if millis.abs() < 1e15 { millis as i64 * 1_000 } else { 0 };
        if (1..=MAX_DURATION).contains(&micros) {
            return Ok(micros);
        }
        self.next = start;
        Err(self.error("a duration is from 1 ms to 31 d"))
    }

    fn and(&mut self) -> Parsed<()> {
        if self.take("and") { Ok(()) } else { Err(self.expected("`and`")) }
    }

    fn number(&mut self) -> Parsed<f64> {
        match *self.peek() {
            Token::Number(number) => {
                self.advance();
                Ok(number)
            }
            _ => Err(self.expected("a number")),
        }
    }

    fn text(&mut self) -> Parsed<Text> {
        match self.literal_or(TEXT_EXPECTED)? {
            Literal::Text(text) => Ok(text),
            Literal::Number(_) => {
                self.next -= 1;
                Err(self.expected(TEXT_EXPECTED))
            }
        }
    }

    fn literal(&mut self) -> Parsed<Literal> {
        self.literal_or("a number or a text in double quotes")
    }

    fn literal_or(&mut self, what: &str) -> Parsed<Literal> {
        let literal = match self.peek() {
            Token::Number(number) => Literal::Number(*number),
            Token::Text(text) => Literal::Text(Text::new(text.clone())),
            Token::Word("unavailable" | "UNAVAILABLE") => {
                return Err(self.expected(what).hint("write `is unavailable`"));
            }
            Token::Word(word) => {
                let word = quoted(word).replace('`', "");
                return Err(self.expected(what).hint(format!("a text stands in quotes: \"{word}\"")));
            }
            _ => return Err(self.expected(what)),
        };
        self.advance();
        Ok(literal)
    }

    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        self.expect(Token::Open, "`(`")?;
        let mut items = vec![item(self)?];
        while *self.peek() == Token::Comma {
            self.advance();
            items.push(item(self)?);
            if items.len() > MAX_ATOMS {
                return Err(self.error(format!("the list is too long; at most {MAX_ATOMS} values")));
            }
        }
        self.expect(Token::Close, "`,` or `)`")?;
        Ok(items)
    }
}

fn negate(negated: bool, atom: Atom) -> Node {
    if negated { not(Node::Atom(atom)) } else { Node::Atom(atom) }
}

/// One code, or several joined by dots.
fn is_signal(text: &str) -> bool {
    text.split('.').all(|part| part.parse::<Code>().is_ok())
}
