//! INPE's XML, read in one pass.
//!
//! A `Cursor` walks the document element by element; `Document::read` keeps the text of those elements that a
//! scene is made of. The attitude and ephemeris lists, which are most of a file, are left behind after their first
//! entry by searching for the closing tag: what stands in the rest of them is not looked at.

use std::borrow::Cow;

use memchr::memmem;
use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};

use super::error::SceneError;
use super::name::cut;

/// The default namespace of every element.
pub const NAMESPACE: &str = "http://www.gisplan.com.br/xmlsat";

/// How deep elements may stand in each other. INPE's stand seven deep.
const DEEPEST: usize = 32;

/// The text of an element, none while it has not been seen.
pub(super) type Text<'x> = Option<Cow<'x, str>>;

/// The texts of one document, of both optics where there are two.
#[derive(Debug)]
pub(super) enum Document<'x> {
    /// `prdf/{satellite, viewing, image, ...}`.
    Flat(Box<Optic<'x>>),
    /// `prdf/leftCamera/{...}` and `prdf/rightCamera/{...}`.
    Dual(Box<Optic<'x>>, Box<Optic<'x>>),
}

/// The texts of one optic.
#[derive(Debug, Default)]
pub(super) struct Optic<'x> {
    /// The path of the element that holds the others.
    pub(super) at: &'static str,
    pub(super) mission: Text<'x>,
    pub(super) number: Text<'x>,
    pub(super) instrument: Text<'x>,
    pub(super) software: Text<'x>,
    pub(super) version: Text<'x>,
    pub(super) bands: Vec<Cow<'x, str>>,
    pub(super) begin: Text<'x>,
    pub(super) center: Text<'x>,
    pub(super) end: Text<'x>,
    pub(super) image: Image<'x>,
}

/// The texts of `image`.
#[derive(Debug, Default)]
pub(super) struct Image<'x> {
    pub(super) receiving_station: Text<'x>,
    pub(super) processing_station: Text<'x>,
    pub(super) level: Text<'x>,
    pub(super) columns: Text<'x>,
    pub(super) lines: Text<'x>,
    pub(super) vertical_pixel_size: Text<'x>,
    pub(super) horizontal_pixel_size: Text<'x>,
    pub(super) path: Text<'x>,
    pub(super) row: Text<'x>,
    pub(super) sun_elevation: Text<'x>,
    pub(super) sun_azimuth: Text<'x>,
    pub(super) data: Corners<'x>,
    pub(super) bounding_box: Corners<'x>,
    pub(super) roll: Text<'x>,
    pub(super) vz: Text<'x>,
    pub(super) projection: Text<'x>,
    pub(super) datum: Text<'x>,
    pub(super) origin_longitude: Text<'x>,
    pub(super) false_northing: Text<'x>,
}

/// The texts of four corners.
#[derive(Debug, Default)]
pub(super) struct Corners<'x> {
    pub(super) upper_left: Corner<'x>,
    pub(super) upper_right: Corner<'x>,
    pub(super) lower_right: Corner<'x>,
    pub(super) lower_left: Corner<'x>,
}

/// The texts of one corner.
#[derive(Debug, Default)]
pub(super) struct Corner<'x> {
    pub(super) latitude: Text<'x>,
    pub(super) longitude: Text<'x>,
    pub(super) northing: Text<'x>,
    pub(super) easting: Text<'x>,
}

impl<'x> Document<'x> {
    /// Reads a whole document.
    pub(super) fn read(xml: &'x [u8]) -> Result<Self, SceneError> {
        let mut cursor = Cursor::new(xml)?;
        cursor.root()?;
        let mut flat = Optic { at: "prdf", ..Optic::default() };
        let (mut left, mut right) = (None, None);
        while let Some(name) = cursor.child()? {
            match name {
                "leftCamera" => cursor.optic_once(&mut left, "prdf/leftCamera")?,
                "rightCamera" => cursor.optic_once(&mut right, "prdf/rightCamera")?,
                other => cursor.optic_child(other, &mut flat)?,
            }
        }
        cursor.nothing_more()?;
        match (left, right) {
            (None, None) => Ok(Self::Flat(Box::new(flat))),
            (Some(left), Some(right)) => Ok(Self::Dual(left, right)),
            (None, Some(_)) => Err(SceneError::Missing { element: "prdf/leftCamera".into() }),
            (Some(_), None) => Err(SceneError::Missing { element: "prdf/rightCamera".into() }),
        }
    }
}

/// A walk through a document. Every method that goes into an element also comes out of it.
struct Cursor<'x> {
    text: &'x str,
    reader: Reader<&'x [u8]>,
    /// Where the reader started, in bytes from the start of the document.
    origin: usize,
    /// The elements that are open.
    open: Vec<&'x str>,
}

impl<'x> Cursor<'x> {
    fn new(xml: &'x [u8]) -> Result<Self, SceneError> {
        if xml.is_empty() {
            return Err(SceneError::Empty);
        }
        let text =
            simdutf8::compat::from_utf8(xml).map_err(|error| SceneError::Encoding { offset: error.valid_up_to() })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Ok(Self { text, reader: reader_at(text, 0), origin: 0, open: Vec::with_capacity(8) })
    }

    /// Goes into the root, which must be INPE's.
    fn root(&mut self) -> Result<(), SceneError> {
        loop {
            let start = self.offset();
            match self.event()? {
                Event::Start(tag) => {
                    let name = self.name_at(start, tag.name().as_ref().len());
                    let mut namespace = None;
                    for attribute in tag.attributes() {
                        let attribute = attribute.map_err(|error| self.syntax(&error.to_string()))?;
                        if attribute.key.as_ref() == "xmlns" {
                            namespace = Some(attribute.value.to_string());
                        }
                    }
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

    /// Goes into the next element within the open one; none, and out of the open one, at its end.
    fn child(&mut self) -> Result<Option<&'x str>, SceneError> {
        loop {
            let start = self.offset();
            match self.event()? {
                Event::Start(tag) => {
                    let name = self.name_at(start, tag.name().as_ref().len());
                    self.enter(name)?;
                    return Ok(Some(name));
                }
                Event::End(tag) => {
                    self.leave(tag.name().as_ref())?;
                    return Ok(None);
                }
                Event::Eof => return Err(self.cut_off()),
                _ => {}
            }
        }
    }

    /// Comes out of the open element, whatever is in it.
    fn skip(&mut self) -> Result<(), SceneError> {
        let depth = self.open.len();
        while self.open.len() >= depth {
            self.child()?;
        }
        Ok(())
    }

    /// Goes to the end of the open element by searching for its closing tag, and out of it.
    fn jump(&mut self) -> Result<(), SceneError> {
        let Some(name) = self.open.last().copied() else { return Ok(()) };
        let from = self.offset();
        let closing = format!("</{name}>");
        let rest = self.text.get(from..).unwrap_or_default();
        let found = memmem::find(rest.as_bytes(), closing.as_bytes()).ok_or_else(|| self.cut_off())?;
        self.origin = from + found;
        self.reader = reader_at(self.text, self.origin);
        self.skip()
    }

    /// The text of the open element without the white space around it, and out of it.
    fn text(&mut self) -> Result<Cow<'x, str>, SceneError> {
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

    /// Nothing but space and comments may follow the root.
    fn nothing_more(&mut self) -> Result<(), SceneError> {
        loop {
            match self.event()? {
                Event::Eof => return Ok(()),
                Event::Text(text) if text.trim().is_empty() => {}
                Event::Comment(_) | Event::PI(_) => {}
                _ => return Err(self.syntax("there is something after the last element")),
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
                Ok(())
            }
            _ => Err(self.syntax(&format!("closing tag </{}> for another element", cut(name)))),
        }
    }

    /// The name of the start tag whose `<` stands at `start`, as a slice of the document.
    fn name_at(&self, start: usize, length: usize) -> &'x str {
        self.text.get(start + 1..start + 1 + length).unwrap_or_default()
    }

    fn offset(&self) -> usize {
        self.origin + self.reader.buffer_position() as usize
    }

    fn path(&self) -> String {
        self.open.join("/")
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

/// The elements that a scene is made of.
impl<'x> Cursor<'x> {
    fn optic_once(&mut self, slot: &mut Option<Box<Optic<'x>>>, at: &'static str) -> Result<(), SceneError> {
        if slot.is_some() {
            return Err(SceneError::Twice { element: self.path() });
        }
        let mut optic = Box::new(Optic { at, ..Optic::default() });
        while let Some(name) = self.child()? {
            self.optic_child(name, &mut optic)?;
        }
        *slot = Some(optic);
        Ok(())
    }

    fn optic_child(&mut self, name: &str, optic: &mut Optic<'x>) -> Result<(), SceneError> {
        match name {
            "satellite" => {
                while let Some(name) = self.child()? {
                    match name {
                        "name" => self.text_once(&mut optic.mission)?,
                        "number" => self.text_once(&mut optic.number)?,
                        "instrument" => self.text_once(&mut optic.instrument)?,
                        _ => self.skip()?,
                    }
                }
                Ok(())
            }
            "software" => self.text_once(&mut optic.software),
            "version" => self.text_once(&mut optic.version),
            "availableBands" => {
                while let Some(name) = self.child()? {
                    match name {
                        "band" => {
                            let band = self.text()?;
                            optic.bands.push(band);
                        }
                        _ => self.skip()?,
                    }
                }
                Ok(())
            }
            "viewing" => {
                while let Some(name) = self.child()? {
                    match name {
                        "begin" => self.text_once(&mut optic.begin)?,
                        "center" => self.text_once(&mut optic.center)?,
                        "end" => self.text_once(&mut optic.end)?,
                        _ => self.skip()?,
                    }
                }
                Ok(())
            }
            "image" => self.image(&mut optic.image),
            _ => self.skip(),
        }
    }

    fn image(&mut self, image: &mut Image<'x>) -> Result<(), SceneError> {
        while let Some(name) = self.child()? {
            match name {
                "receivingStation" => self.text_once(&mut image.receiving_station)?,
                "processingStation" => self.text_once(&mut image.processing_station)?,
                "level" => self.text_once(&mut image.level)?,
                "columns" => self.text_once(&mut image.columns)?,
                "lines" => self.text_once(&mut image.lines)?,
                "verticalPixelSize" => self.text_once(&mut image.vertical_pixel_size)?,
                "horizontalPixelSize" => self.text_once(&mut image.horizontal_pixel_size)?,
                "path" => self.text_once(&mut image.path)?,
                "row" => self.text_once(&mut image.row)?,
                "sunPosition" => {
                    while let Some(name) = self.child()? {
                        match name {
                            "elevation" => self.text_once(&mut image.sun_elevation)?,
                            "sunAzimuth" => self.text_once(&mut image.sun_azimuth)?,
                            _ => self.skip()?,
                        }
                    }
                }
                "imageData" => self.corners(&mut image.data)?,
                "boundingBox" => self.corners(&mut image.bounding_box)?,
                "attitudes" => self.first_of("attitude", "roll", &mut image.roll)?,
                "ephemerides" => self.first_of("ephemeris", "vz", &mut image.vz)?,
                "projectionName" => self.text_once(&mut image.projection)?,
                "datumName" => self.text_once(&mut image.datum)?,
                "originLongitude" => self.text_once(&mut image.origin_longitude)?,
                "falseNorthing" => self.text_once(&mut image.false_northing)?,
                _ => self.skip()?,
            }
        }
        Ok(())
    }

    fn corners(&mut self, corners: &mut Corners<'x>) -> Result<(), SceneError> {
        while let Some(name) = self.child()? {
            let corner = match name {
                "UL" => &mut corners.upper_left,
                "UR" => &mut corners.upper_right,
                "LR" => &mut corners.lower_right,
                "LL" => &mut corners.lower_left,
                _ => {
                    self.skip()?;
                    continue;
                }
            };
            while let Some(name) = self.child()? {
                match name {
                    "latitude" => self.text_once(&mut corner.latitude)?,
                    "longitude" => self.text_once(&mut corner.longitude)?,
                    "northing" => self.text_once(&mut corner.northing)?,
                    "easting" => self.text_once(&mut corner.easting)?,
                    _ => self.skip()?,
                }
            }
        }
        Ok(())
    }

    /// The text of `field` in the first `entry` of the open list; the rest of the list is left behind.
    fn first_of(&mut self, entry: &str, field: &str, slot: &mut Text<'x>) -> Result<(), SceneError> {
        while let Some(name) = self.child()? {
            if name != entry {
                self.skip()?;
                continue;
            }
            while let Some(name) = self.child()? {
                if name == field { self.text_once(slot)? } else { self.skip()? }
            }
            return self.jump();
        }
        Ok(())
    }

    /// The text of the open element into `slot`, where none may stand yet.
    fn text_once(&mut self, slot: &mut Text<'x>) -> Result<(), SceneError> {
        if slot.is_some() {
            return Err(SceneError::Twice { element: self.path() });
        }
        *slot = Some(self.text()?);
        Ok(())
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
    reader
}

fn append<'x>(whole: &mut Cow<'x, str>, part: Cow<'x, str>) {
    if whole.is_empty() {
        *whole = part;
    } else {
        whole.to_mut().push_str(&part);
    }
}
