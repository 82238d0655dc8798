//! A walk through a document, element by element.

use std::borrow::Cow;

use memchr::memchr;

use crate::scene::error::{SceneError, cut};

use super::NAMESPACE;
use super::markup::{MarkupError, Token, Tokens, is_space};

/// How deep elements may stand in each other. INPE's stand seven deep.
const DEEPEST: usize = 32;

/// A walk through a document. Every method that goes into an element also comes out of it.
pub(super) struct Cursor<'x> {
    text: &'x str,
    tokens: Tokens<'x>,
    /// The elements that are open.
    open: Vec<&'x str>,
    /// The innermost of them was `<name/>`: it is about to be left.
    leaving: bool,
    /// The namespace of the innermost of them, while nothing has been read of it, if it is another than the root's.
    foreign: Option<&'x str>,
}

impl<'x> Cursor<'x> {
    pub(super) fn new(xml: &'x [u8]) -> Result<Self, SceneError> {
        if xml.is_empty() {
            return Err(SceneError::Empty);
        }
        let text =
            simdutf8::compat::from_utf8(xml).map_err(|error| SceneError::Encoding { offset: error.valid_up_to() })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let open = Vec::with_capacity(8);
        Ok(Self { text, tokens: Tokens::new(text), open, leaving: false, foreign: None })
    }

    /// Goes into the root, which must be INPE's.
    pub(super) fn root(&mut self) -> Result<(), SceneError> {
        let encoding = self.tokens.declaration().map_err(|error| self.markup(error))?;
        if let Some(encoding) = encoding {
            let known = ["utf-8", "utf8", "us-ascii", "ascii"];
            if !known.iter().any(|known| encoding.eq_ignore_ascii_case(known)) {
                return Err(self.syntax(&format!("encoding {}, expected UTF-8", cut(encoding))));
            }
        }
        loop {
            match self.token()? {
                Token::Start { name: "prdf", namespace: Some(NAMESPACE), empty } => {
                    self.leaving = empty;
                    self.open.push("prdf");
                    return Ok(());
                }
                Token::Start { name, namespace, .. } => {
                    let namespace = namespace.map_or("no default namespace".into(), |name| format!("namespace {name}"));
                    return Err(SceneError::Root { found: cut(&format!("{name} in {namespace}")) });
                }
                Token::Text(text) if is_blank(text) => {}
                Token::Eof => return Err(self.syntax("there is no element")),
                _ => return Err(self.syntax("there is text before the first element")),
            }
        }
    }

    /// Nothing but space and comments may follow the root.
    pub(super) fn nothing_more(&mut self) -> Result<(), SceneError> {
        loop {
            match self.token()? {
                Token::Eof => return Ok(()),
                Token::Text(text) if is_blank(text) => {}
                _ => return Err(self.syntax("there is something after the last element")),
            }
        }
    }

    /// Goes into the next element within the open one; none, and out of the open one, at its end.
    ///
    /// Only elements of the root's namespace may be looked into; others can be skipped.
    pub(super) fn child(&mut self) -> Result<Option<&'x str>, SceneError> {
        self.must_not_be_foreign()?;
        self.step()
    }

    /// Comes out of the open element, whatever is in it.
    pub(super) fn skip(&mut self) -> Result<(), SceneError> {
        let depth = self.open.len();
        while self.open.len() >= depth {
            self.step()?;
        }
        Ok(())
    }

    /// Goes to the end of the open element by searching for its closing tag, and out of it.
    pub(super) fn jump(&mut self) -> Result<(), SceneError> {
        let Some(name) = self.open.last() else { return Ok(()) };
        if !self.tokens.seek_end(name) {
            return Err(self.cut_off());
        }
        self.skip()
    }

    /// The text of the open element without the white space around it, and out of it.
    pub(super) fn text(&mut self) -> Result<Cow<'x, str>, SceneError> {
        self.must_not_be_foreign()?;
        let mut whole: Cow<'x, str> = Cow::Borrowed("");
        while !self.at_end() {
            match self.token()? {
                Token::Text(text) => append(&mut whole, self.resolved(text)?),
                Token::CData(text) => append(&mut whole, Cow::Borrowed(text)),
                Token::Start { name, .. } => {
                    return Err(self.syntax(&format!("element {} where text was expected", cut(name))));
                }
                Token::End(name) => {
                    self.must_be_open(name)?;
                    break;
                }
                Token::Eof => return Err(self.cut_off()),
            }
        }
        let plain = |byte: &u8| matches!(byte, b' '..=b'~');
        if !whole.as_bytes().iter().all(plain)
            && let Some(character) = whole.chars().find(|character| !is_of_xml(*character))
        {
            return Err(self.syntax(&format!("character {character:?}, which XML does not have")));
        }
        self.leave();
        Ok(match whole {
            Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
            Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
        })
    }

    /// The path of the open element.
    pub(super) fn path(&self) -> String {
        self.open.join("/")
    }

    /// Goes into the next element, of whatever namespace, or out of the open one.
    fn step(&mut self) -> Result<Option<&'x str>, SceneError> {
        while !self.at_end() {
            match self.token()? {
                Token::Start { name, namespace, empty } => {
                    self.enter(name)?;
                    self.leaving = empty;
                    self.foreign = namespace.filter(|namespace| *namespace != NAMESPACE);
                    return Ok(Some(name));
                }
                Token::End(name) => {
                    self.must_be_open(name)?;
                    break;
                }
                Token::Eof => return Err(self.cut_off()),
                // Not kept, but to be well-formed all the same.
                Token::Text(text) => drop(self.resolved(text)?),
                Token::CData(_) => {}
            }
        }
        self.leave();
        Ok(None)
    }

    /// Whether the open element ends here; its closing tag is passed over.
    fn at_end(&mut self) -> bool {
        self.leaving || self.open.last().is_some_and(|name| self.tokens.pass_end(name))
    }

    fn token(&mut self) -> Result<Token<'x>, SceneError> {
        self.tokens.next().map_err(|error| self.markup(error))
    }

    fn enter(&mut self, name: &'x str) -> Result<(), SceneError> {
        if self.open.len() >= DEEPEST {
            return Err(self.syntax(&format!("elements stand more than {DEEPEST} deep in each other")));
        }
        self.open.push(name);
        Ok(())
    }

    fn leave(&mut self) {
        self.open.pop();
        self.leaving = false;
        self.foreign = None;
    }

    fn must_be_open(&self, name: &str) -> Result<(), SceneError> {
        if self.open.last() == Some(&name) {
            return Ok(());
        }
        Err(self.syntax(&format!("closing tag </{}> for another element", cut(name))))
    }

    fn must_not_be_foreign(&self) -> Result<(), SceneError> {
        match self.foreign {
            None => Ok(()),
            Some(namespace) => Err(SceneError::Namespace { element: self.path(), found: cut(namespace) }),
        }
    }

    /// Text with its references resolved, of which XML itself defines five and those by number.
    fn resolved(&self, text: &'x str) -> Result<Cow<'x, str>, SceneError> {
        let mut rest = text;
        let mut whole = String::new();
        while let Some(at) = memchr(b'&', rest.as_bytes()) {
            let (before, reference) = rest.split_at(at);
            let end = memchr(b';', reference.as_bytes()).ok_or_else(|| self.syntax("there is a & without a ;"))?;
            whole.push_str(before);
            whole.push(self.character(&reference[1..end])?);
            rest = &reference[end + 1..];
        }
        if whole.is_empty() {
            return Ok(Cow::Borrowed(rest));
        }
        whole.push_str(rest);
        Ok(Cow::Owned(whole))
    }

    /// The character that `&name;` stands for.
    fn character(&self, name: &str) -> Result<char, SceneError> {
        let number = match name.strip_prefix('#') {
            None => {
                return match name {
                    "amp" => Ok('&'),
                    "lt" => Ok('<'),
                    "gt" => Ok('>'),
                    "apos" => Ok('\''),
                    "quot" => Ok('"'),
                    other => Err(SceneError::Entity { element: self.path(), entity: cut(other) }),
                };
            }
            Some(number) => match number.strip_prefix('x') {
                Some(number) => number_of(number, 16),
                None => number_of(number, 10),
            },
        };
        number
            .and_then(char::from_u32)
            .filter(|character| is_of_xml(*character))
            .ok_or_else(|| self.syntax(&format!("&{}; is no character of XML", cut(name))))
    }

    fn cut_off(&self) -> SceneError {
        SceneError::Syntax {
            offset: self.text.len(),
            element: self.path(),
            detail: "the file ends before this element does".to_owned(),
        }
    }

    fn markup(&self, error: MarkupError) -> SceneError {
        match error {
            MarkupError::Doctype => SceneError::Doctype,
            MarkupError::Syntax(detail) => self.syntax(detail),
        }
    }

    fn syntax(&self, detail: &str) -> SceneError {
        let element = if self.open.is_empty() { "no element".to_owned() } else { self.path() };
        SceneError::Syntax { offset: self.tokens.offset(), element, detail: detail.to_owned() }
    }
}

fn append<'x>(whole: &mut Cow<'x, str>, part: Cow<'x, str>) {
    if whole.is_empty() {
        *whole = part;
    } else {
        whole.to_mut().push_str(&part);
    }
}

fn is_blank(text: &str) -> bool {
    text.bytes().all(is_space)
}

/// Whether XML 1.0 has this character.
fn is_of_xml(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

/// A number that is written in digits alone.
fn number_of(digits: &str, radix: u32) -> Option<u32> {
    if digits.starts_with('+') { None } else { u32::from_str_radix(digits, radix).ok() }
}
