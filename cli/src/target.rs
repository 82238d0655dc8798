//! Which catalog a command is about.

use std::io;
use std::path::{Path, PathBuf};

use lazycat::local::{self, Local, STATE_FOLDER};

use crate::explain;

/// Which catalog a command is about.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Target {
    /// The catalog directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) catalog: Option<PathBuf>,
}

/// Opens the catalog of a directory that holds one.
pub(crate) fn open(catalog: &Path) -> Result<Local, String> {
    must_hold_a_catalog(catalog)?;
    local::open(catalog).map_err(|error| error.to_string())
}

/// A directory without catalog is a mistake, and must not become one.
pub(crate) fn must_hold_a_catalog(catalog: &Path) -> Result<(), String> {
    std::fs::read_dir(catalog).map_err(|error| explain::directory(catalog, &error))?;
    match [STATE_FOLDER, "catalog.json"].iter().any(|name| catalog.join(name).exists()) {
        true => Ok(()),
        false => {
            Err(format!("DIR: {} holds no catalog; give the directory that `lazycat run` made", catalog.display()))
        }
    }
}

/// What is said when standard output takes nothing.
pub(crate) fn unprinted(error: io::Error) -> String {
    format!("what was done cannot be printed: {error}")
}
