//! A folder of scene metadata as the buckets that its scenes would stand in.
//!
//! The scenes are those that [`super::scan`] finds, under the same keys, in the order of keys. What is laid out as the
//! public bucket is listed as it is walked through, so that memory does not grow with it. Files that stand anywhere
//! else, in a flat folder for one, are sorted by the keys that their names tell: their paths are held in memory, some
//! hundred bytes a file.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};

use super::{Found, UNREADABLE, names, scan};
use crate::generate::Refusal;
use crate::local::{key_page, names_in};
use crate::missions::{self, Quicklook, SATELLITES};
use crate::ports::{KeyPage, ListSource, ListedObject, PortError, PortResult, SourcePage};
use crate::scene::MetadataName;

/// How many objects a page of a listing holds.
const OBJECTS_A_PAGE: usize = 1_000;

/// A folder whose scenes are listed as those of buckets. Clones share what it has found.
///
/// Each scene is in the bucket of its satellite in the public archive, or all of them in the one bucket that the folder
/// was given. XML files that are none of a scene are in the first of [`FolderBuckets::names`]. Of two files of one key
/// the first by its path is listed. A listing from the beginning looks at the folder anew.
#[derive(Debug, Clone)]
pub struct FolderBuckets {
    base: PathBuf,
    only: Option<String>,
    objects_a_page: usize,
    loose: Arc<Mutex<Option<Arc<Vec<Loose>>>>>,
}

/// A file that does not stand where the public bucket has it.
#[derive(Debug)]
struct Loose {
    /// The path of the XML below the folder.
    below: Box<str>,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// XML of a scene, by its name.
    Metadata,
    /// XML whose path is its key: its scene will be refused for it.
    ByPath,
    /// The quicklook beside the XML.
    Quicklook(Quicklook),
}

impl Loose {
    fn key(&self) -> String {
        let file = self.below.rsplit_once('/').map_or(&*self.below, |(_, file)| file);
        match (self.kind, MetadataName::parse(file)) {
            (Kind::Metadata, Ok(name)) => name.key(),
            (Kind::Quicklook(kind), Ok(MetadataName { scene, .. })) => {
                format!("{}/{}.{}", scene.folder(), scene.without_level(), kind.extension())
            }
            _ => self.below.to_string(),
        }
    }
}

impl FolderBuckets {
    /// The folder, as the buckets of the public archive, or as the one bucket `only`.
    #[must_use]
    pub fn new(base: impl Into<PathBuf>, only: Option<String>) -> Self {
        Self { base: base.into(), only, objects_a_page: OBJECTS_A_PAGE, loose: Arc::default() }
    }

    /// Gives this many objects a page, at least one.
    #[must_use]
    pub fn with_objects_a_page(self, objects: usize) -> Self {
        Self { objects_a_page: objects.max(1), ..self }
    }

    /// The buckets that the folder stands for, each once, in a fixed order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        if let Some(only) = &self.only {
            return vec![only.clone()];
        }
        let mut names: Vec<String> = Vec::new();
        for satellite in &SATELLITES {
            if !names.iter().any(|name| name == satellite.bucket) {
                names.push(satellite.bucket.to_owned());
            }
        }
        names
    }

    /// Whether the object of this key is in the bucket.
    fn is_in(&self, bucket: &str, key: &str) -> bool {
        let satellite = key.split_once('/').and_then(|(folder, _)| missions::satellite_of_folder(folder));
        match (&self.only, satellite) {
            (None, Some(satellite)) => satellite.bucket == bucket,
            (None, None) => self.names().first().is_some_and(|first| first == bucket),
            (Some(only), _) => only == bucket,
        }
    }

    fn loose(&self, anew: bool) -> PortResult<Arc<Vec<Loose>>> {
        let mut loose = self.loose.lock().unwrap_or_else(PoisonError::into_inner);
        match &*loose {
            Some(found) if !anew => Ok(Arc::clone(found)),
            _ => {
                let found = Arc::new(self.look_for_loose()?);
                *loose = Some(Arc::clone(&found));
                Ok(found)
            }
        }
    }

    fn look_for_loose(&self) -> PortResult<Vec<Loose>> {
        let mut loose: Vec<Loose> = Vec::new();
        let mut unreadable: Option<Refusal> = None;
        let mut found = |found: Found| {
            let path = Path::new(&found.file);
            let below = names::text(path.strip_prefix(&self.base).unwrap_or(path));
            if names::is_laid_out(&below) {
                return true;
            }
            let kind = if found.key == below { Kind::ByPath } else { Kind::Metadata };
            let quicklook = found.quicklook.as_deref().and_then(|key| key.rsplit_once('.'));
            let quicklook = quicklook.and_then(|(_, extension)| Quicklook::from_extension(extension));
            loose.extend(quicklook.map(|kind| Loose { below: below.as_str().into(), kind: Kind::Quicklook(kind) }));
            loose.push(Loose { below: below.into(), kind });
            true
        };
        let mut trouble = |trouble: Refusal| {
            if trouble.reason == UNREADABLE {
                unreadable.get_or_insert(trouble);
            }
        };
        scan(&self.base, &mut found, &mut trouble).map_err(|error| failed(&self.base, error))?;
        // There may be scenes in it, and who compares would take them for gone.
        if let Some(Refusal { scene, detail, .. }) = unreadable {
            return Err(PortError::Denied { what: scene, source: detail.into() });
        }
        loose.sort_by_cached_key(|loose| (loose.key(), loose.below.clone()));
        loose.dedup_by(|later, first| later.key() == first.key());
        Ok(loose)
    }

    /// The page of what is laid out as the public bucket. Only the folders of the bucket's satellites are gone through.
    fn laid_out(&self, bucket: &str, prefix: &str, after: Option<&str>) -> PortResult<KeyPage> {
        let names = |folder: &str| {
            let path = self.base.join(folder);
            // Behind the first look at the base a folder may have gone.
            let (mut files, mut folders) = match names_in(&path) {
                Ok(names) => names,
                Err(error) => return Err(failed(&path, error)),
            };
            let depth = if folder.is_empty() { 0 } else { folder.split('/').count() };
            match depth {
                0 => folders.retain(|name| {
                    let satellite = missions::satellite_of_folder(name.trim_end_matches('/'));
                    satellite.is_some() && self.is_in(bucket, name)
                }),
                5 => folders.clear(),
                _ => {}
            }
            let is_wanted = |name: &String| [".xml", ".jpg", ".png"].iter().any(|ending| name.ends_with(ending));
            files.retain(|name| depth == 5 && is_wanted(name));
            files.sort_unstable();
            folders.sort_unstable();
            Ok((files, folders))
        };
        // The prefix may lead beside the satellites' folders, where nothing is laid out.
        let first = prefix.split_once('/').map(|(first, _)| first);
        if first.is_some_and(|first| missions::satellite_of_folder(first).is_none()) {
            return Ok(KeyPage::default());
        }
        key_page(&names, prefix, after, self.objects_a_page)
    }

    /// An object; none where the file has gone meanwhile.
    fn object(&self, key: String, below: &str) -> PortResult<Option<ListedObject>> {
        let path = self.base.join(below);
        match fs::metadata(&path).and_then(|metadata| metadata.modified()) {
            Ok(modified) => Ok(Some(ListedObject {
                key,
                modified: DateTime::<Utc>::from(modified),
                file: Some(names::text(&path)),
            })),
            // A link that leads nowhere has a name, but no time.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(failed(&path, error)),
        }
    }
}

impl ListSource for FolderBuckets {
    async fn list(&self, bucket: &str, prefix: &str, after: Option<&str>) -> PortResult<SourcePage> {
        if !self.names().iter().any(|name| name == bucket) {
            return Err(PortError::NotFound { what: format!("the bucket {bucket}") });
        }
        let loose = self.loose(after.is_none())?;
        let mut from = after.map(str::to_owned);
        loop {
            let merged = self.merged(&loose, bucket, prefix, from.as_deref())?;
            from = merged.objects.last().map(|(key, _)| key.clone()).or(from);
            let mut page = SourcePage { objects: Vec::new(), more: merged.more };
            for (key, below) in merged.objects {
                if self.is_in(bucket, &key) {
                    page.objects.extend(self.object(key, &below)?);
                }
            }
            // All of them may be in other buckets, or gone: a page with more behind it has an object.
            if !page.objects.is_empty() || !page.more {
                return Ok(page);
            }
        }
    }
}

/// Keys with paths below the folder, ascending by the keys.
struct Merged {
    objects: Vec<(String, String)>,
    more: bool,
}

impl FolderBuckets {
    /// A page of what is laid out in the bucket and what is loose in any.
    fn merged(&self, loose: &[Loose], bucket: &str, prefix: &str, after: Option<&str>) -> PortResult<Merged> {
        let laid_out = self.laid_out(bucket, prefix, after)?;
        // Behind the last key of a page that is not the last, what is laid out is not known yet.
        let known = laid_out.keys.last().filter(|_| laid_out.more).cloned();
        let is_before = |key: &str| key < prefix || after.is_some_and(|after| key <= after);
        let start = loose.partition_point(|loose| is_before(&loose.key()));
        let mut loose = loose[start..]
            .iter()
            .map(|loose| (loose.key(), loose.below.to_string()))
            .take_while(|(key, _)| key.starts_with(prefix) && known.as_ref().is_none_or(|known| key <= known));
        let mut objects: BTreeMap<String, String> = loose.by_ref().take(self.objects_a_page).collect();
        let loose_more = loose.next().is_some();
        // Of one key, the file that stands where the bucket has it.
        objects.extend(laid_out.keys.into_iter().map(|key| (key.clone(), key)));
        let more = laid_out.more || loose_more || objects.len() > self.objects_a_page;
        Ok(Merged { objects: objects.into_iter().take(self.objects_a_page).collect(), more })
    }
}

fn failed(path: &Path, error: io::Error) -> PortError {
    match error.kind() {
        ErrorKind::NotFound => PortError::NotFound { what: format!("the folder {}", path.display()) },
        ErrorKind::PermissionDenied => {
            PortError::Denied { what: format!("listing {}", path.display()), source: error.into() }
        }
        _ => PortError::Unavailable { what: format!("listing {}", path.display()), source: error.into() },
    }
}
