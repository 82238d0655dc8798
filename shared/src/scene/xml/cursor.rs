//! A walk through a document, element by element.

use std::borrow::Cow;

use memchr::memmem;
use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

use crate::scene::error::{SceneError, cut};

use super::NAMESPACE;

/// How deep elements may stand in each other. INPE's stand seven deep.
const DEEPEST: usize = 32;

/// A walk through a document. Every method that goes into an element also comes out of it.
pub(super) struct Cursor<'x> {
    text: &'x str,
    reader: Reader<&'x [u8]>,
    /// Where the reader started, in bytes from the start of the document.
    origin: usize,
    /// The elements that are open.
    open: Vec<&'x str>,
    /// The namespace of the innermost of them, while nothing has been read of it, if it is another than the root's.
    foreign: Option<String>,
}

impl<'x> Cursor<'x> {
    pub(super) fn new(xml: &'x [u8]) -> Result<Self, SceneError> {
        if xml.is_empty() {
            return Err(SceneError::Empty);
        }
        let text =
            simdutf8::compat::from_utf8(xml).map_err(|error| SceneError::Encoding { offset: error.valid_up_to() })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Ok(Self { text, reader: reader_at(text, 0), origin: 0, open: Vec::with_capacity(8), foreign: None })
    }

    /// Goes into the root, which must be INPE's.
    pub(super) fn root(&mut self) -> Result<(), SceneError> {
        loop {
            match self.event()? {
                Event::Start(tag) => {
                    let name = self.within(tag.name().as_ref());
                    let namespace = self.namespace(&tag)?;
                    if name != "prdf" || namespace.as_deref() != Some(NAMESPACE) {
                        let namespace =
                            namespace.map_or("no default namespace".into(), |name| format!("namespace {name}"));
                        return Err(SceneError::Root { found: cut(&format!("{name} in {namespace}")) });
                    }
                    self.open.push(name);
                    return Ok(());
                }
                Event::Decl(declaration) => {
                    if let Some(Ok(encoding)) = declaration.encoding() {
                        let known = ["utf-8", "utf8", "us-ascii", "ascii"];
                        if !known.iter().any(|known| encoding.eq_ignore_ascii_case(known)) {
                            return Err(self.syntax(&format!("encoding {}, expected UTF-8", cut(&encoding))));
                        }
                    }
                }
                Event::Text(text) if text.trim().is_empty() => {}
                Event::Comment(_) | Event::PI(_) => {}
                Event::Eof => return Err(self.syntax("there is no element")),
                _ => return Err(self.syntax("there is text before the first element")),
            }
        }
    }

    /// Nothing but space and comments may follow the root.
    pub(super) fn nothing_more(&mut self) -> Result<(), SceneError> {
        loop {
            match self.event()? {
                Event::Eof => return Ok(()),
                Event::Text(text) if text.trim().is_empty() => {}
                Event::Comment(_) | Event::PI(_) => {}
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
        let Some(name) = self.open.last().copied() else { return Ok(()) };
        let from = self.offset();
        // An element without content has no closing tag: the next one of its name is another's.
        if self.text.get(..from).is_some_and(|before| before.ends_with("/>")) {
            return self.skip();
        }
        let rest = self.text.get(from..).unwrap_or_default();
        let closing = ["</", name].concat();
        let found = memmem::find_iter(rest.as_bytes(), &closing).find(|found| {
            let after = rest.get(found + closing.len()..).unwrap_or_default();
            after.trim_start_matches(is_space).starts_with('>')
        });
        self.origin = from + found.ok_or_else(|| self.cut_off())?;
        self.reader = reader_at(self.text, self.origin);
        self.skip()
    }

    /// The text of the open element without the white space around it, and out of it.
    pub(super) fn text(&mut self) -> Result<Cow<'x, str>, SceneError> {
        self.must_not_be_foreign()?;
        self.reader.config_mut().trim_text_start = false;
        let text = self.text_with_space();
        self.reader.config_mut().trim_text_start = true;
        text
    }

    /// As [`Self::text`], from a reader that keeps the white space before and between references.
    fn text_with_space(&mut self) -> Result<Cow<'x, str>, SceneError> {
        let mut whole: Cow<'x, str> = Cow::Borrowed("");
        loop {
            match self.event()? {
                Event::Text(text) => append(&mut whole, text.into_inner()),
                Event::CData(text) => append(&mut whole, text.into_inner()),
                Event::GeneralRef(entity) => {
                    let character = self.resolve(&entity)?;
                    whole.to_mut().push(character);
                }
                Event::Start(tag) => {
                    return Err(self.syntax(&format!("element {} where text was expected", cut(tag.name().as_ref()))));
                }
                Event::End(tag) => {
                    self.must_be_of_xml(&whole)?;
                    self.leave(tag.name().as_ref())?;
                    return Ok(match whole {
                        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
                        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
                    });
                }
                Event::Eof => return Err(self.cut_off()),
                _ => {}
            }
        }
    }

    /// The path of the open element.
    pub(super) fn path(&self) -> String {
        self.open.join("/")
    }

    /// Goes into the next element, of whatever namespace, or out of the open one.
    fn step(&mut self) -> Result<Option<&'x str>, SceneError> {
        loop {
            match self.event()? {
                Event::Start(tag) => {
                    let name = self.within(tag.name().as_ref());
                    self.foreign = self.namespace(&tag)?.filter(|namespace| namespace != NAMESPACE);
                    self.enter(name)?;
                    return Ok(Some(name));
                }
                Event::End(tag) => {
                    self.leave(tag.name().as_ref())?;
                    return Ok(None);
                }
                Event::Eof => return Err(self.cut_off()),
                // Not kept, but it must be one that there is, all the same.
                Event::GeneralRef(entity) => drop(self.resolve(&entity)?),
                Event::Decl(_) => return Err(self.syntax("there is an XML declaration that does not stand first")),
                _ => {}
            }
        }
    }

    fn event(&mut self) -> Result<Event<'x>, SceneError> {
        match self.reader.read_event() {
            Ok(Event::DocType(_)) => Err(SceneError::Doctype),
            Ok(event) => Ok(event),
            Err(error) => Err(self.syntax(&error.to_string())),
        }
    }

    /// The default namespace that a tag declares.
    fn namespace(&self, tag: &BytesStart<'_>) -> Result<Option<String>, SceneError> {
        // Most tags have no attributes.
        if tag.attributes_raw().is_empty() {
            return Ok(None);
        }
        let mut namespace = None;
        // The reader's own check for attributes that stand there twice takes quadratic time.
        for attribute in tag.attributes().with_checks(false) {
            let attribute = attribute.map_err(|error| self.syntax(&error.to_string()))?;
            if attribute.key.as_ref() == "xmlns" && namespace.replace(attribute.value.to_string()).is_some() {
                return Err(self.syntax("a tag has two attributes xmlns"));
            }
        }
        Ok(namespace)
    }

    /// The character that a reference stands for, of which XML itself defines five and those by number.
    fn resolve(&self, entity: &BytesRef<'_>) -> Result<char, SceneError> {
        match entity.resolve_char_ref() {
            Ok(Some(character)) => return Ok(character),
            Ok(None) => {}
            Err(error) => return Err(self.syntax(&error.to_string())),
        }
        let name: &str = entity;
        match name {
            "amp" => Ok('&'),
            "lt" => Ok('<'),
            "gt" => Ok('>'),
            "apos" => Ok('\''),
            "quot" => Ok('"'),
            other => Err(SceneError::Entity { element: self.path(), entity: cut(other) }),
        }
    }

    fn enter(&mut self, name: &'x str) -> Result<(), SceneError> {
        if self.open.len() >= DEEPEST {
            return Err(self.syntax(&format!("elements stand more than {DEEPEST} deep in each other")));
        }
        self.open.push(name);
        Ok(())
    }

    fn leave(&mut self, name: &str) -> Result<(), SceneError> {
        match self.open.last() {
            Some(open) if *open == name => {
                self.open.pop();
                self.foreign = None;
                Ok(())
            }
            _ => Err(self.syntax(&format!("closing tag </{}> for another element", cut(name)))),
        }
    }

    fn must_not_be_foreign(&self) -> Result<(), SceneError> {
        match &self.foreign {
            None => Ok(()),
            Some(namespace) => Err(SceneError::Namespace { element: self.path(), found: cut(namespace) }),
        }
    }

    fn must_be_of_xml(&self, text: &str) -> Result<(), SceneError> {
        let plain = |byte: u8| matches!(byte, b' '..=b'~');
        if text.bytes().all(plain) {
            return Ok(());
        }
        match text.chars().find(|character| !is_of_xml(*character)) {
            None => Ok(()),
            Some(character) => Err(self.syntax(&format!("character {character:?}, which XML does not have"))),
        }
    }

    /// A name that the reader has borrowed from the document, as a slice of the document.
    fn within(&self, name: &str) -> &'x str {
        let at = name.as_ptr().addr().wrapping_sub(self.text.as_ptr().addr());
        at.checked_add(name.len()).and_then(|end| self.text.get(at..end)).unwrap_or_default()
    }

    fn offset(&self) -> usize {
        self.origin + self.reader.buffer_position() as usize
    }

    fn cut_off(&self) -> SceneError {
        SceneError::Syntax {
            offset: self.text.len(),
            element: self.path(),
            detail: "the file ends before this element does".to_owned(),
        }
    }

    fn syntax(&self, detail: &str) -> SceneError {
        let element = if self.open.is_empty() { "no element".to_owned() } else { self.path() };
        SceneError::Syntax { offset: self.offset(), element, detail: detail.to_owned() }
    }
}

/// A reader of what follows byte `origin`. Names of closing tags are checked by the cursor, which knows what was open
/// before the origin too.
fn reader_at(text: &str, origin: usize) -> Reader<&[u8]> {
    let mut reader = Reader::from_str(text.get(origin..).unwrap_or_default());
    let config = reader.config_mut();
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    config.expand_empty_elements = true;
    // Half of all events would be the line breaks between elements.
    config.trim_text_start = true;
    reader
}

fn append<'x>(whole: &mut Cow<'x, str>, part: Cow<'x, str>) {
    if whole.is_empty() {
        *whole = part;
    } else {
        whole.to_mut().push_str(&part);
    }
}

/// Whether a character is white space of XML.
fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r')
}

/// Whether XML 1.0 has this character.
fn is_of_xml(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}
