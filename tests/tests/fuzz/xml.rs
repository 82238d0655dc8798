//! The markup of XML, compared with a reader that knows all of it.

use std::borrow::Cow;

use bolero::{TypeGenerator, check};
use lazycat::scene::MetadataName;
use lazycat_fixtures::{Date, SceneSpec, Size};
use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::Value;

use crate::scenes::read;
use crate::tree::{Edit, Tree};

/// The texts at `prdf/software` and `prdf/version`, and the path of the element in which a document is not well-formed.
fn other_reader(xml: &str) -> (Result<(), String>, [String; 2]) {
    let mut reader = Reader::from_str(xml);
    let mut open: Vec<String> = Vec::new();
    let mut texts = [String::new(), String::new()];
    loop {
        let path = open.join("/");
        let into = ["prdf/software", "prdf/version"].iter().position(|known| *known == path);
        let mut say = |text: &str| into.map(|at| texts[at].push_str(text)).unwrap_or_default();
        match reader.read_event() {
            Err(_) => return (Err(path), texts),
            Ok(Event::Eof) if open.is_empty() => return (Ok(()), texts),
            Ok(Event::Eof) => return (Err(path), texts),
            Ok(Event::Start(tag)) => open.push(tag.name().as_ref().to_owned()),
            Ok(Event::End(_)) => drop(open.pop()),
            Ok(Event::Text(text)) => say(&text),
            Ok(Event::CData(text)) => say(&text),
            Ok(Event::GeneralRef(entity)) => {
                let character = entity.resolve_char_ref().unwrap_or_default().map(String::from).map(Cow::Owned);
                let known = || quick_xml::escape::resolve_predefined_entity(&entity).map(Cow::Borrowed);
                say(&character.or_else(known).unwrap_or_default());
            }
            Ok(_) => {}
        }
    }
}

/// What is passed over by a search for its end; of the first two, all but their first entry.
const LEFT_BEHIND: [&str; 8] = [
    "attitudes",
    "ephemerides",
    "/CT",
    "absoluteCalibrationCoefficient",
    "boresightMatrix",
    "integrationTime",
    "orientationAngle",
    "sunIncidenceAngle",
];

#[derive(Debug, TypeGenerator)]
struct Marked {
    software: Vec<Piece>,
    version: Vec<Piece>,
    edits: Option<Edit>,
}

/// A piece of an element's content.
#[derive(Debug, TypeGenerator)]
enum Piece {
    Text(String),
    Space,
    Comment(String),
    CData(String),
    Instruction(String),
    Reference(char),
    Named(u8),
    Raw(u8),
}

const RAW: [&str; 12] =
    ["<", ">", "&", "]]>", "-->", "<!", "<![CDATA[", "</software>", "<a/>", "&#x0;", "&unknown;", "\u{1}"];
const NAMED: [&str; 5] = ["&amp;", "&lt;", "&gt;", "&apos;", "&quot;"];

fn written(pieces: &[Piece]) -> String {
    let plain = |text: &str| text.replace(['<', '&'], "+");
    let choose = |number: u8, of: &[&'static str]| of[usize::from(number) % of.len()].to_owned();
    let each = pieces.iter().map(|piece| match piece {
        Piece::Text(text) => plain(text),
        Piece::Space => " \n".to_owned(),
        Piece::Comment(text) => format!("<!--{}-->", text.replace('-', "+")),
        Piece::CData(text) => format!("<![CDATA[{}]]>", text.replace("]]>", "")),
        Piece::Instruction(text) => format!("<?p {}?>", text.replace("?>", "")),
        Piece::Reference(character) => format!("&#x{:X};", u32::from(*character)),
        Piece::Named(which) => choose(*which, &NAMED),
        Piece::Raw(which) => choose(*which, &RAW),
    });
    each.collect()
}

#[test]
fn what_is_accepted_is_well_formed_and_its_texts_are_what_another_reader_reads() {
    let scene = SceneSpec::cbers4_mux(57, 121, Date::new(2017, 6, 18)).with_size(Size::Compact);
    let name = MetadataName::parse(&scene.file_name()).unwrap();
    let tree = Tree::parse(&scene.xml());
    check!().with_type::<Marked>().with_iterations(2_000).for_each(|marked| {
        let xml = tree.clone().edited(marked.edits.as_slice());
        let content = |xml: &str, element: &str, pieces: &[Piece]| {
            let (open, close) = (format!("<{element}>"), format!("</{element}>"));
            match xml.split_once(&open).zip(xml.split_once(&close)) {
                Some(((before, _), (_, after))) => format!("{before}{open}{}{close}{after}", written(pieces)),
                None => xml.to_owned(),
            }
        };
        let xml = content(&content(&xml, "software", &marked.software), "version", &marked.version);
        let Some(made) = read(xml.as_bytes(), &name) else { return };
        let (well_formed, texts) = other_reader(&xml);
        if let Err(path) = well_formed {
            assert!(LEFT_BEHIND.iter().any(|element| path.contains(element)), "accepted, but broken in {path}");
            return;
        }
        let texts = texts.map(|text| text.trim().trim_matches('"').trim().to_owned());
        let item: Value = serde_json::from_slice(made.item.bytes()).unwrap();
        let [software, version] = texts;
        if [&software, &version].iter().all(|text| !text.is_empty() && *text != "Unknown location") {
            assert_eq!(item["properties"]["processing:software"][&software], *version);
        } else {
            assert!(item["properties"].get("processing:software").is_none());
        }
    });
}
