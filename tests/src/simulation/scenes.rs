//! The scenes of a simulation: what their metadata says, and which item each version of it makes.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use lazycat::grid::INPE;
use lazycat::level::Level;
use lazycat::message::SceneRecord;
use lazycat::ports::SourceObject;
use lazycat::scene::SourceKey;
use lazycat::stac::{Buckets, item};
use lazycat_fixtures::{Date, SceneSpec, Size};

/// How many versions of its metadata a scene has.
pub const VERSIONS: usize = 3;

/// A scene, by its number.
pub type SceneNumber = usize;

/// A version of a scene's metadata, by its number.
pub type Version = usize;

/// One scene.
#[derive(Debug)]
pub struct Scene {
    /// The bucket of its metadata.
    pub bucket: &'static str,
    /// The key of its metadata.
    pub source_key: String,
    /// The key of its quicklook.
    quicklook_key: String,
    /// The key of its item.
    pub item_key: String,
    /// Its row.
    pub row: Level,
    /// For each version the metadata, and the item that it makes.
    pub versions: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Scene {
    /// Whether this is a key of the scene, of its metadata or its quicklook.
    #[must_use]
    pub fn is_named_by(&self, key: &str) -> bool {
        key == self.source_key || key == self.quicklook_key
    }

    /// Whether a message is about the scene.
    #[must_use]
    pub fn is_named_in(&self, body: &str) -> bool {
        let records = SceneRecord::decode(body).unwrap_or_default();
        records.iter().any(|record| self.is_named_by(&record.source.key))
    }

    /// The event that names the scene's metadata, or its quicklook.
    #[must_use]
    pub fn record(&self, of_quicklook: bool) -> SceneRecord {
        let key = if of_quicklook { &self.quicklook_key } else { &self.source_key };
        SceneRecord {
            source: SourceObject { bucket: self.bucket.to_owned(), key: key.clone(), file: None },
            removed: false,
            reprocess: false,
            force: false,
            quicklook: None,
            message_id: None,
            time: None,
        }
    }
}

/// All scenes that a simulation may have. The first three share a row, the next shares their path, the next their
/// camera, the next their satellite; the last shares nothing but the root.
#[must_use]
pub fn all() -> &'static [Scene] {
    static SCENES: OnceLock<Vec<Scene>> = OnceLock::new();
    SCENES.get_or_init(|| {
        let day = |day| Date::new(2017, 6, day);
        [
            SceneSpec::cbers4_mux(57, 121, day(18)),
            SceneSpec::cbers4_mux(57, 121, day(19)),
            SceneSpec::cbers4_mux(57, 121, day(20)),
            SceneSpec::cbers4_mux(57, 122, day(18)),
            SceneSpec::cbers4_mux(58, 121, day(18)),
            SceneSpec::cbers4_pan5m(57, 121, day(18)),
            SceneSpec::cbers4a_mux(57, 121, day(18)),
        ]
        .into_iter()
        .map(|spec| of(&spec.with_size(Size::Compact)))
        .collect()
    })
}

/// The scene of an item's key.
#[must_use]
pub fn of_item(key: &str) -> Option<&'static Scene> {
    static KEYS: OnceLock<BTreeMap<&'static str, SceneNumber>> = OnceLock::new();
    let keys = KEYS.get_or_init(|| all().iter().enumerate().map(|(at, scene)| (scene.item_key.as_str(), at)).collect());
    keys.get(key).map(|at| &all()[*at])
}

/// The pure function alone says what the item of a version is.
#[allow(clippy::expect_used)]
fn of(spec: &SceneSpec) -> Scene {
    let key = spec.source_key();
    let Ok(SourceKey::Metadata(name)) = SourceKey::parse(&key) else {
        unreachable!("{key} is the key of metadata");
    };
    let buckets = Buckets::default();
    let pair = buckets.pair(spec.bucket()).expect("a bucket of the archive");
    let make = |version: usize| {
        let mut spec = spec.clone();
        spec.roll = 0.5 + version as f64;
        let xml = spec.xml().into_bytes();
        let made = item::generate(&INPE, &xml, &name, pair, None).expect("fixtures make items");
        (xml, made)
    };
    let made: Vec<_> = (0..VERSIONS).map(make).collect();
    Scene {
        bucket: spec.bucket(),
        quicklook_key: spec.quicklook_key(),
        item_key: made[0].1.key.clone(),
        row: made[0].1.level.clone(),
        versions: made.into_iter().map(|(xml, made)| (xml, made.item.bytes().to_vec())).collect(),
        source_key: key,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_of_a_scene_is_another_item() {
        for scene in all() {
            assert_eq!(scene.versions.len(), VERSIONS);
            for one in 1..VERSIONS {
                assert_ne!(scene.versions[0].1, scene.versions[one].1, "{}", scene.item_key);
            }
            assert!(of_item(&scene.item_key).is_some());
        }
    }
}
