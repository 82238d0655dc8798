//! Finding the scenes in a listing of a bucket: keys in, scenes out, in the order of keys.
//!
//! A listing comes in pages, and a scene's files may stand on two of them: an [`Inventory`] holds the scene that it is
//! in the middle of, and no more. Of several XML files of a scene the one that describes it best is taken.

use chrono::{DateTime, Utc};

use super::error::SceneError;
use super::key::SourceKey;
use super::name::{MetadataName, SceneId};
use crate::missions::Quicklook;
use crate::ports::ListedObject;

/// What stands in a bucket, as far as it matters.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// A scene.
    Scene(Box<ListedScene>),
    /// An XML file that is none of a scene, outside the folder of one.
    Stray(Stray),
}

/// A scene, as a listing shows it: the files of its folder.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedScene {
    /// The scene.
    pub scene: SceneId,
    /// The XML that describes it best; none where there is only a quicklook.
    pub metadata: Option<ListedMetadata>,
    /// The quicklook that stands beside it; the camera's own kind before the other one.
    pub quicklook: Option<Quicklook>,
    /// XML files in its folder that are none of a scene.
    pub strays: Vec<Stray>,
    /// The last key of its folder.
    pub last: String,
}

/// A scene's XML.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedMetadata {
    /// Its name, which tells its key.
    pub name: MetadataName,
    /// When it was last written.
    pub modified: DateTime<Utc>,
    /// The path of the file when the source is a folder.
    pub file: Option<String>,
}

/// An XML file that is none of a scene.
#[derive(Debug, Clone, PartialEq)]
pub struct Stray {
    /// The key.
    pub key: String,
    /// Why it is none.
    pub error: SceneError,
}

impl Entry {
    /// The last key that it stands for: a listing that goes on behind it has the next entry whole.
    #[must_use]
    pub fn last(&self) -> &str {
        match self {
            Self::Scene(scene) => &scene.last,
            Self::Stray(stray) => &stray.key,
        }
    }
}

impl ListedScene {
    fn new(scene: SceneId) -> Self {
        Self { scene, metadata: None, quicklook: None, strays: Vec::new(), last: String::new() }
    }

    /// The key of the quicklook that stands beside it.
    #[must_use]
    pub fn quicklook_key(&self) -> Option<String> {
        let file = |kind: Quicklook| format!("{}.{}", self.scene.without_level(), kind.extension());
        self.quicklook.map(|kind| format!("{}/{}", self.scene.folder(), file(kind)))
    }

    fn add(&mut self, key: SourceKey, modified: DateTime<Utc>, file: Option<String>) {
        match key {
            SourceKey::Metadata(name) => {
                if self.metadata.as_ref().is_none_or(|known| name.rank() < known.name.rank()) {
                    self.metadata = Some(ListedMetadata { name, modified, file });
                }
            }
            SourceKey::Quicklook(_, kind) => {
                if self.quicklook.is_none() || kind == self.scene.camera.quicklook {
                    self.quicklook = Some(kind);
                }
            }
        }
    }
}

/// Takes the objects of a listing, in order, and gives what they are.
#[derive(Debug, Default)]
pub struct Inventory {
    /// The scene whose folder the listing is in, with that folder's prefix.
    open: Option<(String, ListedScene)>,
    /// The last key before that folder.
    behind: Option<String>,
}

impl Inventory {
    /// Nothing taken yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next objects; gives what is whole with them.
    pub fn take(&mut self, objects: Vec<ListedObject>) -> Vec<Entry> {
        let mut entries = Vec::new();
        for object in objects {
            self.take_one(object, &mut entries);
        }
        entries
    }

    /// The listing has ended; gives the last scene.
    pub fn finish(&mut self) -> Option<Entry> {
        let (_, scene) = self.open.take()?;
        self.behind = Some(scene.last.clone());
        Some(Entry::Scene(Box::new(scene)))
    }

    /// The key behind which a listing gives all that this inventory has not given.
    #[must_use]
    pub fn behind(&self) -> Option<&str> {
        self.behind.as_deref()
    }

    fn take_one(&mut self, object: ListedObject, entries: &mut Vec<Entry>) {
        let ListedObject { key, modified, file } = object;
        let parsed = parse(&key);
        if let Some((folder, scene)) = &mut self.open {
            if key.starts_with(folder.as_str()) {
                match parsed {
                    Some(Ok(parsed)) => scene.add(parsed, modified, file),
                    Some(Err(error)) => scene.strays.push(Stray { key: key.clone(), error }),
                    None => {}
                }
                scene.last = key;
                return;
            }
            entries.extend(self.finish());
        }
        match parsed {
            Some(Ok(parsed)) => {
                let mut scene = ListedScene::new(parsed.scene().clone());
                scene.add(parsed, modified, file);
                scene.last = key;
                self.open = Some((format!("{}/", scene.scene.folder()), scene));
            }
            Some(Err(error)) => {
                self.behind = Some(key.clone());
                entries.push(Entry::Stray(Stray { key, error }));
            }
            None => self.behind = Some(key),
        }
    }
}

/// What an object is by its key; none where it is neither XML nor a scene's quicklook.
fn parse(key: &str) -> Option<Result<SourceKey, SceneError>> {
    if key.ends_with(".xml") {
        return Some(SourceKey::parse(key));
    }
    let is_picture = key.ends_with(".jpg") || key.ends_with(".png");
    is_picture.then(|| SourceKey::parse(key).ok()).flatten().map(Ok)
}
