//! An XML document as a tree that can be changed: valid scene metadata, made strange.

use bolero::TypeGenerator;
use quick_xml::Reader;
use quick_xml::events::Event;

/// The elements of a document, each with the text before its first child. What stands between elements is lost.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    elements: Vec<Element>,
}

#[derive(Debug, Clone)]
struct Element {
    /// The name and the attributes, as they stand in the tag.
    tag: String,
    text: String,
    children: Vec<usize>,
    /// How often it stands there.
    times: usize,
    /// What stands before its closing bracket.
    space: &'static str,
}

/// One change of a document. Numbers choose an element, the remainder of all there are.
#[derive(Debug, Clone, TypeGenerator)]
pub(crate) enum Edit {
    Drop(u16),
    Repeat(u16, #[generator(2_u8..20)] u8),
    /// The children of one element in another order.
    Turn(u16, u8),
    /// An element, and all that is in it, moved into another.
    Move(u16, u16),
    /// An element in so many others.
    Nest(u16, #[generator(1_u8..60)] u8),
    Rename(u16, u8),
    Attribute(u16, u8),
    /// Another text.
    Say(u16, u8),
    /// Any text.
    Write(u16, String),
    /// The text again and again.
    Lengthen(u16, #[generator(1_u8..8)] u8),
    /// A number near to the one that is there: so many times a millionth of its size.
    Nudge(u16, i32),
    /// One digit of the text.
    Digit(u16, u8, u8),
    Space(u16, u8),
    /// Only so many 65536ths of the whole document.
    Cut(u16),
}

/// Texts that readers have stumbled over.
const TEXTS: [&str; 45] = [
    "",
    " ",
    "0",
    "-0",
    "00",
    "1",
    "-1",
    "+1",
    "89.999999",
    "90",
    "-90",
    "91",
    "179.999999999",
    "180",
    "-180",
    "181",
    "360",
    "1e5",
    "1e400",
    "-1e-400",
    "-1e-17",
    "NaN",
    "inf",
    "-infinity",
    "0x1f",
    "1_000",
    "½",
    "４",
    "UTM",
    "WGS84",
    "L2B",
    "4A",
    "AMAZONIA",
    "2024-02-29T23:59:59.999999999",
    "2023-02-29T00:00:00",
    "2016-12-31T23:59:60",
    "0000-01-01T00:00:00Z",
    "10000000",
    "&amp;&lt;&#65;&#x42;",
    "&#0;",
    "&#xD800;",
    "&lol;",
    "<![CDATA[ 5 ]]>",
    "<!-- 5 -->5<?p 5?>",
    "\u{0}\u{85}\u{feff}é",
];

const NAMES: [&str; 16] = [
    "prdf",
    "leftCamera",
    "rightCamera",
    "satellite",
    "viewing",
    "image",
    "imageData",
    "UL",
    "LR",
    "latitude",
    "attitudes",
    "ephemeris",
    "band",
    "x:image",
    "_",
    "Image",
];

const ATTRIBUTES: [&str; 8] = [
    " xmlns=\"http://www.gisplan.com.br/xmlsat\"",
    " xmlns=''",
    " xmlns=\"http://example.com/\"",
    " xmlns=\"1\" xmlns=\"2\"",
    " a='<'",
    " a='>' b=\"/>\"",
    " a",
    " a='1'b='2'",
];

impl Tree {
    /// Reads a document that is known to be valid.
    pub(crate) fn parse(xml: &str) -> Self {
        let mut reader = Reader::from_str(xml);
        let mut elements: Vec<Element> = Vec::new();
        let mut open: Vec<usize> = Vec::new();
        loop {
            match reader.read_event().unwrap() {
                Event::Start(start) => {
                    let at = elements.len();
                    if let Some(parent) = open.last() {
                        elements[*parent].children.push(at);
                    }
                    elements.push(Element {
                        tag: start.to_string(),
                        text: String::new(),
                        children: Vec::new(),
                        times: 1,
                        space: "",
                    });
                    open.push(at);
                }
                Event::Text(text) => {
                    if let Some(at) = open.last() {
                        elements[*at].text.push_str(text.trim());
                    }
                }
                Event::End(_) => drop(open.pop()),
                Event::Eof => return Self { elements },
                _ => {}
            }
        }
    }

    /// The changed document.
    pub(crate) fn edited(mut self, edits: &[Edit]) -> String {
        let mut length = usize::MAX;
        for edit in edits {
            if let Edit::Cut(share) = edit {
                length = usize::from(*share);
            }
            self.edit(edit);
        }
        let mut xml = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\" ?>\n".to_owned();
        self.write(0, 0, &mut xml);
        if length < usize::MAX {
            let mut end = xml.len() * length / 65_536;
            while !xml.is_char_boundary(end) {
                end -= 1;
            }
            xml.truncate(end);
        }
        xml
    }

    fn edit(&mut self, edit: &Edit) {
        let count = self.elements.len();
        let at = |number: u16| usize::from(number) % count;
        let choose = |number: u8, of: &[&'static str]| of[usize::from(number) % of.len()];
        match edit {
            Edit::Drop(element) => self.elements[at(*element)].times = 0,
            Edit::Repeat(element, times) => self.elements[at(*element)].times = usize::from(*times),
            Edit::Turn(element, by) => {
                let children = &mut self.elements[at(*element)].children;
                let by = usize::from(*by) % children.len().max(1);
                children.rotate_left(by);
            }
            Edit::Move(element, into) => {
                // A ring of elements ends at the greatest depth.
                let (element, into) = (at(*element), at(*into));
                self.elements.iter_mut().for_each(|parent| parent.children.retain(|child| *child != element));
                self.elements[into].children.push(element);
            }
            Edit::Nest(element, depth) => {
                let element = &mut self.elements[at(*element)];
                let name = element.tag.split(' ').next().unwrap_or_default().to_owned();
                let depth = usize::from(*depth);
                let text = std::mem::take(&mut element.text);
                element.text =
                    format!("{}{text}{}", format!("<{name}>").repeat(depth), format!("</{name}>").repeat(depth));
            }
            Edit::Rename(element, name) => self.elements[at(*element)].tag = choose(*name, &NAMES).to_owned(),
            Edit::Attribute(element, attribute) => {
                self.elements[at(*element)].tag.push_str(choose(*attribute, &ATTRIBUTES));
            }
            Edit::Say(element, text) => self.elements[at(*element)].text = choose(*text, &TEXTS).to_owned(),
            Edit::Write(element, text) => self.elements[at(*element)].text.clone_from(text),
            Edit::Lengthen(element, times) => {
                let text = &mut self.elements[at(*element)].text;
                *text = text.repeat(64 * usize::from(*times));
            }
            Edit::Nudge(element, millionths) => {
                let text = &mut self.elements[at(*element)].text;
                if let Ok(number) = text.parse::<f64>() {
                    *text = format!("{:.6}", number + number.abs().max(1.0) * f64::from(*millionths) * 1e-6 / 16.0);
                }
            }
            Edit::Digit(element, which, digit) => {
                let text = &mut self.elements[at(*element)].text;
                let digits: Vec<usize> = text.match_indices(|c: char| c.is_ascii_digit()).map(|(at, _)| at).collect();
                if let Some(at) = digits.get(usize::from(*which) % digits.len().max(1)) {
                    text.replace_range(at..=at, &(digit % 10).to_string());
                }
            }
            Edit::Space(element, space) => {
                self.elements[at(*element)].space = choose(*space, &[" ", "\n", "\t \r\n", "\u{a0}"]);
            }
            Edit::Cut(_) => {}
        }
    }

    fn write(&self, at: usize, depth: usize, xml: &mut String) {
        let Some(element) = self.elements.get(at).filter(|_| depth < 40) else { return };
        let name = element.tag.split(' ').next().unwrap_or_default();
        for _ in 0..element.times {
            // Repetitions within repetitions need not be told to the end.
            if xml.len() > 200_000 {
                return;
            }
            xml.push_str(&format!("<{}{}>{}", element.tag, element.space, element.text));
            for child in &element.children {
                self.write(*child, depth + 1, xml);
            }
            xml.push_str(&format!("</{name}{}>", element.space));
        }
    }
}
