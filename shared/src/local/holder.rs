//! Holders: the processes that work on a catalog directory.
//!
//! A holder keeps a file of its name locked for as long as it lives. The kernel lets go of the lock when the process
//! ends, however it ends; so a holder is gone exactly when somebody else can take its lock, and neither a process
//! number, which is given out again, nor a clock is asked. The file is locked before it gets its name: a file that
//! can be seen under a holder's name and is not locked belongs to the dead.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use rand::RngCore;

/// How a holder's file is named until it is locked.
const UNFINISHED: char = '.';

/// This process, holding its own lock.
#[derive(Debug)]
pub(super) struct Holder {
    folder: PathBuf,
    name: String,
    /// Locked while this lives.
    _file: File,
}

impl Holder {
    /// Makes a new holder. Call it under the lock that [`Holder::sweep`] is called under.
    pub(super) fn new(folder: &Path) -> io::Result<Self> {
        // The number is for the operator who looks; the random part is what makes it unique for ever.
        let name = format!("{}-{:016x}", std::process::id(), rand::rng().next_u64());
        let unfinished = folder.join(format!("{UNFINISHED}{name}"));
        let file = File::create_new(&unfinished)?;
        super::locks::lock(&file)?;
        fs::rename(&unfinished, folder.join(&name))?;
        Ok(Self { folder: folder.to_owned(), name, _file: file })
    }

    /// The name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The names of all holders that have a file, dead or alive, this one left out.
    pub(super) fn others(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            if let Ok(name) = entry?.file_name().into_string()
                && !name.starts_with(UNFINISHED)
                && name != self.name
            {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// Removes files of processes that died before they had locked theirs.
    pub(super) fn sweep(folder: &Path) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                remove(&entry.path())?;
            }
        }
        Ok(())
    }

    /// The proof that a holder is gone; none while it lives.
    pub(super) fn gone(&self, name: &str) -> io::Result<Option<Gone>> {
        if name == self.name {
            return Ok(None);
        }
        let path = self.folder.join(name);
        let file = match File::open(&path) {
            Ok(file) => file,
            // The holder removed it when it ended in order, or another process has cleared up after it.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Some(Gone { path, _file: None }));
            }
            Err(error) => return Err(error),
        };
        match file.try_lock() {
            Ok(()) => Ok(Some(Gone { path, _file: Some(file) })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Interrupted => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // Still locked here. Whoever finds messages of a holder without file knows that it is gone.
        let _ = fs::remove_file(self.folder.join(&self.name));
    }
}

/// A holder that is gone, and its lock.
#[derive(Debug)]
pub(super) struct Gone {
    path: PathBuf,
    _file: Option<File>,
}

impl Gone {
    /// Removes its file. To be done last, when nothing else of the holder is left.
    pub(super) fn forget(self) -> io::Result<()> {
        remove(&self.path)
    }
}

/// Removes a file that may have been removed already.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_is_gone_when_its_lock_can_be_taken_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let one = Holder::new(folder.path()).unwrap();
        let two = Holder::new(folder.path()).unwrap();
        assert!(two.gone(one.name()).unwrap().is_none());
        assert_eq!(two.others().unwrap(), [one.name().to_owned()]);

        let name = one.name().to_owned();
        drop(one);
        // As a killed process leaves it: the file is there and nobody locks it.
        File::create_new(folder.path().join(&name)).unwrap();
        two.gone(&name).unwrap().unwrap().forget().unwrap();
        assert!(two.others().unwrap().is_empty());
        assert!(two.gone(&name).unwrap().is_some());
    }
}
