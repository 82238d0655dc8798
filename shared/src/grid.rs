//! Grids: which folders a catalog has, and what they are called.
//!
//! A [`Grid`] is a value: the tiers of folders below the root, which of them holds collections, and the words for
//! each. Titles and ids follow from a level's key alone, because a rebuild reads nothing but a listing.

use crate::level::{Level, LevelError};
use crate::missions::{self, Camera, Satellite};
use crate::scene::SceneId;

/// The document of a level that is a catalog.
pub const CATALOG: &str = "catalog.json";
/// The document of a level that is a collection.
pub const COLLECTION: &str = "collection.json";

/// One tier of folders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// What a folder of this tier stands for, as in a template: `satellite`.
    pub name: &'static str,
    /// The document that describes such a folder: [`CATALOG`] or [`COLLECTION`].
    pub document: &'static str,
}

/// The folders of a catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grid {
    tiers: &'static [Tier],
}

/// `{satellite}/{camera}/{path}/{row}`: the scenes of INPE's satellites.
pub static INPE: Grid = Grid {
    tiers: &[
        Tier { name: "satellite", document: CATALOG },
        Tier { name: "camera", document: COLLECTION },
        Tier { name: "path", document: CATALOG },
        Tier { name: "row", document: CATALOG },
    ],
};

impl Grid {
    /// How deep the levels are that hold items.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.tiers.len()
    }

    /// Whether a level holds items, and not other levels.
    #[must_use]
    pub fn holds_items(&self, level: &Level) -> bool {
        level.depth() == self.depth()
    }

    /// The name of a level's document.
    #[must_use]
    pub fn document(&self, level: &Level) -> &'static str {
        match level.depth() {
            0 => CATALOG,
            depth => self.tiers.get(depth - 1).map_or(CATALOG, |tier| tier.document),
        }
    }

    /// The key of a level's document.
    #[must_use]
    pub fn document_key(&self, level: &Level) -> String {
        level.object_key(self.document(level))
    }

    /// The level that is the collection of `level`: the level itself or one above it, none above the collections.
    #[must_use]
    pub fn collection_of(&self, level: &Level) -> Option<Level> {
        let mut at = level.clone();
        loop {
            if self.document(&at) == COLLECTION {
                return Some(at);
            }
            at = at.parent()?;
        }
    }

    /// What a level of this grid stands for.
    ///
    /// # Errors
    ///
    /// When the level is none of this grid: too deep, or of an unknown satellite or camera, or its path or row is no
    /// three-digit number.
    pub fn place(&self, level: &Level) -> Result<Place, LevelError> {
        let refused = |reason| LevelError { key: level.key().to_owned(), reason };
        let mut segments = level.segments();
        let Some(folder) = segments.next() else { return Ok(Place::Root) };
        let satellite = missions::satellite_of_folder(folder).ok_or_else(|| refused("the satellite is unknown"))?;
        let Some(camera) = segments.next() else { return Ok(Place::Satellite(satellite)) };
        let camera = satellite.camera(camera).ok_or_else(|| refused("the satellite has no such camera"))?;
        let Some(path) = segments.next() else { return Ok(Place::Camera(satellite, camera)) };
        let path = three_digits(path).ok_or_else(|| refused("the path is no number of three digits"))?;
        let Some(row) = segments.next() else { return Ok(Place::Path(satellite, camera, path)) };
        let row = three_digits(row).ok_or_else(|| refused("the row is no number of three digits"))?;
        if segments.next().is_some() {
            return Err(refused("it is deeper than a row"));
        }
        Ok(Place::Row(satellite, camera, path, row))
    }

    /// The title of the item whose id is `id`: with its date for an INPE scene, else the id.
    #[must_use]
    pub fn item_title(&self, id: &str) -> String {
        SceneId::parse(id).map_or_else(|_| id.to_owned(), |scene| scene_title(&scene))
    }
}

/// What a level stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Place {
    /// All satellites.
    Root,
    /// A satellite.
    Satellite(&'static Satellite),
    /// A camera: a collection.
    Camera(&'static Satellite, &'static Camera),
    /// A path of a camera.
    Path(&'static Satellite, &'static Camera, u16),
    /// A row of a path.
    Row(&'static Satellite, &'static Camera, u16, u16),
}

impl Place {
    /// For people, one line: `CBERS-4 MUX 057/121`.
    #[must_use]
    pub fn title(&self) -> String {
        match self {
            Self::Root => "CBERS/AMAZONIA on AWS".to_owned(),
            Self::Satellite(satellite) => satellite.title.to_owned(),
            Self::Camera(satellite, camera) => format!("{} {}", satellite.title, camera.name),
            Self::Path(satellite, camera, path) => format!("{} {} path {path:03}", satellite.title, camera.name),
            Self::Row(satellite, camera, path, row) => {
                format!("{} {} {path:03}/{row:03}", satellite.title, camera.name)
            }
        }
    }

    /// The id of the level's document: no slash, no colon, no white space.
    #[must_use]
    pub fn id(&self) -> String {
        match self {
            Self::Root => "cbers-amazonia-on-aws".to_owned(),
            Self::Satellite(satellite) => satellite.folder.to_owned(),
            Self::Camera(satellite, camera) => satellite.collection_id(camera),
            Self::Path(satellite, camera, path) => format!("{}-{path:03}", satellite.collection_id(camera)),
            Self::Row(satellite, camera, path, row) => {
                format!("{}-{path:03}-{row:03}", satellite.collection_id(camera))
            }
        }
    }

    /// For people, some sentences of CommonMark.
    #[must_use]
    pub fn description(&self) -> String {
        match self {
            Self::Root => "Scenes of the satellites CBERS-4, CBERS-4A and Amazonia-1 of Brazil's National Institute \
                           for Space Research (INPE), as Cloud Optimized GeoTIFF on AWS. Satellites hold cameras, \
                           cameras hold the paths and rows of their satellite's grid, rows hold scenes."
                .to_owned(),
            Self::Satellite(satellite) => {
                format!("Scenes of the satellite {} ({}), by camera.", satellite.title, satellite.designator)
            }
            Self::Camera(satellite, camera) => format!(
                "Scenes of the camera {} ({}) of the satellite {}. {}",
                camera.name, camera.title, satellite.title, camera.description
            ),
            Self::Path(satellite, camera, path) => {
                format!("Scenes of {} {} on path {path:03}, by row.", satellite.title, camera.name)
            }
            Self::Row(satellite, camera, path, row) => {
                format!("Scenes of {} {} on path {path:03}, row {row:03}, by date.", satellite.title, camera.name)
            }
        }
    }
}

/// The title of a scene's item: `CBERS-4 MUX 057/121 2017-06-18 L2`.
#[must_use]
pub fn scene_title(scene: &SceneId) -> String {
    format!(
        "{} {} {:03}/{:03} {} L{}",
        scene.satellite.title, scene.camera.name, scene.path, scene.row, scene.date, scene.level
    )
}

fn three_digits(text: &str) -> Option<u16> {
    if text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn each_tier_has_its_document_title_and_id() {
        let rows = [
            ("", "catalog.json", "CBERS/AMAZONIA on AWS", "cbers-amazonia-on-aws"),
            ("CBERS4", "CBERS4/catalog.json", "CBERS-4", "CBERS4"),
            ("CBERS4/MUX", "CBERS4/MUX/collection.json", "CBERS-4 MUX", "CBERS4-MUX"),
            ("CBERS4/MUX/057", "CBERS4/MUX/057/catalog.json", "CBERS-4 MUX path 057", "CBERS4-MUX-057"),
            ("CBERS4/MUX/057/121", "CBERS4/MUX/057/121/catalog.json", "CBERS-4 MUX 057/121", "CBERS4-MUX-057-121"),
        ];
        for (key, document, title, id) in rows {
            let level = Level::parse(key).unwrap();
            assert_eq!(INPE.document_key(&level), document);
            let place = INPE.place(&level).unwrap();
            assert_eq!((place.title(), place.id()), (title.to_owned(), id.to_owned()));
        }
        let row = Level::parse("CBERS4/MUX/057/121").unwrap();
        assert_eq!(INPE.collection_of(&row).unwrap().key(), "CBERS4/MUX");
        assert_eq!(INPE.collection_of(&Level::parse("CBERS4").unwrap()), None);
    }

    #[test]
    fn levels_of_no_satellite_are_none_of_the_grid() {
        for key in ["LANDSAT8", "CBERS4/HRC", "CBERS4/MUX/57", "CBERS4/MUX/057/12a", "CBERS4/MUX/057/121/x"] {
            assert!(INPE.place(&Level::parse(key).unwrap()).is_err(), "{key}");
        }
    }

    #[test]
    fn an_item_title_carries_the_date_and_a_foreign_item_its_id() {
        assert_eq!(INPE.item_title("CBERS_4_MUX_20170618_057_121_L2"), "CBERS-4 MUX 057/121 2017-06-18 L2");
        assert_eq!(INPE.item_title("S2A_tile"), "S2A_tile");
    }
}
