//! One folder's entries, as far as they matter.

use std::io;
use std::path::PathBuf;

use super::names;

/// The folders and XML files that stand in a folder.
#[derive(Default)]
pub(super) struct Entries {
    pub(super) folders: Vec<PathBuf>,
    /// Names of XML files, one after the other.
    names: String,
    pub(super) files: Vec<File>,
    pub(super) has_quicklooks: bool,
}

/// An XML file: where its name stands in [`Entries::names`], and its place in the order of keys. Small, because a folder
/// may hold a million.
pub(super) struct File {
    order: u64,
    start: u32,
    length: u16,
    /// In a watch: it came, or was changed, since the walk before.
    pub(super) is_new: bool,
}

impl Entries {
    pub(super) fn push(&mut self, name: &str, is_new: bool) -> io::Result<()> {
        let too_many = |_| io::Error::other("there are too many files in one folder");
        let start = u32::try_from(self.names.len()).map_err(too_many)?;
        let length = u16::try_from(name.len()).map_err(too_many)?;
        self.names.push_str(name);
        self.files.push(File { order: names::order(name), start, length, is_new });
        Ok(())
    }

    pub(super) fn name(&self, file: &File) -> &str {
        name_of(&self.names, file)
    }

    pub(super) fn sort(&mut self) {
        self.folders.sort_unstable();
        let names = &self.names;
        self.files
            .sort_unstable_by(|a, b| a.order.cmp(&b.order).then_with(|| name_of(names, a).cmp(name_of(names, b))));
    }
}

fn name_of<'a>(names: &'a str, file: &File) -> &'a str {
    let start = file.start as usize;
    &names[start..start + usize::from(file.length)]
}
