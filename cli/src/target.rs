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
    catalog: Option<PathBuf>,

    /// The deployed stack, by its name; region and credentials as the AWS command takes them.
    #[cfg(feature = "aws")]
    #[arg(long, value_name = "NAME", group = "sourced")]
    stack: Option<String>,
}

/// Where the catalog is.
pub(crate) enum Place<'a> {
    /// In a directory.
    Catalog(&'a Path),
    /// On AWS.
    #[cfg(feature = "aws")]
    Stack(&'a str),
}

impl Target {
    /// Whether it is about a deployed stack.
    pub(crate) fn is_stack(&self) -> bool {
        !matches!(self.place(), Place::Catalog(_))
    }

    /// Where the catalog is. The arguments have been checked: one of them is there.
    pub(crate) fn place(&self) -> Place<'_> {
        #[cfg(feature = "aws")]
        if let Some(stack) = &self.stack {
            return Place::Stack(stack);
        }
        Place::Catalog(self.catalog.as_deref().unwrap_or(Path::new("")))
    }
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
