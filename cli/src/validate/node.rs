//! What is kept of a catalog or collection after it was read: enough to check what it links.

use std::sync::Arc;

use super::document::{Document, Kind};
use super::href;

/// A catalog or collection of the tree.
#[derive(Debug)]
pub(super) struct Node {
    /// Its place in the order of being reached.
    pub(super) number: u32,
    pub(super) path: String,
    pub(super) kind: Kind,
    pub(super) id: String,
    pub(super) title: Option<String>,
    /// The nearest collection above it.
    above: Option<Arc<Node>>,
}

impl Node {
    /// What is kept of a document; `parent` is the one that links it.
    pub(super) fn new(document: &Document, number: u32, parent: Option<&Arc<Self>>) -> Self {
        Self {
            number,
            path: document.path.clone(),
            kind: document.kind,
            id: document.id().to_owned(),
            title: document.title().map(str::to_owned),
            above: parent.and_then(Self::collection),
        }
    }

    /// The collection that the items linked here belong to: itself or the nearest above.
    pub(super) fn collection(self: &Arc<Self>) -> Option<Arc<Self>> {
        match self.kind {
            Kind::Collection => Some(Arc::clone(self)),
            _ => self.above.clone(),
        }
    }
}

/// A link from a catalog or collection down to a document.
#[derive(Debug)]
pub(super) struct Down {
    /// Its place in `links`.
    pub(super) index: usize,
    /// Whether it says `item`; else it says `child`.
    pub(super) is_item: bool,
    pub(super) target: String,
    pub(super) media_type: Option<String>,
    pub(super) title: Option<String>,
}

/// The address of the catalog directory, ending in a slash, when the `self` link of its root is absolute.
pub(super) fn published(root: &Document) -> Option<String> {
    let address = root.links().find(|link| link.rel == "self" && href::has_scheme(link.href))?.href;
    let address = address.strip_suffix(&root.path)?;
    address.ends_with('/').then(|| address.to_owned())
}

/// Whether the title of a link is that of its target. A document without a title may be linked by its id; an item or a
/// collection always may, since one that was made elsewhere is filed by its id.
pub(super) fn title_fits(link: Option<&str>, kind: Kind, title: Option<&str>, id: &str) -> bool {
    link == title || (link == Some(id) && (kind != Kind::Catalog || title.is_none()))
}
