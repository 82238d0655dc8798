//! Locks between threads and processes, for what a file system cannot do in one step.
//!
//! One lock a folder of the catalog, sharded over a fixed number of lock files. Who holds it may compare and rename,
//! and may list: on tmpfs, for one, a file that is renamed over another is a new directory entry, and a listing that
//! runs meanwhile can miss both the old and the new one (seen in two of five listings of 5,000 files).

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use xxhash_rust::xxh3::xxh3_64;

/// How many lock files there are. Every process must use the same number.
const SHARDS: usize = 64;

/// The lock files of a catalog directory.
#[derive(Debug)]
pub(super) struct Locks {
    folder: PathBuf,
    /// Opened on first use. The mutex excludes the threads of this process, which share the open file.
    shards: [Mutex<Option<File>>; SHARDS],
}

impl Locks {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, shards: [const { Mutex::new(None) }; SHARDS] }
    }

    /// Waits for the lock of the folder with this level key.
    pub(super) fn folder(&self, level: &str) -> io::Result<Locked<'_>> {
        let shard = (xxh3_64(level.as_bytes()) % SHARDS as u64) as usize;
        let mut guard = self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner);
        let file = match guard.take() {
            Some(file) => file,
            None => lock_file(&self.folder.join(format!("{shard:02}")))?,
        };
        lock(guard.insert(file))?;
        Ok(Locked(guard))
    }
}

/// A lock that is held until this is dropped.
#[derive(Debug)]
pub(super) struct Locked<'a>(MutexGuard<'a, Option<File>>);

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        let unlocked = self.0.as_ref().map(File::unlock);
        if let Some(Err(_)) = unlocked {
            // Closing the file lets go of its lock, come what may.
            *self.0 = None;
        }
    }
}

/// Opens a file that serves as a lock, making it when it is missing.
pub(crate) fn lock_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).write(true).truncate(false).open(path)
}

/// Waits for the exclusive lock of a file.
pub(crate) fn lock(file: &File) -> io::Result<()> {
    loop {
        match file.lock() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
