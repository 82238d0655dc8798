//! Records: read, decided on, written over what was read, and looked at again.

use super::record::{self, Asked, Decision, Record};
use super::task::{Claim, Put, State, Task};
use super::{Ports, Settings};
use crate::conclusion::Trouble;
use crate::layout::Placed;
use crate::ports::{
    Chance, Clock, KeepCheckpoints, PortError, PortResult, ReadCatalog, ReadItems, ReadSource, SourceObject, WriteItems,
};

/// Claims each item of a wave: its record says from now on what this message asks for.
pub(super) async fn claim<F, D, I, C, K, M, T, L, R>(
    ports: &Ports<'_, F, D, I, C, K, M, T, L, R>,
    settings: &Settings,
    tasks: &mut [Task],
    wave: &[usize],
) where
    F: ReadSource + Sync,
    I: ReadItems + WriteItems + Sync,
    C: ReadCatalog + Sync,
    K: KeepCheckpoints + Sync,
    R: Chance + Clock + Sync,
{
    for at in wave {
        let task = &mut tasks[*at];
        let claimed = match one(ports, settings, task).await {
            Ok(outcome) => outcome,
            Err(trouble) => State::Failed(trouble),
        };
        task.state = claimed;
    }
}

async fn one<F, D, I, C, K, M, T, L, R>(
    ports: &Ports<'_, F, D, I, C, K, M, T, L, R>,
    settings: &Settings,
    task: &mut Task,
) -> Result<State, Trouble>
where
    F: ReadSource + Sync,
    I: ReadItems + WriteItems + Sync,
    C: ReadCatalog + Sync,
    K: KeepCheckpoints + Sync,
    R: Chance + Clock + Sync,
{
    let put = match std::mem::replace(&mut task.state, State::Unchanged) {
        State::Put(put) => Some(put),
        State::Withdraw => None,
        other => return Ok(other),
    };
    let mut asked = asked(task, put.as_ref().map(|put| (put.placed.key.as_str(), put.digest.as_str())));
    let mut tries = 0;
    loop {
        let stands = read(ports.records, &task.record).await.map_err(|error| Trouble::passing(&error))?;
        let next = match record::decide(stands.as_ref().map(|(record, _)| record), &asked) {
            Decision::Write(next) => next,
            Decision::Nothing => return Ok(State::Unchanged),
            Decision::Superseded => {
                let stands = stands.map(|(record, _)| record);
                return superseded(ports, settings, stands, put.as_deref())
                    .await
                    .map_err(|error| Trouble::passing(&error));
            }
            Decision::Unchanged => match &put {
                Some(put) if !is_stored(ports.items, put).await.map_err(|error| Trouble::passing(&error))? => {
                    // A hand has changed or removed it.
                    asked.force = true;
                    continue;
                }
                _ => return Ok(State::Unchanged),
            },
            Decision::Twice(other) => {
                if is_gone(ports.files, settings, &other).await {
                    asked.force = true;
                    continue;
                }
                let own = task.source.as_deref().unwrap_or("a message");
                let detail = format!(
                    "the item {} of {own} says something else than that of {other}, which was filed first: remove one of \
                     them, or file this one with --force",
                    task.name.1
                );
                return Err(Trouble::permanent("twice", detail));
            }
        };
        match write(ports.records, &task.record, &next, stands.map(|(_, text)| text)).await {
            Ok(claim) => return Ok(State::Claimed { claim, put }),
            Err(PortError::Precondition { .. }) if tries < settings.tries => {
                tries += 1;
                ports.world.pause(ports.world.bits() % (10 << tries.min(6)) + 1).await;
            }
            Err(error) => return Err(Trouble::passing(&error)),
        }
    }
}

/// What a task asks for; a withdrawal has neither key nor digest.
pub(super) fn asked(task: &Task, put: Option<(&str, &str)>) -> Asked {
    let record = Record {
        key: put.map(|(key, _)| key.to_owned()),
        digest: put.map(|(_, digest)| digest.to_owned()).unwrap_or_default(),
        source: task.source.clone(),
        version: task.version,
        message: task.message_id.clone(),
        given: task.given,
        left: Vec::new(),
    };
    Asked { record, force: task.force }
}

/// A record, and as it stands there. One that cannot be read says nothing, and is written over.
pub(super) async fn read<K: KeepCheckpoints>(records: &K, name: &str) -> PortResult<Option<(Record, String)>> {
    let text = records.checkpoint(name).await?;
    Ok(text.map(|text| (serde_json::from_str(&text).unwrap_or_default(), text)))
}

/// Writes a record over what was read.
pub(super) async fn write<K: KeepCheckpoints>(
    records: &K,
    name: &str,
    record: &Record,
    read: Option<String>,
) -> PortResult<Claim> {
    let text = serde_json::to_string(record).unwrap_or_default();
    records.keep(name, &text, read.as_deref()).await?;
    Ok(Claim { record: record.clone(), text })
}

/// Something newer is filed. Where it is filed elsewhere, an earlier attempt of this message may have put its own behind it.
async fn superseded<F, D, I, C, K, M, T, L, R>(
    ports: &Ports<'_, F, D, I, C, K, M, T, L, R>,
    settings: &Settings,
    stands: Option<Record>,
    put: Option<&Put>,
) -> PortResult<State>
where
    I: ReadItems + WriteItems + Sync,
    C: ReadCatalog + Sync,
{
    let Some(Placed { key, level, .. }) = put.map(|put| &put.placed) else { return Ok(State::Unchanged) };
    if stands.is_none_or(|stands| stands.key.as_ref() == Some(key)) {
        return Ok(State::Unchanged);
    }
    let mut stored = ports.items.stored(std::slice::from_ref(key)).await;
    let is_there = stored.pop().transpose()?.flatten().is_some();
    // A level that never was is not to be made for it.
    if !is_there && !ports.catalog.exists(&settings.grid.document_key(level)).await? {
        return Ok(State::Unchanged);
    }
    ports.items.delete(std::slice::from_ref(key)).await.into_iter().collect::<PortResult<()>>()?;
    Ok(State::Cleared(level.clone()))
}

/// Whether the item stands there as it should.
async fn is_stored<I: ReadItems>(items: &I, put: &Put) -> PortResult<bool> {
    let mut stored = items.stored(std::slice::from_ref(&put.placed.key)).await;
    Ok(stored.pop().transpose()?.flatten().is_some_and(|stored| stored.bytes == put.item.bytes()))
}

/// Whether a source is a file that is not there any more: then its items are nobody's.
async fn is_gone<F: ReadSource>(files: &F, settings: &Settings, source: &str) -> bool {
    if !settings.files || !source.starts_with('/') {
        return false;
    }
    let object = SourceObject { bucket: String::new(), key: String::new(), file: Some(source.to_owned()) };
    matches!(files.read(&[object], 0).await.pop(), Some(Err(PortError::NotFound { .. })))
}

/// Looks at the records of a wave once more, after all has been written: a newer message may have come in between, and then
/// the older item may stand over its own, or beside it. Its message comes back, and clears up.
pub(super) async fn verify<K: KeepCheckpoints>(records: &K, tasks: &mut [Task], wave: &[usize]) {
    for at in wave {
        let task = &mut tasks[*at];
        let State::Claimed { claim, .. } = &task.state else { continue };
        match records.checkpoint(&task.record).await {
            Ok(Some(text)) if text == claim.text => {}
            Ok(_) => task.fail(Trouble::passing(&"something newer was filed meanwhile")),
            Err(error) => task.fail(Trouble::passing(&error)),
        }
    }
}

/// Forgets former places, which are cleared and marked by now. Who comes later and finds them forgotten need not clear them.
pub(super) async fn settle<K: KeepCheckpoints>(records: &K, tasks: &mut [Task]) {
    for task in tasks {
        let State::Claimed { claim, .. } = &task.state else { continue };
        if claim.record.left.is_empty() {
            continue;
        }
        let settled = Record { left: Vec::new(), ..claim.record.clone() };
        match write(records, &task.record, &settled, Some(claim.text.clone())).await {
            // Whoever has written meanwhile clears the same places once more.
            Ok(_) | Err(PortError::Precondition { .. }) => {}
            Err(error) => task.fail(Trouble::passing(&error)),
        }
    }
}
