//! What names tell: the order of keys, the scene, the place in the public bucket.

use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::path::Path;

use chrono::Datelike as _;

use crate::missions::{self, Quicklook, SATELLITES};
use crate::scene::{MetadataName, SceneId};

/// The part of a file's name that all files of one scene share.
pub(super) fn scene_part(file: &str) -> &str {
    let scene = file.split_once("_BAND").map_or(file, |(scene, _)| scene);
    scene.strip_suffix("_LEFT").or_else(|| scene.strip_suffix("_RIGHT")).unwrap_or(scene)
}

/// A number that orders files as the keys of their items: by satellite, camera, path, row and date. Files whose names
/// are none of scenes come last.
pub(super) fn order(file: &str) -> u64 {
    let Ok(name) = MetadataName::parse(file) else { return u64::MAX };
    let SceneId { satellite, camera, date, path, row, .. } = name.scene;
    let at = |position: Option<usize>| position.unwrap_or(0) as u64;
    let satellite_at = at(SATELLITES.iter().position(|known| std::ptr::eq(known, satellite)));
    let camera_at = at(satellite.cameras.iter().position(|known| std::ptr::eq(known, camera)));
    let day = (date.num_days_from_ce().max(0) as u64).min((1 << 22) - 1);
    satellite_at << 56 | camera_at << 48 | u64::from(path) << 36 | u64::from(row) << 24 | day
}

/// Whether a path below the source has the shape of the public bucket's keys: as many folders, a satellite's first.
pub(super) fn is_laid_out(below: &str) -> bool {
    let mut folders = below.split('/');
    folders.next().is_some_and(|first| missions::satellite_of_folder(first).is_some()) && folders.count() == 5
}

/// Whether a folder is called like a scene, but not like this one.
pub(super) fn names_another_scene(folder: &Path, scene: &SceneId) -> bool {
    let name = folder.file_name().and_then(|name| name.to_str());
    name.and_then(|name| SceneId::parse(name).ok()).is_some_and(|other| other != *scene)
}

/// The key of the scene's quicklook in the folder; the camera's own kind before the other one.
pub(super) fn quicklook(folder: &Path, scene: &SceneId) -> Option<String> {
    let own = scene.camera.quicklook;
    let other = if own == Quicklook::Jpeg { Quicklook::Png } else { Quicklook::Jpeg };
    [own, other].into_iter().find_map(|kind| {
        let file = format!("{}.{}", scene.without_level(), kind.extension());
        folder.join(&file).is_file().then(|| format!("{}/{file}", scene.folder()))
    })
}

pub(super) fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// A number for a value, the same in this process.
pub(super) fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
