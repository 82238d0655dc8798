//! What more than one subcommand says to its user.

use std::io;
use std::path::Path;

/// Why a catalog directory cannot be opened, and what to do.
pub(crate) fn directory(path: &Path, error: &io::Error) -> String {
    folder("DIR", "the catalog", path, error)
}

/// Why the folder that `argument` names cannot be opened, and what to do; `content` is what it should hold.
pub(crate) fn folder(argument: &str, content: &str, path: &Path, error: &io::Error) -> String {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::NotFound => {
            format!("{argument}: {path} does not exist; give the directory that holds {content}, or create it first")
        }
        io::ErrorKind::NotADirectory => {
            format!("{argument}: {path} is not a directory; give the directory that holds {content}")
        }
        io::ErrorKind::PermissionDenied => {
            format!("{argument}: {path} may not be read; give this user the right to read it")
        }
        _ => format!("{argument}: {path} cannot be read: {error}"),
    }
}

/// A text without control characters: what a file is called must not write lines of its own on a terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut shown, character| {
        if character.is_control() {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
        shown
    })
}
