//! The levels above the rows, after their items were made again.
//!
//! An item that is made marks its row, and a row that is linked marks nothing: so a change of how catalogs look would
//! never reach the levels above. A reprocess therefore marks those as well. A level in which nothing would change is
//! looked at and left.

use crate::grid::Grid;
use crate::level::{Level, Mark};
use crate::ports::{Chance, Clock, MarkLevels, PageToken, PortResult, ReadCatalog, answers};

/// How many levels are marked at once.
const AT_ONCE: usize = 100;

/// Marks the levels above the rows that hold, or stand below, keys of this prefix. Gives how many.
///
/// # Errors
///
/// When the catalog cannot be listed, or a level not be marked. The same again marks them all.
pub async fn mark_parents<C, M, R>(catalog: &C, marks: &M, world: &R, grid: &Grid, prefix: &str) -> PortResult<usize>
where
    C: ReadCatalog + Sync,
    M: MarkLevels + Sync,
    R: Clock + Chance + Sync,
{
    let mut parents = vec![Level::root()];
    let mut at = 0;
    while let Some(level) = parents.get(at).cloned() {
        at += 1;
        // What stands below the last of them are rows.
        if grid.has_parents_below(&level) {
            parents.extend(children(catalog, grid, &level, prefix).await?);
        }
    }
    for batch in parents.chunks(AT_ONCE) {
        let mark = |level: &Level| Mark { level: level.clone(), token: world.token(), since: world.now() };
        let fresh: Vec<Mark> = batch.iter().map(mark).collect();
        answers(marks.mark(&fresh).await, fresh.len(), "marking").into_iter().collect::<PortResult<()>>()?;
    }
    Ok(parents.len())
}

/// The levels directly below one that keys of the prefix may stand in.
async fn children<C: ReadCatalog>(catalog: &C, grid: &Grid, level: &Level, prefix: &str) -> PortResult<Vec<Level>> {
    let mut children = Vec::new();
    let mut from: Option<PageToken> = None;
    loop {
        let page = catalog.list(level, from.as_ref()).await?;
        for name in page.folders {
            // A folder of somebody else's is no level.
            let Some(child) = level.child(&name).ok().filter(|child| grid.place(child).is_ok()) else { continue };
            let below = child.prefix();
            if !(below.starts_with(prefix) || prefix.starts_with(&below) || child.key() == prefix) {
                continue;
            }
            // Under a layout a folder of somebody else's may be called like a level.
            let is_ours = || async {
                PortResult::Ok(!grid.is_filed(&child) || catalog.exists(&grid.document_key(&child)).await?)
            };
            if !grid.holds_items(&child) && is_ours().await? {
                children.push(child);
            }
        }
        from = page.next;
        if from.is_none() {
            return Ok(children);
        }
    }
}
