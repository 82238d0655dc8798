//! The links that lead up from a document: root, parent and collection.

use std::sync::Arc;

use super::document::{Document, Kind, Link};
use super::faults::{quote, quote_text};
use super::href;
use super::node::{Node, title_fits};
use super::walk::Walk;

/// Checks that a document has exactly one link of this relation, and that it leads to `expected`; none, when that is
/// `None`.
pub(super) fn check_up(walk: &Walk<'_>, document: &Document, rel: &str, expected: Option<&Arc<Node>>) {
    let mut links = document.links().filter(|link| link.rel == rel);
    match (links.next(), expected) {
        (None, None) => {}
        (None, Some(expected)) => {
            walk.fault(&document.path, "/links", format!("found no {rel} link, expected one to {}", expected.path));
        }
        (Some(link), None) => {
            let message = format!("found a {rel} link, expected none in the root");
            walk.fault(&document.path, format!("/links/{}", link.index), message);
        }
        (Some(link), Some(expected)) => check_target(walk, document, link, expected),
    }
    for link in links {
        walk.fault(
            &document.path,
            format!("/links/{}", link.index),
            format!("found another {rel} link, expected one only"),
        );
    }
}

/// Checks what an item says of its collection; `expected` is the one that stands above it in the tree. Gives the
/// collection it belongs to.
pub(super) fn check_collection(walk: &Walk<'_>, item: &Document, expected: Option<Arc<Node>>) -> Option<Arc<Node>> {
    let expected = expected.or_else(|| linked_collection(walk, item));
    let said = item.value.get("collection");
    // That there is neither or both is asked of the document itself, not here.
    let is_linked = item.links().any(|link| link.rel == "collection");
    match &expected {
        Some(collection) => {
            if is_linked || said.is_none() {
                check_up(walk, item, "collection", Some(collection));
            }
            if said.is_some_and(|said| said.as_str() != Some(&collection.id)) {
                let message =
                    format!("found {}, expected {:?}, the id of {}", quote(said), collection.id, collection.path);
                walk.fault(&item.path, "/collection", message);
            }
        }
        None if said.is_some() && is_linked => {
            let message = format!("found {}, expected a collection link that leads to it", quote(said));
            walk.fault(&item.path, "/collection", message);
        }
        None => {}
    }
    expected
}

/// The collection of another branch that an item links, if it is one.
fn linked_collection(walk: &Walk<'_>, item: &Document) -> Option<Arc<Node>> {
    let link = item.links().find(|link| link.rel == "collection")?;
    let path = href::resolve(&item.path, link.href, walk.published.as_deref()).ok()?;
    walk.elsewhere(&path).filter(|node| node.kind == Kind::Collection)
}

fn check_target(walk: &Walk<'_>, document: &Document, link: Link<'_>, expected: &Arc<Node>) {
    let at = |field: &str| format!("/links/{}/{field}", link.index);
    let (rel, path) = (link.rel, &expected.path);
    let found = match href::resolve(&document.path, link.href, walk.published.as_deref()) {
        Ok(found) if found == *path => None,
        Ok(found) => Some(format!("{} (that is {found})", quote_text(Some(link.href)))),
        Err(astray) => Some(format!("{}, {astray}", quote_text(Some(link.href)))),
    };
    if let Some(found) = found {
        walk.fault(&document.path, at("href"), format!("found {found} as {rel}, expected a link to {path}"));
        return;
    }
    let media_type = expected.kind.media_type();
    if link.media_type != Some(media_type) {
        let found = quote_text(link.media_type);
        walk.fault(&document.path, at("type"), format!("found {found}, expected {media_type:?} for {path}"));
    }
    if !title_fits(link.title, expected.kind, expected.title.as_deref(), &expected.id) {
        let (found, title) = (quote_text(link.title), quote_text(expected.title.as_deref().or(Some(&expected.id))));
        walk.fault(&document.path, at("title"), format!("found {found}, expected {title}, the title of {path}"));
    }
}
