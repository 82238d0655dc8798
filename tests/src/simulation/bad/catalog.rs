//! Bad updaters.

use lazycat::grid::INPE;
use lazycat::level::Level;
use lazycat::message::LevelMessage;
use lazycat::ports::{ETag, Expected, Object, Page, PageToken, PortError, PortResult, ReadCatalog, WriteCatalog};

use super::{Bad, Variant};
use crate::bench::run;
use crate::simulation::gate::Ports as _;
use crate::simulation::monitor::{Process, level_of_document, revision_of};
use crate::simulation::world::World;

/// The document without its revision, or with another.
fn with_revision(bytes: &[u8], revision: Option<u64>) -> Vec<u8> {
    let Some(found) = revision_of(bytes) else { return bytes.to_vec() };
    let field = |number: u64| format!("\"lazycat:revision\":{number}");
    let other = revision.map(field).unwrap_or_default();
    String::from_utf8_lossy(bytes).replace(&field(found.number()), &other).into_bytes()
}

/// A tag that depends on everything but the revision.
fn tag_without_revision(bytes: &[u8]) -> ETag {
    ETag(String::from_utf8_lossy(&with_revision(bytes, None)).into_owned())
}

fn precondition(key: &str) -> PortError {
    PortError::Precondition { what: key.to_owned() }
}

/// What a bad write does to the world, at once.
fn put(variant: Variant, world: &World, by: Process, key: &str, bytes: &[u8], expected: &Expected) -> PortResult<ETag> {
    let standing = run(world.memory.objects.get(key))?;
    let now = standing.as_ref().map_or(Expected::Absent, |object| Expected::Tag(object.etag.clone()));
    let row = level_of_document(key).filter(|level| INPE.holds_items(level));
    let links_items = String::from_utf8_lossy(bytes).contains("\"rel\":\"item\"");
    match variant {
        Variant::BlindPut => world.put_if(by, key, bytes, &now),
        Variant::NoRevision => {
            let found = standing.as_ref().map(|object| tag_without_revision(&object.bytes));
            let as_expected = match expected {
                Expected::Absent => found.is_none(),
                Expected::Tag(tag) => found.as_ref() == Some(tag),
            };
            if as_expected { world.put_if(by, key, bytes, &now) } else { Err(precondition(key)) }
        }
        Variant::RestartRevision => match &standing {
            Some(object) if revision_of(&object.bytes).is_none() => {
                world.put_if(by, key, &with_revision(bytes, Some(1)), expected)
            }
            _ => world.put_if(by, key, bytes, expected),
        },
        Variant::SkipAbsentEmptyRow if row.is_some() && !links_items && *expected == Expected::Absent => {
            Ok(ETag(String::new()))
        }
        Variant::DeleteEmptyCatalog if row.is_some() && !links_items && *expected != Expected::Absent => {
            if *expected != now {
                return Err(precondition(key));
            }
            world.memory.objects.remove(key);
            world.written(by);
            Ok(ETag(String::new()))
        }
        _ => world.put_if(by, key, bytes, expected),
    }
}

impl ReadCatalog for Bad {
    async fn get(&self, key: &str) -> PortResult<Option<Object>> {
        let mut object = self.gate.get(key).await?;
        if self.is(Variant::NoRevision)
            && let Some(object) = &mut object
        {
            object.etag = tag_without_revision(&object.bytes);
        }
        if let (true, Some(level)) = (self.is(Variant::SkipUnchangedRow), level_of_document(key)) {
            let read = object.as_ref().map(|object| (ETag(tag_without_revision(&object.bytes).0), None));
            self.memory().after_list.insert(level, read);
        }
        Ok(object)
    }

    async fn exists(&self, key: &str) -> PortResult<bool> {
        if self.is(Variant::LinkWithoutHead) {
            return Ok(true);
        }
        self.gate.exists(key).await
    }

    async fn list(&self, level: &Level, from: Option<&PageToken>) -> PortResult<Page> {
        let start = from.map(|from| from.0.clone());
        if self.is(Variant::KeepListing) {
            let memory = self.memory();
            let kept = memory.pages.iter().find(|(of, at, _)| of == level && *at == start);
            if let Some((_, _, page)) = kept {
                return Ok(page.clone());
            }
        }
        let page = self.gate.list(level, from).await?;
        if self.is(Variant::KeepListing) {
            self.memory().pages.push((level.clone(), start, page.clone()));
        }
        if self.is(Variant::ReadAfterList) && page.next.is_none() {
            let object = self.gate.get(&INPE.document_key(level)).await?;
            let read = object.map(|object| (object.etag, revision_of(&object.bytes).map(|found| found.number())));
            self.memory().after_list.insert(level.clone(), read);
        }
        Ok(page)
    }
}

impl WriteCatalog for Bad {
    async fn put_if(&self, key: &str, bytes: &[u8], expected: &Expected) -> PortResult<ETag> {
        let Some(level) = level_of_document(key) else { return self.gate.put_if(key, bytes, expected).await };
        let read = self.memory().after_list.get(&level).cloned();
        let (mut bytes, mut expected) = (bytes.to_vec(), expected.clone());
        match (self.variant, read) {
            (Variant::ReadAfterList, Some(Some((tag, Some(revision))))) => {
                bytes = with_revision(&bytes, Some(revision + 1));
                expected = Expected::Tag(tag);
            }
            (Variant::ReadAfterList, Some(None)) => expected = Expected::Absent,
            (Variant::SkipUnchangedRow, Some(Some((tag, _))))
                if INPE.holds_items(&level) && tag == tag_without_revision(&bytes) =>
            {
                return Ok(ETag(String::new()));
            }
            _ => {}
        }
        let (variant, object, created) = (self.variant, key.to_owned(), expected == Expected::Absent);
        let tag = self
            .gate
            .call("put if", key, true, move |world, by| put(variant, world, by, &object, &bytes, &expected))
            .await?;
        self.memory().written.insert(level.clone(), created);
        if self.is(Variant::AcknowledgeBeforeLook) {
            let of_level = |body: &str| LevelMessage::decode(body).is_ok_and(|message| message.level == level);
            let deliveries = self.memory().deliveries.clone();
            let these = deliveries.into_iter().filter(|delivery| of_level(&delivery.body));
            let receipts: Vec<String> = these.map(|delivery| delivery.receipt).collect();
            let _ = self.gate.acknowledge(&receipts).await;
        }
        Ok(tag)
    }
}
