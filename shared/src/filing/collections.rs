//! The documents of collections: as an operator gives them, or made from the items that are filed.
//!
//! They are written here, over what was read, and by the rebuild of their level, which leaves what they say. Each writer takes
//! the next revision and starts again when somebody else was first.

use std::collections::BTreeMap;

use super::claim;
use super::record::{self, Decision};
use super::task::{State, Task};
use super::{Ports, Settings};
use crate::conclusion::Trouble;
use crate::layout::PlaceError;
use crate::level::Level;
use crate::ports::{Chance, Clock, Expected, KeepCheckpoints, PortError, ReadCatalog, ReadSource, WriteCatalog};
use crate::stac::catalog::{self, Listing, ReadBack, Revision};
use crate::stac::foreign::{Collection, Seen};

/// What is to be made of a collection's document.
enum Change<'a> {
    /// It is to say this.
    Give(&'a Collection),
    /// It is to tell of these items, too, unless it was given.
    Widen(&'a Seen),
}

/// Writes the collections that were given.
pub(super) async fn give<F, D, I, C, K, M, T, L, R>(
    ports: &Ports<'_, F, D, I, C, K, M, T, L, R>,
    settings: &Settings,
    tasks: &mut [Task],
) where
    F: ReadSource + Sync,
    C: ReadCatalog + WriteCatalog + Sync,
    K: KeepCheckpoints + Sync,
    R: Chance + Clock + Sync,
{
    let mut order: Vec<usize> = (0..tasks.len()).filter(|at| matches!(tasks[*at].state, State::Give(_))).collect();
    order.sort_by_key(|at| tasks[*at].version);
    for at in order {
        let task = &mut tasks[at];
        let State::Give(collection) = std::mem::replace(&mut task.state, State::Ignored) else { continue };
        task.state = match give_one(ports, settings, task, &collection).await {
            Ok(state) => state,
            Err(trouble) => State::Failed(trouble),
        };
    }
}

async fn give_one<F, D, I, C, K, M, T, L, R>(
    ports: &Ports<'_, F, D, I, C, K, M, T, L, R>,
    settings: &Settings,
    task: &Task,
    collection: &Collection,
) -> Result<State, Trouble>
where
    C: ReadCatalog + WriteCatalog + Sync,
    K: KeepCheckpoints + Sync,
    R: Chance + Clock + Sync,
{
    let id = &task.name.1;
    let (level, key) = place(settings, id)?;
    let digest = record::digest(&collection.clone().with_revision(Revision::FIRST));
    let mut asked = claim::asked(task, Some((&key, &digest)));
    let passing = |error: PortError| Trouble::passing(&error);
    let mut tries = 0;
    loop {
        let stands = claim::read(ports.records, &task.record).await.map_err(passing)?;
        let next = match record::decide(stands.as_ref().map(|(record, _)| record), &asked) {
            Decision::Write(next) => next,
            Decision::Superseded | Decision::Nothing => return Ok(State::Ignored),
            Decision::Unchanged => {
                let object = ports.catalog.get(&key).await.map_err(passing)?;
                let present = object.and_then(|object| Collection::read(&object.bytes, id));
                if present.is_some_and(|present| present.says_the_same(collection)) {
                    return Ok(State::Ignored);
                }
                // A hand has changed or removed it.
                asked.force = true;
                continue;
            }
            Decision::Twice(other) => {
                let own = task.source.as_deref().unwrap_or("a message");
                let detail = format!(
                    "the collection {id} of {own} says something else than that of {other}, which was filed first: name \
                     the right one with --collection"
                );
                return Err(Trouble::permanent("twice", detail));
            }
        };
        match claim::write(ports.records, &task.record, &next, stands.map(|(_, text)| text)).await {
            Ok(_) => break,
            Err(PortError::Precondition { .. }) if tries < settings.tries => tries += 1,
            Err(error) => return Err(passing(error)),
        }
    }
    write(ports, settings, id, &level, &Change::Give(collection)).await?;
    Ok(State::Given(level))
}

/// Makes or widens the collections of the items that were put.
pub(super) async fn widen<F, D, I, C, K, M, T, L, R>(
    ports: &Ports<'_, F, D, I, C, K, M, T, L, R>,
    settings: &Settings,
    tasks: &mut [Task],
) where
    C: ReadCatalog + WriteCatalog + Sync,
    R: Chance + Clock + Sync,
{
    let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
    for task in tasks.iter_mut() {
        if let (Some(collection), State::Claimed { put: Some(put), .. }) = (&task.name.0, &mut task.state)
            && let Some(told) = put.seen.take()
        {
            seen.entry(collection.clone()).or_default().add(told);
        }
    }
    let mut written = Vec::new();
    for (id, seen) in seen {
        let done = match place(settings, &id) {
            Ok((level, _)) => {
                write(ports, settings, &id, &level, &Change::Widen(&seen)).await.map(|is_new| (level, is_new))
            }
            Err(trouble) => Err(trouble),
        };
        match done {
            Ok((level, true)) => written.push((id, level)),
            Ok((_, false)) => {}
            Err(trouble) => {
                let is_of =
                    |task: &Task| task.name.0.as_ref() == Some(&id) && matches!(task.state, State::Claimed { .. });
                tasks.iter_mut().filter(|task| is_of(task)).for_each(|task| task.fail(trouble.clone()));
            }
        }
    }
    // The level of a document that is new is marked with those of its items, so that what is above it links it.
    for (id, level) in written {
        let is_of = |task: &&mut Task| task.name.0.as_ref() == Some(&id) && matches!(task.state, State::Claimed { .. });
        if let Some(task) = tasks.iter_mut().find(is_of) {
            task.also.insert(level);
        }
    }
}

/// The level of a collection, and the key of its document.
fn place(settings: &Settings, id: &str) -> Result<(Level, String), Trouble> {
    let of_place = |error: PlaceError| Trouble::permanent(error.reason(), error.to_string());
    let layout = settings.grid.layout().ok_or_else(|| Trouble::permanent("layout", "the catalog has no layout"))?;
    let level = layout.collection_level(id).map_err(of_place)?;
    let key = settings.grid.document_key(&level);
    Ok((level, key))
}

/// Writes the document of a collection over what stands there. Whether anything changed.
async fn write<F, D, I, C, K, M, T, L, R>(
    ports: &Ports<'_, F, D, I, C, K, M, T, L, R>,
    settings: &Settings,
    id: &str,
    level: &Level,
    change: &Change<'_>,
) -> Result<bool, Trouble>
where
    C: ReadCatalog + WriteCatalog + Sync,
    R: Chance + Clock + Sync,
{
    let passing = |error: PortError| Trouble::passing(&error);
    let key = settings.grid.document_key(level);
    let mut tries = 0_u32;
    loop {
        let object = ports.catalog.get(&key).await.map_err(passing)?;
        let (expected, bytes) = match object {
            None => {
                let bytes = anew(settings, id, level, change, Revision::FIRST)?;
                (Expected::Absent, Some(bytes))
            }
            Some(object) => {
                let read = ReadBack::parse(&object.bytes).zip(Collection::read(&object.bytes, id));
                let bytes = match read {
                    Some((read, present)) => over(present, change).map(|new| new.with_revision(read.revision.next())),
                    // I3: a revision that never was. Its level is rebuilt from its listing.
                    None => Some(anew(settings, id, level, change, Revision::unforeseen(ports.world.bits()))?),
                };
                (Expected::Tag(object.etag), bytes)
            }
        };
        let Some(bytes) = bytes else { return Ok(false) };
        match ports.catalog.put_if(&key, &bytes, &expected).await {
            Ok(_) => return Ok(true),
            Err(PortError::Precondition { .. }) if tries < settings.tries => {
                tries += 1;
                ports.world.pause(ports.world.bits() % (20 << tries.min(6)) + 1).await;
            }
            Err(error) => return Err(passing(error)),
        }
    }
}

/// The document in place of one that says `present`; none where nothing would change.
fn over(mut present: Collection, change: &Change<'_>) -> Option<Collection> {
    match change {
        Change::Give(given) if given.says_the_same(&present) => None,
        Change::Give(given) => Some((*given).clone().with_structure_of(&present)),
        Change::Widen(seen) => (present.is_from_items() && present.widen(seen)).then_some(present),
    }
}

/// The document where there is none. It links no level below yet: those mark it when they stand.
fn anew(
    settings: &Settings,
    id: &str,
    level: &Level,
    change: &Change<'_>,
    revision: Revision,
) -> Result<Vec<u8>, Trouble> {
    let of_level = |error: crate::level::LevelError| Trouble::permanent("place", error.to_string());
    let says = match change {
        Change::Give(given) => (*given).clone(),
        Change::Widen(seen) => {
            let place = settings.grid.place(level).map_err(of_level)?;
            Collection::from_items(id, &place.description(), seen)
        }
    };
    let listing =
        if settings.grid.holds_items(level) { Listing::Items(Vec::new()) } else { Listing::Children(Vec::new()) };
    let present = says.with_revision(revision);
    catalog::build_over(&settings.grid, &settings.site, level, &listing, revision, Some(&present)).map_err(of_level)
}
