//! Templates: from text to tiers.

use super::segment::{self, LONGEST_SEGMENT};
use super::{LONGEST_TEMPLATE, MOST_TIERS};

/// One tier of folders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tier {
    /// What a folder's name is put together of, one part at least.
    pub(super) parts: Vec<Part>,
}

/// A part of a folder's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// The same for all items.
    Literal(String),
    /// Taken from the item.
    Field(Field),
}

/// What is taken from an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Field {
    Collection,
    Year,
    Month,
    Day,
    /// The value at a path of names with dots between them.
    Path(String),
}

impl Field {
    /// How many digits its values have; none where they may be anything.
    fn digits(&self) -> Option<usize> {
        match self {
            Self::Year => Some(4),
            Self::Month | Self::Day => Some(2),
            Self::Collection | Self::Path(_) => None,
        }
    }
}

impl Tier {
    /// Whether a folder of this tier can have this name.
    pub(super) fn may_be(&self, name: &str) -> bool {
        let fits = match self.parts.as_slice() {
            [Part::Literal(literal)] => return name == literal,
            [Part::Field(field)] => field
                .digits()
                .is_none_or(|digits| name.len() == digits && name.bytes().all(|byte| byte.is_ascii_digit())),
            [first, .., last] => {
                let begins =
                    |part: &Part| !matches!(part, Part::Literal(literal) if !name.starts_with(literal.as_str()));
                let ends = |part: &Part| !matches!(part, Part::Literal(literal) if !name.ends_with(literal.as_str()));
                begins(first) && ends(last)
            }
            [] => false,
        };
        fits && segment::is_encoded(name)
    }
}

/// Reads a template; gives one tier at least.
pub(super) fn parse(template: &str) -> Result<Vec<Tier>, String> {
    if template.len() > LONGEST_TEMPLATE {
        return Err(format!("it is {} bytes long, expected at most {LONGEST_TEMPLATE}", template.len()));
    }
    if template.is_empty() {
        return Err("it is empty, expected such as {collection}/{year}/{month}".to_owned());
    }
    let tiers = segments(template)?.into_iter().map(tier).collect::<Result<Vec<_>, _>>()?;
    if tiers.len() > MOST_TIERS {
        return Err(format!("it has {} segments, expected at most {MOST_TIERS}", tiers.len()));
    }
    Ok(tiers)
}

/// The segments of a template. A slash within braces parts nothing: it belongs to a name that is then looked at.
fn segments(template: &str) -> Result<Vec<&str>, String> {
    let (mut segments, mut start, mut is_in_braces) = (Vec::new(), 0, false);
    for (at, character) in template.char_indices() {
        match (character, is_in_braces) {
            ('{', false) => is_in_braces = true,
            ('}', true) => is_in_braces = false,
            ('{', true) => return Err(format!("a brace is opened within braces, at byte {at}")),
            ('}', false) => return Err(format!("a brace is closed that was not opened, at byte {at}")),
            ('/', false) => {
                segments.push(&template[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    if is_in_braces {
        return Err("a brace is opened and not closed".to_owned());
    }
    segments.push(&template[start..]);
    Ok(segments)
}

fn tier(segment: &str) -> Result<Tier, String> {
    if segment.is_empty() {
        return Err("it has an empty segment; expected none before, between or behind its slashes".to_owned());
    }
    let mut parts = Vec::new();
    let mut rest = segment;
    while !rest.is_empty() {
        let (before, behind) = rest.split_at(rest.find('{').unwrap_or(rest.len()));
        if !before.is_empty() {
            parts.push(Part::Literal(literal(before, parts.is_empty())?));
        }
        let Some((name, behind)) = behind.strip_prefix('{').and_then(|behind| behind.split_once('}')) else { break };
        parts.push(Part::Field(field(name)?));
        rest = behind;
    }
    Ok(Tier { parts })
}

fn literal(text: &str, is_first: bool) -> Result<String, String> {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-._~".contains(character);
    if let Some(odd) = text.chars().find(|character| !is_plain(*character)) {
        return Err(format!("{text:?} holds {odd:?}, expected letters, digits and -._~ outside of braces"));
    }
    if is_first && text.starts_with('.') {
        return Err(format!("{text:?} starts with a dot, as the folders of a catalog do not"));
    }
    if text.len() > LONGEST_SEGMENT {
        return Err(format!("a segment is {} bytes long, expected at most {LONGEST_SEGMENT}", text.len()));
    }
    Ok(text.to_owned())
}

fn field(name: &str) -> Result<Field, String> {
    const KNOWN: &str = "expected {collection}, {year}, {month}, {day}, or the path of a value such as \
                         {properties.platform}";
    match name {
        "collection" => Ok(Field::Collection),
        "year" => Ok(Field::Year),
        "month" => Ok(Field::Month),
        "day" => Ok(Field::Day),
        "id" => Err("{id} names the item's file already; a folder for each item would be a level to rebuild for each"
            .to_owned()),
        path if path.contains('.') && path.split('.').all(|name| !name.is_empty()) => Ok(Field::Path(path.to_owned())),
        _ => Err(format!("{{{name}}} is unknown, {KNOWN}")),
    }
}
