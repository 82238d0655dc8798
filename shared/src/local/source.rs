//! Scene metadata in a folder of this machine.

use std::path::{Path, PathBuf};

use super::files::{self, Found};
use crate::level::check_key;
use crate::ports::{PortError, PortResult, ReadSource, SourceObject};

/// The longest key of an object, in bytes: that of S3.
pub(super) const LONGEST_KEY: usize = 1024;

/// A folder of scene metadata.
///
/// An object that says where its file is ([`SourceObject::file`]) is read from there. Any other is looked for below
/// the folder by its key; the bucket plays no part. Only regular files are read, symbolic links followed.
#[derive(Debug, Clone)]
pub struct Folder {
    base: PathBuf,
}

impl Folder {
    /// The folder in which the keys are looked for.
    #[must_use]
    pub fn new(base: impl Into<PathBuf>) -> Self {
        Self { base: base.into() }
    }

    fn read_one(&self, object: &SourceObject, limit: u64) -> PortResult<Vec<u8>> {
        let path = match &object.file {
            Some(file) => PathBuf::from(file),
            None => join(&self.base, &object.key)?,
        };
        match files::read(&path, limit) {
            Ok(Found::Bytes(bytes)) => Ok(bytes),
            Ok(Found::TooLarge(size)) => Err(PortError::TooLarge { what: path.display().to_string(), size, limit }),
            // To whoever looks by a key, as in a bucket, what is no file is no object.
            Ok(Found::Other(found)) if object.file.is_some() => {
                Err(PortError::NotAFile { what: path.display().to_string(), found })
            }
            Ok(Found::Nothing | Found::Other(_)) => {
                Err(PortError::NotFound { what: format!("the file {}", path.display()) })
            }
            Err(error) => Err(files::failed("reading", &path, error)),
        }
    }
}

impl ReadSource for Folder {
    async fn read(&self, objects: &[SourceObject], limit: u64) -> Vec<PortResult<Vec<u8>>> {
        objects.iter().map(|object| self.read_one(object, limit)).collect()
    }
}

/// The path of a key below a folder. A key that could lead out of it is refused.
pub(super) fn join(base: &Path, key: &str) -> PortResult<PathBuf> {
    match check_key(key, LONGEST_KEY) {
        Ok(()) => Ok(base.join(key)),
        Err(reason) => Err(PortError::Denied {
            what: format!("the key {:?}", key.chars().take(120).collect::<String>()),
            source: reason.into(),
        }),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use futures::executor::block_on;

    fn object(key: &str, file: Option<&Path>) -> SourceObject {
        SourceObject {
            bucket: "any".to_owned(),
            key: key.to_owned(),
            file: file.map(|file| file.display().to_string()),
        }
    }

    #[test]
    fn what_is_too_large_not_regular_missing_or_outside_is_an_error_of_its_own() {
        let base = tempfile::tempdir().unwrap();
        std::fs::create_dir(base.path().join("folder")).unwrap();
        std::fs::write(base.path().join("folder/four.xml"), "four").unwrap();
        let folder = Folder::new(base.path());
        let mut objects: Vec<_> = ["folder/four.xml", "folder", "none.xml", "folder/four.xml/below", "../up.xml"]
            .map(|key| object(key, None))
            .into();
        objects.push(object("elsewhere", Some(&base.path().join("folder/four.xml"))));
        #[cfg(target_os = "linux")]
        objects.push(object("device", Some(Path::new("/dev/zero"))));

        let read = block_on(folder.read(&objects, 4));
        assert_eq!(read[0].as_ref().unwrap(), b"four");
        for missing in [1, 2, 3] {
            assert!(matches!(read[missing], Err(PortError::NotFound { .. })), "{:?}", read[missing]);
        }
        assert!(matches!(read[4], Err(PortError::Denied { .. })));
        assert_eq!(read[5].as_ref().unwrap(), b"four");
        #[cfg(target_os = "linux")]
        assert!(matches!(read[6], Err(PortError::NotAFile { found: "a device", .. })));

        let read = block_on(folder.read(&objects[..1], 3));
        assert!(matches!(read[0], Err(PortError::TooLarge { size: 4, limit: 3, .. })));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_nowhere_is_told_from_a_file_that_is_not_there() {
        let base = tempfile::tempdir().unwrap();
        for (link, target) in [("nowhere.xml", "gone.xml"), ("self.xml", "self.xml"), ("file.xml", "four.xml")] {
            std::os::unix::fs::symlink(target, base.path().join(link)).unwrap();
        }
        std::fs::write(base.path().join("four.xml"), "four").unwrap();
        std::fs::create_dir(base.path().join("folder.xml")).unwrap();
        let objects = ["nowhere.xml", "self.xml", "folder.xml", "gone.xml", "file.xml"]
            .map(|name| object(name, Some(&base.path().join(name))));
        let read = block_on(Folder::new(base.path()).read(&objects, 10));
        for no_file in &read[..3] {
            assert!(matches!(no_file, Err(PortError::NotAFile { .. })), "{no_file:?}");
        }
        assert!(matches!(read[3], Err(PortError::NotFound { .. })), "{:?}", read[3]);
        assert_eq!(read[4].as_ref().unwrap(), b"four");
        // By its key, as in a bucket, it is no object.
        let read = block_on(Folder::new(base.path()).read(&[object("nowhere.xml", None)], 10));
        assert!(matches!(read[0], Err(PortError::NotFound { .. })), "{:?}", read[0]);
    }

    /// Opening a pipe that nobody writes to would wait for ever.
    #[cfg(unix)]
    #[test]
    fn a_pipe_is_not_opened() {
        let base = tempfile::tempdir().unwrap();
        let pipe = base.path().join("pipe.xml");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        if made.is_ok_and(|status| status.success()) {
            let read = block_on(Folder::new(base.path()).read(&[object("pipe.xml", Some(&pipe))], 10));
            assert!(matches!(read[0], Err(PortError::NotAFile { found: "a pipe", .. })));
        }
    }
}
