//! How an embedded catalog is doing.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use crate::grid::{CATALOG, COLLECTION, Grid};
use crate::level::Level;
use crate::local::{Local, WallClock};
use crate::missions::SATELLITES;
use crate::ports::{Clock as _, PortError, PortResult};
use crate::redrive::Kind;
use crate::stac::catalog::ITEM_ENDING;
use crate::status::{Census, Items, Queue, Status};

/// How the catalog is doing. With `items`, all rows are looked through; `counted` is told how many items there are so far.
///
/// # Errors
///
/// When the state or a folder of the catalog cannot be read.
pub fn status(local: &Local, items: bool, counted: impl Fn(u64)) -> PortResult<Status> {
    let mut queues = Vec::with_capacity(Kind::ALL.len());
    for kind in Kind::ALL {
        let (queue, letters) = (local.state.queue(kind.into()), local.state.dead_letters(kind.into()));
        let (depth, reasons) = (queue.depth()?, letters.reasons()?);
        queues.push(Queue {
            queue: kind,
            visible: depth.visible,
            in_flight: depth.in_flight,
            delayed: depth.delayed,
            oldest: queue.oldest()?,
            dead_letters: reasons.iter().map(|reason| reason.count).sum(),
            reasons,
        });
    }
    let marks = local.state.marks()?;
    let items = if items { Some(census(local, counted)?) } else { None };
    Ok(Status { at: WallClock.now(), queues, marks, items, unknown: Vec::new() })
}

/// Counts the items in the folders of all cameras that are known, and in those of the layout.
fn census(local: &Local, counted: impl Fn(u64)) -> PortResult<Items> {
    let catalog = local.directory.path();
    let mut census = Census::new(WallClock.now());
    let cameras =
        SATELLITES.iter().flat_map(|satellite| satellite.cameras.iter().map(move |camera| (satellite, camera)));
    for (satellite, camera) in cameras {
        let folder = format!("{}/{}", satellite.folder, camera.name);
        for path in names(catalog, &folder)? {
            let path = format!("{folder}/{path}");
            for row in names(catalog, &path)? {
                let row = format!("{path}/{row}");
                add_row(catalog, &row, &mut census)?;
                counted(census.count());
            }
        }
    }
    let grid = super::layout::grid(local)?;
    let mut open = vec![Level::root()];
    while let Some(level) = open.pop().filter(|_| grid.layout().is_some()) {
        if grid.holds_items(&level) {
            add_filed(catalog, &grid, &level, &mut census)?;
            counted(census.count());
            continue;
        }
        let below = names(catalog, level.key())?.into_iter().filter_map(|name| level.child(&name).ok());
        open.extend(below.filter(|below| grid.is_filed(below) && grid.place(below).is_ok()));
    }
    Ok(census.items())
}

fn add_filed(catalog: &Path, grid: &Grid, level: &Level, census: &mut Census) -> PortResult<()> {
    let collection = grid.collection_of(level).and_then(|level| grid.place(&level).ok()).map(|place| place.id());
    let is_item = |name: &String| name.ends_with(ITEM_ENDING) && name != CATALOG && name != COLLECTION;
    for name in names(catalog, level.key())?.into_iter().filter(is_item) {
        let path = catalog.join(level.object_key(&name));
        match fs::metadata(&path).and_then(|metadata| metadata.modified()) {
            Ok(written) => census.add_filed(collection.as_deref().unwrap_or_default(), written.into()),
            // It was withdrawn meanwhile.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(failed(&path, error)),
        }
    }
    Ok(())
}

fn add_row(catalog: &Path, row: &str, census: &mut Census) -> PortResult<()> {
    for name in names(catalog, row)? {
        let key = format!("{row}/{name}");
        let path = catalog.join(&key);
        match fs::metadata(&path).and_then(|metadata| metadata.modified()) {
            Ok(written) => census.add(&key, written.into()),
            // It was withdrawn meanwhile.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(failed(&path, error)),
        }
    }
    Ok(())
}

/// The names in a folder; none where there is no folder. Those that are not UTF-8 are no names of ours.
fn names(catalog: &Path, folder: &str) -> PortResult<Vec<String>> {
    let path = catalog.join(folder);
    let read = || -> io::Result<Vec<String>> {
        let names = fs::read_dir(&path)?.map(|entry| Ok(entry?.file_name().into_string().ok()));
        Ok(names.collect::<io::Result<Vec<_>>>()?.into_iter().flatten().collect())
    };
    match read() {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(Vec::new()),
        read => read.map_err(|error| failed(&path, error)),
    }
}

fn failed(path: &Path, error: io::Error) -> PortError {
    PortError::Unavailable { what: format!("reading {}", path.display()), source: error.into() }
}
