//! What stands in the directory although no link leads there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::walk::Walk;

/// Finds every visible JSON file that the walk has not reached. Folders behind symbolic links are not entered.
pub(super) fn check(walk: &Walk<'_>) {
    let root = walk.reader.root();
    let mut waiting = vec![root.to_path_buf()];
    while let Some(folder) = waiting.pop() {
        if let Err(error) = check_folder(walk, root, &folder, &mut waiting) {
            walk.fault(&relative(root, &folder), "", format!("found a folder that cannot be read: {error}"));
        }
    }
}

fn check_folder(walk: &Walk<'_>, root: &Path, folder: &Path, waiting: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            waiting.push(path);
        } else if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
            let path = relative(root, &path);
            if !walk.has_reached(&path) {
                walk.fault(&path, "", "found a JSON file that no link from the root leads to, expected one");
            }
        }
    }
    Ok(())
}

fn relative(root: &Path, path: &Path) -> String {
    let relative = path.strip_prefix(root).unwrap_or(path);
    relative.components().map(|component| component.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
