//! From text to a condition, by recursive descent. The grammar is in the doc of [`super`].

mod atoms;

use super::{
    ast::Node,
    error::{ParseError, quoted},
    lexer::{Lexed, Token, tokens},
};

/// Longest text of a condition, in bytes.
pub const MAX_BYTES: usize = 4_000;
/// Most comparisons in one condition, and most values in one list.
pub const MAX_ATOMS: usize = 64;
/// Deepest nesting of a condition.
pub const MAX_DEPTH: usize = 32;
/// Deepest nesting of parentheses and `not` in the text: what is printed may have two of them for each level.
const MAX_NESTING: usize = 3 * MAX_DEPTH;

type Parsed<T> = Result<T, ParseError>;

/// Reads a whole text.
pub(super) fn parse(text: &str) -> Parsed<Node> {
    let too_long = |bytes: usize| {
        ParseError::new(text, 0, format!("the condition is too long: {bytes} bytes; at most {MAX_BYTES}"))
    };
    if text.len() > MAX_BYTES {
        return Err(too_long(text.len()));
    }
    let mut parser = Parser { text, tokens: tokens(text)?, next: 0, nesting: 0, atoms: 0 };
    let node = parser.any()?;
    if *parser.peek() != Token::End {
        return Err(parser.expected_more());
    }
    if node.height() > MAX_DEPTH {
        return Err(ParseError::new(
            text,
            0,
            format!("the condition is nested too deeply; at most {MAX_DEPTH} levels"),
        ));
    }
    // What is printed must be a condition again.
    let printed = node.to_string().len();
    if printed > MAX_BYTES { Err(too_long(printed)) } else { Ok(node) }
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Lexed<'a>>,
    next: usize,
    nesting: usize,
    atoms: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> &Token<'a> {
        self.tokens.get(self.next).map_or(&Token::End, |lexed| &lexed.token)
    }

    /// Where the next token begins and ends.
    fn span(&self) -> (usize, usize) {
        self.tokens.get(self.next).map_or((self.text.len(), self.text.len()), |lexed| (lexed.from, lexed.to))
    }

    fn advance(&mut self) {
        self.next += 1;
    }

    /// The next token, when it is a word.
    fn word(&self) -> Option<&'a str> {
        match self.peek() {
            Token::Word(word) => Some(word),
            _ => None,
        }
    }

    fn is(&self, keyword: &str) -> bool {
        self.word().is_some_and(|word| word.eq_ignore_ascii_case(keyword))
    }

    fn take(&mut self, keyword: &str) -> bool {
        let found = self.is(keyword);
        self.next += usize::from(found);
        found
    }

    fn error(&self, problem: impl Into<String>) -> ParseError {
        ParseError::new(self.text, self.span().0, problem)
    }

    fn expected(&self, what: &str) -> ParseError {
        let (from, to) = self.span();
        let found = match self.text.get(from..to) {
            None | Some("") => "the end".to_owned(),
            Some(found) => quoted(found),
        };
        self.error(format!("expected {what}, found {found}"))
    }

    fn expect(&mut self, token: Token<'_>, what: &str) -> Parsed<()> {
        if *self.peek() == token {
            self.advance();
            Ok(())
        } else {
            Err(self.expected(what))
        }
    }

    /// After a whole comparison stands something that is not expected there.
    fn expected_more(&self) -> ParseError {
        let error = self.expected("`and`, `or`, `for` or the end");
        match self.peek() {
            Token::Close => error.hint("there is no `(` to this `)`"),
            Token::Op(_) => error.hint("one comparison has one sign; join two with `and`, or use `between`"),
            Token::Word(word) => error.or_near(word, ["and", "or", "for"]),
            _ => error,
        }
    }

    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.nesting >= MAX_NESTING {
            return Err(self.error(format!("nested too deeply; at most {MAX_NESTING} of `(` and `not`")));
        }
        self.nesting += 1;
        let parsed = parse(self)?;
        self.nesting -= 1;
        Ok(parsed)
    }

    /// `all { "or" all }`
    fn any(&mut self) -> Parsed<Node> {
        let mut parts = vec![self.all()?];
        while self.take("or") {
            parts.push(self.all()?);
        }
        Ok(Node::or(parts))
    }

    /// `held { "and" held }`
    fn all(&mut self) -> Parsed<Node> {
        let mut parts = vec![self.held()?];
        while self.take("and") {
            parts.push(self.held()?);
        }
        Ok(Node::and(parts))
    }

    /// `{ "not" } primary`, or `primary "for" duration`
    fn held(&mut self) -> Parsed<Node> {
        let negated = self.is("not");
        let inner = self.negated()?;
        if !self.is("for") {
            return Ok(inner);
        }
        if negated {
            return Err(self
                .error("`not` and `for` together can be read in two ways")
                .hint("write `(not …) for …` or `not (… for …)`"));
        }
        self.advance();
        let micros = self.duration()?;
        Ok(Node::For(Box::new(inner), micros))
    }

    fn negated(&mut self) -> Parsed<Node> {
        if self.take("not") { self.deeper(|p| p.negated()).map(not) } else { self.primary() }
    }

    fn primary(&mut self) -> Parsed<Node> {
        if *self.peek() == Token::Open {
            self.advance();
            let inner = self.deeper(|p| p.any())?;
            return match self.peek() {
                Token::Close => {
                    self.advance();
                    Ok(inner)
                }
                Token::End => Err(self.expected("`)`")),
                _ => Err(self.expected_more()),
            };
        }
        self.atoms += 1;
        if self.atoms > MAX_ATOMS {
            return Err(self.error(format!("too many comparisons; at most {MAX_ATOMS}")));
        }
        let reserved = |word: &str| self.is(word);
        if reserved("state") {
            self.advance();
            self.state()
        } else if reserved("time") {
            self.advance();
            self.clock()
        } else if reserved("lasts") {
            self.advance();
            self.lasts()
        } else {
            let name = self.name()?;
            self.comparison(name)
        }
    }
}

fn not(node: Node) -> Node {
    Node::Not(Box::new(node))
}
