//! Layouts: in which folder of a catalog an item is filed that INPE's grid has no place for.
//!
//! A [`Layout`] is read from a template of path segments: `{collection}/{year}/{month}`. Each segment of the template is
//! a tier of folders; what stands in braces is taken from the item:
//!
//! | field | what it is |
//! |---|---|
//! | `{collection}` | the item's collection; alone in its tier, whose folders hold a `collection.json` |
//! | `{year}` `{month}` `{day}` | of `datetime`, else of `start_datetime`, UTC |
//! | `{properties.platform}`, `{properties.grid:code}` | any value by its path: a text, a whole number, true or false |
//!
//! All else is literal, also beside fields: `S2-{properties.s2:mgrs_tile}`.
//!
//! ```
//! use lazycat::layout::Layout;
//!
//! let layout = Layout::parse("{collection}/{year}/{properties.grid:code}")?;
//! let item = r#"{"type": "Feature", "id": "a/b", "collection": "sentinel 2",
//!     "properties": {"datetime": "2024-05-01T10:00:00Z", "grid:code": "MGRS-32TQM"}}"#;
//! assert_eq!(layout.place(item)?.key, "sentinel%202/2024/MGRS-32TQM/a%2Fb.json");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What an item says can never lead out of the catalog, nor to the document of a level, and two items never get one key:
//! see [`segment`]. The module is pure.

mod place;
pub mod segment;
mod template;

use std::fmt;
use std::sync::Arc;

pub use self::place::{PlaceError, Placed};

use self::segment::LONGEST_SEGMENT;
use self::template::{Field, Part, Tier};
use crate::level::{Level, LevelError};
use crate::missions;

/// The longest template, in bytes.
pub const LONGEST_TEMPLATE: usize = 512;

/// How many tiers a layout has at most.
pub const MOST_TIERS: usize = 8;

/// In which folders items are filed. Clones share it.
#[derive(Clone, PartialEq, Eq)]
pub struct Layout {
    shared: Arc<Shared>,
}

#[derive(PartialEq, Eq)]
struct Shared {
    template: String,
    tiers: Vec<Tier>,
    /// Which of the tiers is that of the collections.
    collection: Option<usize>,
}

/// A template that is no layout, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the layout {template:?} cannot be used: {reason}")]
pub struct LayoutError {
    /// The template as it came, cut to a readable length.
    pub template: String,
    /// What is wrong with it, and what was expected.
    pub reason: String,
}

impl Layout {
    /// Reads a template, such as `{collection}/{year}/{month}`.
    ///
    /// # Errors
    ///
    /// When it is empty, longer than [`LONGEST_TEMPLATE`] or deeper than [`MOST_TIERS`]; when a field is unknown, or a
    /// literal holds anything but letters, digits and `-._~`; when its first folder is one of INPE's satellites; when
    /// `{collection}` is not alone in its tier, is there twice, or stands below a field: a collection has one place.
    pub fn parse(template: &str) -> Result<Self, LayoutError> {
        let refused = |reason| LayoutError { template: template.chars().take(120).collect::<String>(), reason };
        let tiers = template::parse(template).map_err(refused)?;
        let is_collection = |tier: &Tier| tier.parts.contains(&Part::Field(Field::Collection));
        let collection = tiers.iter().position(is_collection);
        if let [Part::Literal(first)] = tiers[0].parts.as_slice()
            && missions::satellite_of_folder(first).is_some()
        {
            return Err(refused(format!(
                "{first:?} is the folder of a satellite, whose scenes have a place of their own"
            )));
        }
        if let Some(at) = collection {
            if tiers[at].parts.len() > 1 || tiers.iter().filter(|tier| is_collection(tier)).count() > 1 {
                return Err(refused("{collection} is expected once, and alone between two slashes".to_owned()));
            }
            let is_literal = |tier: &Tier| tier.parts.iter().all(|part| matches!(part, Part::Literal(_)));
            if !tiers[..at].iter().all(is_literal) {
                return Err(refused(
                    "{collection} stands below another field, so that one collection would have several places; put it \
                     first"
                        .to_owned(),
                ));
            }
        }
        Ok(Self { shared: Arc::new(Shared { template: template.to_owned(), tiers, collection }) })
    }

    /// The template that this was read from.
    #[must_use]
    pub fn template(&self) -> &str {
        &self.shared.template
    }

    /// How deep the levels are that hold items.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.shared.tiers.len()
    }

    /// How deep the levels are that are collections; none where the layout has no `{collection}`.
    #[must_use]
    pub fn collection_depth(&self) -> Option<usize> {
        self.shared.collection.map(|at| at + 1)
    }

    /// The level of a collection.
    ///
    /// # Errors
    ///
    /// When the layout has no collections, or the id cannot be the name of a folder here.
    pub fn collection_level(&self, id: &str) -> Result<Level, PlaceError> {
        let Some(at) = self.shared.collection else {
            return Err(PlaceError::UnexpectedCollection {
                template: self.template().to_owned(),
                collection: id.chars().take(120).collect(),
            });
        };
        let mut segments = Vec::with_capacity(at + 1);
        for tier in &self.shared.tiers[..=at] {
            segments.push(place::segment(tier, |_| Ok(id.to_owned()))?);
        }
        place::level(&segments)
    }

    /// Where an item is filed. `item` is its JSON; no more of it is looked at than the layout needs.
    ///
    /// # Errors
    ///
    /// When the item is no JSON object with an `id`, lacks a field of the layout or has a value there that cannot be the
    /// name of a folder; when its collection does not fit: missing under a layout with `{collection}`, or there under one
    /// without; when its first folder would be one of INPE's satellites.
    pub fn place(&self, item: &str) -> Result<Placed, PlaceError> {
        place::place(self, item)
    }

    /// Whether a level may be one of this layout, as far as its key tells.
    ///
    /// # Errors
    ///
    /// When it is deeper than the layout, or one of its segments is none that [`Layout::place`] gives.
    pub fn check(&self, level: &Level) -> Result<(), LevelError> {
        let refused = |reason| LevelError { key: level.key().to_owned(), reason };
        for (at, segment) in level.segments().enumerate() {
            let Some(tier) = self.shared.tiers.get(at) else {
                return Err(refused("it is deeper than the layout"));
            };
            if segment.len() > LONGEST_SEGMENT || !tier.may_be(segment) {
                return Err(refused("it is no folder of the layout"));
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Layout({:?})", self.shared.template)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
