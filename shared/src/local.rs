//! The embedded adapters: the ports over one directory of this machine, without a server.
//!
//! [`open`] gives all of them for a catalog directory `DIR`: [`Directory`] (the objects, as files), [`State`] (dirty
//! levels, [`Queue`]s, [`DeadLetters`], in `DIR/.lazycat/state.sqlite`) and [`ItemLog`] (the item topics). [`Folder`]
//! reads scene metadata; [`Dice`] and [`WallClock`] are the machine's own.
//!
//! Any number of processes may work on the same directory. What one has done when it is killed stays done; what it
//! had begun is removed or given back by the next one that looks. Nothing is flushed to the disk: when the *machine*
//! dies, remove `.lazycat` and run again: every item is then made and every row marked anew.
//!
//! The `async` functions block the thread that polls them and never return `Pending`: poll them on threads of your
//! own. Layout: start with `local/directory.rs`; `state/origins.rs` has the one subtle rule.
//!
//! ```text
//! DIR/.lazycat/state.sqlite    what is owed
//!              holders/ID      locked by the process of that id while it lives
//!              locks/NN        one lock for all folders of the catalog with that hash
//!              tmp/ID.N        files of that process that have not reached their place
//!              settings.json   the options of the last run
//!              items.ndjson    what was published; items.1.ndjson before it
//! ```

mod directory;
mod files;
mod holder;
mod host;
pub(crate) mod locks;
mod log;
mod source;
mod state;
mod tree;

use std::fmt;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};

pub use self::directory::Directory;
pub use self::host::{Dice, WallClock};
pub use self::log::ItemLog;
pub use self::source::Folder;
pub use self::state::{DeadLetters, Depth, KeptLetter, LetterReader, LevelSender, Queue, QueueName, State, is_full};

pub(crate) use self::directory::read_names_to_enter as names_in;
pub(crate) use self::tree::page as key_page;

pub(crate) use self::state::again;

use self::holder::Holder;
use crate::ports::BoxError;

/// The folder of a catalog directory in which everything stands that is not the catalog.
pub const STATE_FOLDER: &str = ".lazycat";

/// What may be set about the embedded adapters.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long a received message stays invisible when its receiver lives and does not answer. Messages of a
    /// process that is gone do not wait for it.
    pub visibility: Duration,
    /// How often at most a receive that finds nothing asks whether other processes are gone.
    pub ask_for_the_gone_every: Duration,
    /// How many names a page of a listing holds; all of them when none. Every page reads the whole folder again.
    pub names_a_page: Option<usize>,
    /// How many marks a page of a scan holds.
    pub marks_a_page: usize,
    /// Past how many bytes the item log is put aside and a new one begun.
    pub log_bound: u64,
    /// The time that visibility goes by.
    pub now: Now,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            visibility: Duration::from_secs(300),
            ask_for_the_gone_every: Duration::from_secs(1),
            names_a_page: None,
            marks_a_page: 1_000,
            log_bound: 128 * 1024 * 1024,
            now: Now::new(|| SystemTime::now().into()),
        }
    }
}

/// Where the time comes from.
#[derive(Clone)]
pub struct Now(Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>);

impl Now {
    /// The time is what `now` says.
    pub fn new(now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    fn get(&self) -> DateTime<Utc> {
        (self.0)()
    }
}

impl fmt::Debug for Now {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Now")
    }
}

/// The adapters of one catalog directory. Clones share them.
#[derive(Debug, Clone)]
pub struct Local {
    /// The objects.
    pub directory: Directory,
    /// Dirty levels, queues, dead letters.
    pub state: State,
    /// The item topics.
    pub log: ItemLog,
}

/// Why a catalog directory could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The path, or a part of it, is a file.
    #[error("{} is not a directory", path.display())]
    NotADirectory {
        /// The path.
        path: PathBuf,
    },
    /// The file system is mounted read-only.
    #[error("{} cannot be written: it is on a read-only file system", path.display())]
    ReadOnly {
        /// The path.
        path: PathBuf,
    },
    /// Permission denied.
    #[error("no permission to write {}: {source}", path.display())]
    Denied {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: BoxError,
    },
    /// There is no room on the disk.
    #[error("{} is on a full disk: {source}; make room and do the same again", path.display())]
    Full {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: BoxError,
    },
    /// The state file was written by a newer program.
    #[error("{} has version {found}; this program knows up to {known}: use a newer one", path.display())]
    Newer {
        /// The state file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version that is known.
        known: i64,
    },
    /// The state file is damaged, or none.
    #[error("{} is no usable state file: {source}; move it away and run again: every item is then made anew", path.display())]
    Corrupt {
        /// The state file.
        path: PathBuf,
        /// What SQLite said.
        source: BoxError,
    },
    /// The state file could not be read or written for another reason.
    #[error("opening the state file {}: {source}", path.display())]
    State {
        /// The state file.
        path: PathBuf,
        /// What SQLite said.
        source: BoxError,
    },
    /// Anything else.
    #[error("opening {}: {source}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl OpenError {
    fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            ErrorKind::NotADirectory => Self::NotADirectory { path },
            ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { path },
            ErrorKind::PermissionDenied => Self::Denied { path, source: source.into() },
            _ if files::says_full(&source) => Self::Full { path, source: source.into() },
            _ => Self::Io { path, source },
        }
    }
}

/// Opens a catalog directory, making it when it is missing, and clears up after processes that are gone.
///
/// # Errors
///
/// When `dir` cannot be made or written, or when its state is damaged or newer than this program.
pub fn open(dir: impl AsRef<Path>) -> Result<Local, OpenError> {
    open_with(dir, Options::default())
}

/// [`open`] with options.
///
/// # Errors
///
/// As [`open`].
pub fn open_with(dir: impl AsRef<Path>, options: Options) -> Result<Local, OpenError> {
    let dir = dir.as_ref();
    match fs::metadata(dir) {
        Ok(metadata) if !metadata.is_dir() => {
            return Err(OpenError::NotADirectory { path: dir.to_owned() });
        }
        _ => {}
    }
    // The process may change its working directory later.
    let absolute = std::path::absolute(dir).map_err(|error| OpenError::io(dir, error))?;
    let folder = absolute.join(STATE_FOLDER);
    let (holders, locks, temporaries) = (folder.join("holders"), folder.join("locks"), folder.join("tmp"));
    let prepared = || -> io::Result<(ItemLog, fs::File)> {
        for folder in [&holders, &locks, &temporaries] {
            fs::create_dir_all(folder)?;
        }
        let log = ItemLog::open(&folder, &locks.join("log"), options.log_bound)?;
        let opening = locks::lock_file(&locks.join("open"))?;
        locks::lock(&opening)?;
        Ok((log, opening))
    };
    let (log, opening) = prepared().map_err(|error| OpenError::io(dir, error))?;
    let held = || -> io::Result<Holder> {
        Holder::sweep(&holders)?;
        Holder::new(&holders)
    };
    let holder = Arc::new(held().map_err(|error| OpenError::io(dir, error))?);
    let names_a_page = options.names_a_page;
    let state = State::open(&folder.join("state.sqlite"), &temporaries, Arc::clone(&holder), options)?;
    // Closing the file lets go of the lock.
    drop(opening);
    let directory = Directory::new(absolute, locks, temporaries, holder, state.clone(), names_a_page);
    Ok(Local { directory, state, log })
}
