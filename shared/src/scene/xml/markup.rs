//! The markup of XML, token by token.
//!
//! As much of XML 1.0 as scene metadata needs, over text that is in memory and known to be UTF-8. What is left out is
//! refused, not guessed at: document type declarations, and with them entities of one's own. Every token is a slice of
//! the document; nothing is copied, and no byte is looked at more than a few times.

use memchr::{memchr, memmem};

/// One token of a document. Comments and processing instructions are passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'x> {
    /// `<name>` or `<name/>`.
    Start {
        name: &'x str,
        /// The default namespace that the tag declares, as it is written.
        namespace: Option<&'x str>,
        /// Whether it is its own closing tag.
        empty: bool,
    },
    /// `</name>`.
    End(&'x str),
    /// Text up to the next `<`, with its references unresolved.
    Text(&'x str),
    /// The content of a CDATA section.
    CData(&'x str),
    /// Nothing follows.
    Eof,
}

/// What is wrong with a document's markup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum MarkupError {
    /// There is a document type declaration.
    Doctype,
    /// Something that XML does not allow.
    Syntax(&'static str),
}

/// The tokens of a document, one after the other.
#[derive(Debug, Clone)]
pub(super) struct Tokens<'x> {
    text: &'x str,
    /// How far it has been read, in bytes.
    at: usize,
}

/// `name="value"` in a tag.
struct Attribute<'x> {
    name: &'x str,
    value: &'x str,
}

impl<'x> Tokens<'x> {
    pub(super) fn new(text: &'x str) -> Self {
        Self { text, at: 0 }
    }

    /// How far the document has been read, in bytes.
    pub(super) fn offset(&self) -> usize {
        self.at
    }

    /// Reads the XML declaration, where there is one; the encoding that it names.
    pub(super) fn declaration(&mut self) -> Result<Option<&'x str>, MarkupError> {
        self.skip_space();
        let start = b"<?xml";
        if !self.follows(start) || !self.rest().get(start.len()).is_some_and(|byte| is_space(*byte)) {
            return Ok(None);
        }
        self.at += start.len();
        let mut encoding = None;
        while let Some(attribute) = self.attribute()? {
            if attribute.name == "encoding" {
                encoding = Some(attribute.value);
            }
        }
        self.expect(b"?>", "the XML declaration has no end")?;
        Ok(encoding)
    }

    /// Reads the next token.
    pub(super) fn next(&mut self) -> Result<Token<'x>, MarkupError> {
        loop {
            match self.rest() {
                [] => return Ok(Token::Eof),
                [b'<', b'/', ..] => return self.end(),
                [b'<', b'?', ..] => self.instruction()?,
                [b'<', b'!', ..] => {
                    if let Some(content) = self.declared()? {
                        return Ok(Token::CData(content));
                    }
                }
                [b'<', ..] => return self.start(),
                text => {
                    let length = memchr(b'<', text).unwrap_or(text.len());
                    return Ok(Token::Text(self.take(length)));
                }
            }
        }
    }

    /// Passes over `</name>`, if that is what follows: a short way for what nearly always does.
    pub(super) fn pass_end(&mut self, name: &str) -> bool {
        let closes = |rest: &[u8]| rest.strip_prefix(b"</")?.strip_prefix(name.as_bytes())?.first().copied();
        let passed = closes(self.rest()) == Some(b'>');
        if passed {
            self.at += "</>".len() + name.len();
        }
        passed
    }

    /// Goes to the next closing tag of this name, without a look at what stands before it. Whether there is one.
    pub(super) fn seek_end(&mut self, name: &str) -> bool {
        let rest = self.rest();
        let closing = ["</", name].concat();
        let found = memmem::find_iter(rest, &closing).find(|found| {
            let mut after = rest[found + closing.len()..].iter().skip_while(|byte| is_space(**byte));
            after.next() == Some(&b'>')
        });
        self.at += found.unwrap_or_default();
        found.is_some()
    }

    /// `<name attribute="value" ...>` or `<name .../>`.
    fn start(&mut self) -> Result<Token<'x>, MarkupError> {
        self.at += 1;
        let name = self.name("a tag has no name")?;
        // Most tags have no attributes.
        if self.follows(b">") {
            self.at += 1;
            return Ok(Token::Start { name, namespace: None, empty: false });
        }
        let mut namespace = None;
        while let Some(attribute) = self.attribute()? {
            if attribute.name == "xmlns" && namespace.replace(attribute.value).is_some() {
                return Err(MarkupError::Syntax("a tag has two attributes xmlns"));
            }
        }
        let empty = self.follows(b"/");
        self.at += usize::from(empty);
        self.expect(b">", "a tag has no end")?;
        Ok(Token::Start { name, namespace, empty })
    }

    /// `</name>`.
    fn end(&mut self) -> Result<Token<'x>, MarkupError> {
        self.at += "</".len();
        let name = self.name("a closing tag has no name")?;
        self.skip_space();
        self.expect(b">", "a closing tag has no end")?;
        Ok(Token::End(name))
    }

    /// `<?target ...?>`.
    fn instruction(&mut self) -> Result<(), MarkupError> {
        self.at += "<?".len();
        let target = self.name("a processing instruction has no name")?;
        if target.eq_ignore_ascii_case("xml") {
            return Err(MarkupError::Syntax("there is an XML declaration that does not stand first"));
        }
        self.take_until("?>", "a processing instruction has no end").map(drop)
    }

    /// `<!...>`: a comment, or a CDATA section, whose content is given.
    fn declared(&mut self) -> Result<Option<&'x str>, MarkupError> {
        let doctype = b"<!DOCTYPE";
        if self.follows(b"<!--") {
            self.at += "<!--".len();
            self.take_until("-->", "a comment has no end").map(|_| None)
        } else if self.follows(b"<![CDATA[") {
            self.at += "<![CDATA[".len();
            self.take_until("]]>", "a CDATA section has no end").map(Some)
        } else if self.rest().get(..doctype.len()).is_some_and(|start| start.eq_ignore_ascii_case(doctype)) {
            Err(MarkupError::Doctype)
        } else {
            Err(MarkupError::Syntax("<! begins neither a comment nor a CDATA section"))
        }
    }

    /// The next attribute of the tag; none at its end.
    fn attribute(&mut self) -> Result<Option<Attribute<'x>>, MarkupError> {
        let spaced = self.skip_space();
        if matches!(self.rest().first(), Some(b'>' | b'/' | b'?')) {
            return Ok(None);
        }
        if !spaced {
            return Err(MarkupError::Syntax("a tag has something other than white space after a name or a value"));
        }
        let name = self.name("an attribute has no name")?;
        self.skip_space();
        self.expect(b"=", "an attribute has no value")?;
        self.skip_space();
        let Some(quote @ (b'"' | b'\'')) = self.rest().first() else {
            return Err(MarkupError::Syntax("the value of an attribute has no quotation marks"));
        };
        self.at += 1;
        let length = memchr(*quote, self.rest()).ok_or(MarkupError::Syntax("the value of an attribute has no end"))?;
        let value = self.take(length);
        self.at += 1;
        if memchr(b'<', value.as_bytes()).is_some() {
            return Err(MarkupError::Syntax("the value of an attribute has a <"));
        }
        Ok(Some(Attribute { name, value }))
    }

    fn rest(&self) -> &'x [u8] {
        &self.text.as_bytes()[self.at..]
    }

    fn follows(&self, expected: &[u8]) -> bool {
        self.rest().starts_with(expected)
    }

    fn expect(&mut self, expected: &[u8], missing: &'static str) -> Result<(), MarkupError> {
        if !self.follows(expected) {
            return Err(MarkupError::Syntax(missing));
        }
        self.at += expected.len();
        Ok(())
    }

    /// The next `length` bytes, which end before or after one of ASCII.
    fn take(&mut self, length: usize) -> &'x str {
        let taken = &self.text[self.at..self.at + length];
        self.at += length;
        taken
    }

    /// What stands before `end`, which is passed over.
    fn take_until(&mut self, end: &str, missing: &'static str) -> Result<&'x str, MarkupError> {
        let length = memmem::find(self.rest(), end.as_bytes()).ok_or(MarkupError::Syntax(missing))?;
        let taken = self.take(length);
        self.at += end.len();
        Ok(taken)
    }

    fn name(&mut self, missing: &'static str) -> Result<&'x str, MarkupError> {
        let rest = self.rest();
        let length = rest.iter().position(|byte| !OF_NAMES[usize::from(*byte)]).unwrap_or(rest.len());
        if length == 0 || matches!(rest[0], b'-' | b'.' | b'0'..=b'9') {
            return Err(MarkupError::Syntax(missing));
        }
        Ok(self.take(length))
    }

    /// Whether there was any.
    fn skip_space(&mut self) -> bool {
        let length = self.rest().iter().take_while(|byte| is_space(**byte)).count();
        self.at += length;
        length > 0
    }
}

/// Whether a byte is white space of XML.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// For each byte, whether it may stand in a name. Of the characters beyond ASCII nearly all may.
static OF_NAMES: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < table.len() {
        let ascii = byte as u8;
        table[byte] = ascii.is_ascii_alphanumeric() || matches!(ascii, b'_' | b'-' | b'.' | b':') || !ascii.is_ascii();
        byte += 1;
    }
    table
};

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Result<Vec<Token<'_>>, MarkupError> {
        let mut tokens = Tokens::new(text);
        let mut read = Vec::new();
        loop {
            match tokens.next()? {
                Token::Eof => return Ok(read),
                token => read.push(token),
            }
        }
    }

    fn start(name: &str) -> Token<'_> {
        Token::Start { name, namespace: None, empty: false }
    }

    #[test]
    fn tags_text_and_cdata_are_told_apart_and_comments_passed_over() {
        let text = "<a b='>' c = \"/\"><!-- <x> -- --> t &amp; u<?pi <x> ?><![CDATA[<x>]]></a ><é/>";
        let expected = [
            start("a"),
            Token::Text(" t &amp; u"),
            Token::CData("<x>"),
            Token::End("a"),
            Token::Start { name: "é", namespace: None, empty: true },
        ];
        assert_eq!(tokens(text).unwrap(), expected);
    }

    #[test]
    fn the_namespace_of_a_tag_is_the_default_one_that_it_declares() {
        let text = "<a xmlns:x='1' x:xmlns='2' xmlns='3'/>";
        assert_eq!(tokens(text).unwrap(), [Token::Start { name: "a", namespace: Some("3"), empty: true }]);
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        let texts = "<|<>|< a>|<1>|<a|<a b>|<a b=>|<a b=c>|<a b='c>|<a b='<'>|<a b='c'd='e'>|<a/b>|<a / >|<a\"b\">|<a?>|\
            <a xmlns='1' xmlns='1'>|</|</>|</ a>|</a|</a b>|<!|<!>|<!->|<!-->|<!--->|<!-- |<![CDATA[|<![CDATA[]>|\
            <![cdata[]]>|<?|<??>|<?a|<? a?>|<?xml ?>|<?XML ?>|<a<b>";
        for text in texts.split('|') {
            assert!(matches!(tokens(text), Err(MarkupError::Syntax(_))), "{text}: {:?}", tokens(text));
        }
        for text in ["<!DOCTYPE", "<!doctype a>"] {
            assert_eq!(tokens(text), Err(MarkupError::Doctype), "{text}");
        }
    }

    #[test]
    fn a_declaration_tells_its_encoding() {
        for (text, encoding) in [
            ("<?xml version=\"1.0\" encoding='UTF-8' standalone=\"no\" ?><a/>", Some("UTF-8")),
            ("\n<?xml version=\"1.0\"?>", None),
            ("<?xml-stylesheet encoding='x'?>", None),
            ("<a/>", None),
        ] {
            assert_eq!(Tokens::new(text).declaration(), Ok(encoding), "{text}");
        }
        for text in ["<?xml ", "<?xml encoding=UTF-8?>", "<?xml version='1.0'>", "<?xml version='1.0'/>"] {
            assert!(Tokens::new(text).declaration().is_err(), "{text}");
        }
    }

    #[test]
    fn a_closing_tag_is_found_with_space_in_it_and_not_one_of_a_longer_name() {
        let text = "<b></ab></a-b></a\n></a>";
        let mut tokens = Tokens::new(text);
        assert!(tokens.seek_end("a"));
        assert_eq!((tokens.offset(), tokens.next()), (14, Ok(Token::End("a"))));
        assert!(tokens.seek_end("a"));
        assert_eq!(tokens.next(), Ok(Token::End("a")));
        assert!(!tokens.seek_end("a"));
    }
}
