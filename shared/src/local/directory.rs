//! Objects as files in a directory.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_128;

use super::STATE_FOLDER;
use super::files::{self, Found, Temporaries};
use super::holder::Holder;
use super::locks::{Locked, Locks};
use super::source::join;
use super::state::{State, again};
use super::tree::Names;
use crate::level::{Level, check_key};
use crate::ports::{
    ETag, Expected, InspectCatalog, Inspected, ItemPut, KeyPage, Object, Page, PageToken, PortError, PortResult,
    ReadCatalog, ReadItems, StoredItem, WriteCatalog, WriteItems,
};

/// The objects of a catalog directory: the path of each is its key. Clones share it.
///
/// Every write is made beside its place and renamed into it, so that a reader, a web server for one, sees the old
/// bytes or the new ones. Writers of any number of processes on this machine exclude each other; hands that edit the
/// directory meanwhile are not kept out. Symbolic links are followed: where they lead is the operator's choice.
#[derive(Debug, Clone)]
pub struct Directory {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    base: PathBuf,
    locks: Locks,
    temporaries: Temporaries,
    state: State,
    /// How many names a page of a listing holds; all of them when none.
    names_a_page: Option<usize>,
    /// Keeps the temporary files from being taken for those of the dead.
    _holder: Arc<Holder>,
}

/// How many keys a page of the whole catalog holds. More would read the folders that a page begins in less often.
const KEYS_A_PAGE: usize = 10_000;

/// How many bytes of room are looked for: some documents' worth.
const ROOM: usize = 64 * 1024;

impl Directory {
    pub(super) fn new(
        base: PathBuf,
        locks: PathBuf,
        temporaries: PathBuf,
        holder: Arc<Holder>,
        state: State,
        names_a_page: Option<usize>,
    ) -> Self {
        let temporaries = Temporaries::new(temporaries, holder.name());
        Self {
            shared: Arc::new(Shared {
                base,
                locks: Locks::new(locks),
                temporaries,
                state,
                names_a_page,
                _holder: holder,
            }),
        }
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.shared.base
    }

    /// Whether there is room on the disk, for something at least: an error that [`super::is_full`] knows when not.
    pub(crate) fn has_room(&self) -> PortResult<()> {
        let path = self.shared.base.join(STATE_FOLDER);
        let written = self.shared.temporaries.write(&vec![0; ROOM]);
        written.map(drop).map_err(|error| files::failed("looking for room in", &path, error))
    }

    /// What [`Directory::keep`] has kept under this name.
    pub(crate) fn kept(&self, name: &str) -> PortResult<Option<Vec<u8>>> {
        let path = self.shared.base.join(STATE_FOLDER).join(name);
        match files::read(&path, u64::MAX) {
            Ok(Found::Bytes(bytes)) => Ok(Some(bytes)),
            Ok(_) => Ok(None),
            Err(error) => Err(files::failed("reading", &path, error)),
        }
    }

    /// Keeps a file beside the state, whole or not at all.
    pub(crate) fn keep(&self, name: &str, bytes: &[u8]) -> PortResult<()> {
        let path = self.shared.base.join(STATE_FOLDER).join(name);
        let failed = |error| files::failed("writing", &path, error);
        self.shared.temporaries.write(bytes).map_err(failed)?.place(&path).map_err(failed)
    }

    fn join(&self, key: &str) -> PortResult<PathBuf> {
        join(&self.shared.base, key)
    }

    /// Waits for the lock of the folder that `key` is in.
    fn lock(&self, key: &str) -> PortResult<Locked<'_>> {
        let folder = key.rsplit_once('/').map_or("", |(folder, _)| folder);
        self.lock_folder(folder)
    }

    fn lock_folder(&self, folder: &str) -> PortResult<Locked<'_>> {
        let locked = self.shared.locks.folder(folder);
        locked.map_err(|error| files::failed("locking the folder", &self.shared.base.join(folder), error))
    }

    fn read(&self, key: &str) -> PortResult<Option<Vec<u8>>> {
        let path = self.join(key)?;
        match files::read(&path, u64::MAX) {
            Ok(Found::Bytes(bytes)) => Ok(Some(bytes)),
            Ok(Found::Nothing | Found::Other(_) | Found::TooLarge(_)) => Ok(None),
            Err(error) => Err(files::failed("reading", &path, error)),
        }
    }

    fn put_one(&self, item: &ItemPut) -> PortResult<()> {
        let path = self.join(&item.key)?;
        let failed = |error| files::failed("writing", &path, error);
        let temporary = self.shared.temporaries.write(&item.bytes).map_err(failed)?;
        let _locked = self.lock(&item.key)?;
        self.shared.state.confirm(&item.key, item.message_id.as_deref())?;
        temporary.place(&path).map_err(failed)
    }

    fn delete_one(&self, key: &str) -> PortResult<()> {
        let path = self.join(key)?;
        let _locked = self.lock(key)?;
        self.shared.state.confirm(key, None)?;
        match fs::remove_file(&path) {
            Ok(()) => Ok(()),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(()),
            Err(error) => Err(files::failed("deleting", &path, error)),
        }
    }

    /// The names in a folder, sorted: of the objects, and of the folders with the slash that orders them.
    fn names(&self, level: &Level) -> PortResult<Names> {
        self.names_by(level, read_names)
    }

    /// The same, as `read` gives them.
    fn names_by(&self, level: &Level, read: fn(&Path) -> io::Result<Names>) -> PortResult<Names> {
        let path = match level.is_root() {
            true => self.shared.base.clone(),
            false => self.join(level.key())?,
        };
        // Nobody overwrites a file meanwhile: see `locks`.
        let locked = self.lock_folder(level.key())?;
        let (mut objects, mut folders) = read(&path).map_err(|error| files::failed("listing", &path, error))?;
        drop(locked);
        objects.sort_unstable();
        folders.sort_unstable();
        Ok((objects, folders))
    }
}

impl ReadItems for Directory {
    async fn stored(&self, keys: &[String]) -> Vec<PortResult<Option<StoredItem>>> {
        let found: Vec<_> = keys.iter().map(|key| self.read(key)).collect();
        // Only now, after all bytes: see `state::origins`.
        let there = |found: &PortResult<Option<Vec<u8>>>| matches!(found, Ok(Some(_)));
        let asked = keys.iter().zip(&found).filter(|(_, found)| there(found));
        match self.shared.state.origins(asked.map(|(key, _)| key.as_str())) {
            Ok(ids) => {
                let mut ids = ids.into_iter();
                let mut item = |bytes| StoredItem { bytes, message_id: ids.next().flatten() };
                found.into_iter().map(|found| Ok(found?.map(&mut item))).collect()
            }
            Err(error) => found
                .into_iter()
                .map(|found| match found {
                    Ok(Some(_)) => Err(again(&error)),
                    Ok(None) => Ok(None),
                    Err(error) => Err(error),
                })
                .collect(),
        }
    }
}

impl WriteItems for Directory {
    async fn put(&self, items: &[ItemPut]) -> Vec<PortResult<()>> {
        let puts = items.iter().map(|item| (item.key.as_str(), item.message_id.as_deref()));
        let sound = puts.filter(|(key, _)| self.join(key).is_ok());
        match self.shared.state.claim(sound) {
            Ok(()) => items.iter().map(|item| self.put_one(item)).collect(),
            Err(error) => items.iter().map(|_| Err(again(&error))).collect(),
        }
    }

    async fn delete(&self, keys: &[String]) -> Vec<PortResult<()>> {
        match self.shared.state.claim(keys.iter().map(|key| (key.as_str(), None))) {
            Ok(()) => keys.iter().map(|key| self.delete_one(key)).collect(),
            Err(error) => keys.iter().map(|_| Err(again(&error))).collect(),
        }
    }
}

impl ReadCatalog for Directory {
    async fn get(&self, key: &str) -> PortResult<Option<Object>> {
        Ok(self.read(key)?.map(|bytes| Object { etag: etag(&bytes), bytes }))
    }

    async fn exists(&self, key: &str) -> PortResult<bool> {
        let path = self.join(key)?;
        files::is_file(&path).map_err(|error| files::failed("looking for", &path, error))
    }

    /// Objects are files, folders are directories. What no key can name is left out: names that start with a dot,
    /// are not UTF-8, or hold a control character or a backslash.
    async fn list(&self, level: &Level, from: Option<&PageToken>) -> PortResult<Page> {
        let (mut objects, mut folders) = self.names(level)?;
        if let Some(PageToken(last)) = from {
            objects.retain(|name| name > last);
            folders.retain(|name| name > last);
        }
        let all = objects.len() + folders.len();
        let next = match self.shared.names_a_page.map(|size| size.max(1)) {
            Some(size) if size < all => {
                let mut names: Vec<&String> = objects.iter().chain(&folders).collect();
                let (_, last, _) = names.select_nth_unstable(size - 1);
                Some(last.clone())
            }
            _ => None,
        };
        if let Some(last) = &next {
            objects.retain(|name| name <= last);
            folders.retain(|name| name <= last);
        }
        for folder in &mut folders {
            folder.pop();
        }
        Ok(Page { objects, folders, next: next.map(PageToken) })
    }
}

impl InspectCatalog for Directory {
    /// Each page reads the folders that it begins in again. Their order is that of keys, whatever is written meanwhile.
    async fn keys(&self, prefix: &str, after: Option<&str>) -> PortResult<KeyPage> {
        let names = |folder: &str| match Level::parse(folder) {
            Ok(folder) => self.names_by(&folder, read_names_to_enter),
            // Too deep for any key of a catalog.
            Err(_) => Ok(Default::default()),
        };
        let most = self.shared.names_a_page.unwrap_or(KEYS_A_PAGE);
        super::tree::page(&names, prefix, after, most)
    }

    async fn inspect(&self, key: &str) -> PortResult<Option<Inspected>> {
        Ok(self.read(key)?.map(|bytes| Inspected { bytes, content_type: None }))
    }
}

impl WriteCatalog for Directory {
    async fn put_if(&self, key: &str, bytes: &[u8], expected: &Expected) -> PortResult<ETag> {
        let path = self.join(key)?;
        let failed = |error| files::failed("writing", &path, error);
        // Written before the lock is asked for, which is the shorter wait for the others.
        let temporary = self.shared.temporaries.write(bytes).map_err(failed)?;
        let _locked = self.lock(key)?;
        let as_expected = match (expected, self.read(key)?) {
            (Expected::Absent, None) => true,
            (Expected::Tag(tag), Some(found)) => *tag == etag(&found),
            (Expected::Absent, Some(_)) | (Expected::Tag(_), None) => false,
        };
        if !as_expected {
            return Err(PortError::Precondition { what: key.to_owned() });
        }
        temporary.place(&path).map_err(failed)?;
        Ok(etag(bytes))
    }
}

/// 128 bits of the content, as hexadecimal digits in quotes.
fn etag(bytes: &[u8]) -> ETag {
    ETag(format!("\"{:032x}\"", xxh3_128(bytes)))
}

/// The names of the files, and of the directories with a slash behind, in no order. A folder that is not there is
/// empty.
fn read_names(path: &Path) -> io::Result<Names> {
    let (mut objects, mut folders) = (Vec::new(), Vec::new());
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok((objects, folders));
        }
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        if check_key(&name, super::source::LONGEST_KEY).is_err() {
            continue;
        }
        // Mostly part of the directory entry: no further call a file.
        let mut kind = entry.file_type()?;
        if kind.is_symlink() {
            match fs::metadata(entry.path()) {
                Ok(metadata) => kind = metadata.file_type(),
                Err(_) => continue,
            }
        }
        if kind.is_file() {
            objects.push(name);
        } else if kind.is_dir() {
            folders.push(name + "/");
        }
    }
    Ok((objects, folders))
}

/// [`read_names`] without the links that lead to the folder itself, or to one that holds it: whoever goes into what he finds
/// would go round and round.
pub(crate) fn read_names_to_enter(path: &Path) -> io::Result<Names> {
    let (files, mut folders) = read_names(path)?;
    folders.retain(|name| !leads_up(&path.join(name.trim_end_matches('/')), path));
    Ok((files, folders))
}

/// Whether an entry of `folder` is a link that leads to it, or to one that holds it.
fn leads_up(link: &Path, folder: &Path) -> bool {
    if !link.is_symlink() {
        return false;
    }
    matches!((link.canonicalize(), folder.canonicalize()), (Ok(target), Ok(folder)) if folder.starts_with(&target))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use futures::executor::block_on;
    use std::sync::atomic::{AtomicBool, Ordering};

    fn item(bytes: &str, message_id: Option<&str>) -> ItemPut {
        ItemPut {
            key: "a/a.json".to_owned(),
            bytes: bytes.as_bytes().to_vec(),
            message_id: message_id.map(str::to_owned),
        }
    }

    /// Two writers claim the same item; the first to claim is the last to rename. Its message must find its own id
    /// when it comes back, or it would skip what it has not published.
    #[test]
    fn a_late_rename_takes_its_id_along() {
        for (slow, fast) in [(Some("slow"), Some("fast")), (None, Some("fast")), (Some("slow"), None)] {
            let folder = tempfile::tempdir().unwrap();
            let one = crate::local::open(folder.path()).unwrap().directory;
            let two = crate::local::open(folder.path()).unwrap().directory;
            let late = item("by the slow one", slow);
            one.shared.state.claim([(late.key.as_str(), slow)].into_iter()).unwrap();
            block_on(two.put(&[item("by the fast one", fast)])).remove(0).unwrap();
            one.put_one(&late).unwrap();
            let stored = block_on(two.stored(std::slice::from_ref(&late.key))).remove(0).unwrap().unwrap();
            assert_eq!((stored.bytes, stored.message_id.as_deref()), (late.bytes, slow));
        }
    }

    /// An older one would let a message skip the item that it has just written itself.
    #[test]
    fn no_reader_sees_an_id_that_is_older_than_the_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let local = crate::local::open(folder.path()).unwrap();
        let number = |text: &str| text.parse::<u32>().unwrap();
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                for round in 0..2_000 {
                    let round = round.to_string();
                    block_on(local.directory.put(&[item(&round, Some(&round))])).remove(0).unwrap();
                }
            });
            let keys = [item("", None).key];
            while !writer.is_finished() {
                if let Some(stored) = block_on(local.directory.stored(&keys)).remove(0).unwrap() {
                    let bytes = number(str::from_utf8(&stored.bytes).unwrap());
                    let id = number(&stored.message_id.unwrap());
                    assert!(id >= bytes, "the bytes of {bytes} with the id of {id}");
                }
            }
        });
    }

    /// On tmpfs an overwritten file is a new directory entry, and a long listing that runs meanwhile can miss it.
    #[test]
    fn a_listing_misses_no_file_that_is_overwritten_meanwhile() {
        let memory = Path::new("/dev/shm");
        let folder = match memory.is_dir() {
            true => tempfile::tempdir_in(memory).unwrap(),
            false => tempfile::tempdir().unwrap(),
        };
        let local = crate::local::open(folder.path()).unwrap();
        let key = |number| format!("a/so long a name that a listing takes several calls {number:05}.json");
        let items: Vec<_> =
            (0..3_000).map(|number| ItemPut { key: key(number), bytes: Vec::new(), message_id: None }).collect();
        let write = |_| assert!(block_on(local.directory.put(&items)).iter().all(Result::is_ok));
        write(0);
        let writing = AtomicBool::new(true);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                (1..4).for_each(write);
                writing.store(false, Ordering::SeqCst);
            });
            let level = Level::parse("a").unwrap();
            while writing.load(Ordering::SeqCst) {
                let page = block_on(local.directory.list(&level, None)).unwrap();
                assert_eq!(page.objects.len(), items.len());
            }
        });
    }
}
