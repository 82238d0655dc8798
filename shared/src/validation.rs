//! Whether a document is STAC: without network, and pure but for [`folder`].
//!
//! Layout:
//! - [`schema`]: the schemas of the core, and before them the tables of `structure`, which know the place of a fault; what
//!   the schemas say is made readable by `verdict`
//! - [`extensions`]: the schemas of extensions, those that somebody has brought along
//! - [`folder`]: reads those of a folder
//! - [`envelope`]: whether a bbox is that of its geometry
//! - [`quote`]: pieces of a document in a message

pub mod envelope;
pub mod extensions;
pub mod folder;
pub mod quote;
pub mod schema;
mod structure;
mod verdict;

/// What a STAC document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A catalog.
    Catalog,
    /// A collection.
    Collection,
    /// An item.
    Item,
}

impl Kind {
    /// The media type of a link to such a document.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Catalog | Self::Collection => "application/json",
            Self::Item => "application/geo+json",
        }
    }

    /// The value of its field `type`.
    #[must_use]
    pub fn type_field(self) -> &'static str {
        match self {
            Self::Catalog => "Catalog",
            Self::Collection => "Collection",
            Self::Item => "Feature",
        }
    }
}

/// Whether a reference is absolute: `scheme:`.
#[must_use]
pub fn has_scheme(reference: &str) -> bool {
    let scheme =
        reference.split(['/', '?', '#']).next().and_then(|first| first.split_once(':')).map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.chars().all(|other| other.is_ascii_alphanumeric() || "+-.".contains(other))
    })
}
