//! Looking at one thing: is it as it should be?
//!
//! A first look at a level uses the listing that the audit goes through anyway, and costs one GET. What does not look
//! right then is looked at again, in the order in which a rebuild reads: the document, and only then its listing.

use std::collections::BTreeSet;

use percent_encoding::percent_decode_str;
use serde::Deserialize;

use crate::grid::Grid;
use crate::level::{Level, LevelError};
use crate::missions::Quicklook;
use crate::ports::{Clock, InspectCatalog, Inspected, PortError, PortResult, ReadCatalog, ReadSource};
use crate::scene::LONGEST_METADATA;
use crate::stac::catalog::{self, Listing, ReadBack, Site};
use crate::stac::link::{GEOJSON, JSON};
use crate::stac::{Buckets, item};
use crate::update;

use super::finding::{Class, Finding, Remedy};
use super::insist;
use super::scenes::Sourced;
use super::tree::Whole;

/// What is needed to look at levels.
pub(super) struct Eye<'a, C, R> {
    pub(super) catalog: &'a C,
    pub(super) clock: &'a R,
    pub(super) grid: &'a Grid,
    pub(super) site: &'a Site,
}

/// The links of a document, as far as they matter.
#[derive(Deserialize)]
struct Links {
    links: Vec<Link>,
}

#[derive(Deserialize)]
struct Link {
    rel: String,
    href: String,
}

impl<C, R> Eye<'_, C, R>
where
    C: InspectCatalog + ReadCatalog + Sync,
    R: Clock + Sync,
{
    /// Whether a level is as its keys say. One GET.
    pub(super) async fn is_sound(&self, whole: &Whole) -> PortResult<bool> {
        let Whole { level, has_document, names, .. } = whole;
        if !has_document {
            return Ok(false);
        }
        let Some(found) = self.inspect(&self.grid.document_key(level)).await? else { return Ok(false) };
        if has_wrong_type(&found, JSON) {
            return Ok(false);
        }
        let Some(read) = ReadBack::parse(&found.bytes) else { return Ok(false) };
        if self.grid.holds_items(level) {
            return Ok(self.is_built_of(level, Listing::Items(names.clone()), &read, &found.bytes));
        }
        // A level that is linked and has no document is kept by a rebuild, but is not as it should be.
        let children = Listing::Children(names.clone());
        Ok(read.children.iter().eq(names) && self.is_built_of(level, children, &read, &found.bytes))
    }

    fn is_built_of(&self, level: &Level, listing: Listing, read: &ReadBack, bytes: &[u8]) -> bool {
        catalog::build_over(self.grid, self.site, level, &listing, read.revision, Some(bytes))
            .is_ok_and(|built| built == bytes)
    }

    /// All that is wrong with a level, as it stands now.
    pub(super) async fn look(&self, level: &Level) -> PortResult<Vec<Finding>> {
        let key = self.grid.document_key(level);
        let rebuild = |class, detail: &str| Finding {
            class,
            subject: key.clone(),
            detail: detail.to_owned(),
            remedy: Remedy::Mark(level.clone()),
        };
        // I2, as in a rebuild: the document before the listing.
        let found = self.inspect(&key).await?;
        let read = found.as_ref().and_then(|found| ReadBack::parse(&found.bytes));
        let listing = if self.grid.holds_items(level) {
            Listing::Items(insist(self.clock, || update::list_items(self.catalog, level)).await?)
        } else {
            let list = || update::list_children(self.catalog, self.grid, level, read.as_ref());
            Listing::Children(insist(self.clock, list).await?)
        };
        let Some(found) = found else {
            let (Listing::Items(names) | Listing::Children(names)) = &listing;
            let missing = || rebuild(Class::DocumentMissing, "the level has no document");
            return Ok(if names.is_empty() { Vec::new() } else { vec![missing()] });
        };
        let mut findings = Vec::new();
        if has_wrong_type(&found, JSON) {
            findings.push(wrong_type(key.clone(), &found, JSON, self.remedy_of_type(level)));
        }
        let Some(read) = read else {
            findings.push(rebuild(Class::DocumentMalformed, "the document is no JSON, or has no revision"));
            return Ok(findings);
        };
        let before = findings.len();
        self.compare_links(level, &found.bytes, &listing, &mut findings).await?;
        if findings.len() == before && !self.is_built_of(level, listing, &read, &found.bytes) {
            findings.push(rebuild(Class::DocumentStale, "the document is not the one that a rebuild would write"));
        }
        Ok(findings)
    }

    /// A row is written whenever it is rebuilt; any other document only when something in it would change.
    fn remedy_of_type(&self, level: &Level) -> Remedy {
        if self.grid.holds_items(level) { Remedy::Mark(level.clone()) } else { Remedy::Hand }
    }

    async fn compare_links(
        &self,
        level: &Level,
        bytes: &[u8],
        listing: &Listing,
        findings: &mut Vec<Finding>,
    ) -> PortResult<()> {
        let (names, rel) = match listing {
            Listing::Items(names) => (names, "item"),
            Listing::Children(names) => (names, "child"),
        };
        let listed: BTreeSet<&str> = names.iter().map(String::as_str).collect();
        // Links that cannot be read are none: then the document is stale.
        let links = serde_json::from_slice::<Links>(bytes).map(|document| document.links).unwrap_or_default();
        let linked: BTreeSet<String> =
            links.iter().filter(|link| link.rel == rel).filter_map(|link| self.name_in(level, link)).collect();
        let finding = |class, subject, detail: String, marked: &Level| Finding {
            class,
            subject,
            detail,
            remedy: Remedy::Mark(marked.clone()),
        };
        let document = self.grid.document_key(level);
        for name in listed.iter().filter(|name| !linked.contains(**name)) {
            let detail = format!("{document} does not link it");
            findings.push(finding(Class::NotLinked, self.key_of(level, name)?, detail, level));
        }
        for name in &linked {
            let subject = self.key_of(level, name)?;
            let detail = format!("{document} links it, and it is not there");
            if !listed.contains(name.as_str()) {
                findings.push(finding(Class::LinkWithoutObject, subject, detail, level));
            } else if rel == "child" && !insist(self.clock, || self.catalog.exists(&subject)).await? {
                // A rebuild keeps what is linked: the level below is to have a document.
                let below = level.child(name).map_err(impossible)?;
                findings.push(finding(Class::LinkWithoutObject, subject, detail, &below));
            }
        }
        Ok(())
    }

    /// The name in the level that a link leads to; none for one that leads elsewhere.
    fn name_in(&self, level: &Level, link: &Link) -> Option<String> {
        let path = percent_decode_str(link.href.strip_prefix("./")?).decode_utf8().ok()?;
        let name = match path.split_once('/') {
            None if self.grid.holds_items(level) => path.as_ref(),
            Some((name, document)) if !self.grid.holds_items(level) => {
                let child = level.child(name).ok()?;
                if self.grid.place(&child).is_err() || document != self.grid.document(&child) {
                    return None;
                }
                name
            }
            _ => return None,
        };
        level.child(name).ok()?;
        Some(name.to_owned())
    }

    /// The key of what a name in a level stands for: an item, or the document of the level below.
    fn key_of(&self, level: &Level, name: &str) -> PortResult<String> {
        if self.grid.holds_items(level) {
            return Ok(level.object_key(name));
        }
        Ok(self.grid.document_key(&level.child(name).map_err(impossible)?))
    }

    async fn inspect(&self, key: &str) -> PortResult<Option<Inspected>> {
        insist(self.clock, || self.catalog.inspect(key)).await
    }

    /// What is wrong with an item, compared with what its source gives. Nothing where there is no item: that is found
    /// by its absence.
    pub(super) async fn compare<S: ReadSource>(
        &self,
        source: &S,
        buckets: &Buckets,
        sourced: &[Sourced],
    ) -> PortResult<Vec<Finding>> {
        let Some(first) = sourced.first() else { return Ok(Vec::new()) };
        let scene = first.scene();
        let key = format!("{}/{scene}.json", scene.row_key());
        let Some(found) = self.inspect(&key).await? else { return Ok(Vec::new()) };
        let differs = |detail: String| Finding {
            class: Class::ItemDiffers,
            subject: key.clone(),
            detail,
            remedy: Remedy::Send(Box::new(first.record(true))),
        };
        if has_wrong_type(&found, GEOJSON) {
            let remedy = differs(String::new()).remedy;
            return Ok(vec![wrong_type(key, &found, GEOJSON, remedy)]);
        }
        // One scene may stand in several buckets: its item is that of any of them.
        let mut detail = None;
        for sourced in sourced {
            match self.item_of(source, buckets, sourced).await? {
                Ok(bytes) if bytes == found.bytes => return Ok(Vec::new()),
                Ok(_) => {
                    detail.get_or_insert_with(|| format!("it is not the item that {} gives", sourced.source.key));
                }
                Err(refused) => _ = detail.get_or_insert(format!("its source gives no item: {refused}")),
            }
        }
        Ok(detail.map(differs).into_iter().collect())
    }

    /// The item that a source gives; inside, why it gives none.
    async fn item_of<S: ReadSource>(
        &self,
        source: &S,
        buckets: &Buckets,
        sourced: &Sourced,
    ) -> PortResult<Result<Vec<u8>, String>> {
        let objects = [sourced.source.clone()];
        let read = async || match source.read(&objects, LONGEST_METADATA).await.pop() {
            Some(read) => read,
            None => Err(PortError::Unavailable {
                what: format!("reading {}", sourced.source.key),
                source: "there was no answer".into(),
            }),
        };
        let xml = match insist(self.clock, read).await {
            Ok(xml) => xml,
            Err(error @ (PortError::NotFound { .. } | PortError::TooLarge { .. } | PortError::NotAFile { .. })) => {
                return Ok(Err(error.to_string()));
            }
            Err(error) => return Err(error),
        };
        let Some(pair) = buckets.pair(&sourced.source.bucket) else {
            return Ok(Err(format!("the bucket {} is not configured", sourced.source.bucket)));
        };
        let extension = sourced.quicklook.as_deref().and_then(|key| key.rsplit_once('.'));
        let quicklook = extension.and_then(|(_, extension)| Quicklook::from_extension(extension));
        let made = item::generate(self.grid, &xml, &sourced.name, pair, quicklook);
        Ok(made.map(|made| made.item.bytes).map_err(|error| error.to_string()))
    }
}

fn has_wrong_type(found: &Inspected, expected: &str) -> bool {
    found.content_type.as_deref().is_some_and(|found| found != expected)
}

fn wrong_type(subject: String, found: &Inspected, expected: &str, remedy: Remedy) -> Finding {
    let found = found.content_type.as_deref().unwrap_or_default();
    Finding {
        class: Class::ContentType,
        subject,
        detail: format!("it is served as {found:?}, expected {expected:?}"),
        remedy,
    }
}

/// Names come from listings and from links that were looked at before.
fn impossible(error: LevelError) -> PortError {
    PortError::Unavailable { what: "naming a level".to_owned(), source: error.into() }
}
