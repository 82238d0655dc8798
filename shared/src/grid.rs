//! Grids: which folders a catalog has, and what they are called.
//!
//! A [`Grid`] is a value: the tiers of folders below the root, which of them holds collections, and the words for
//! each. Titles and ids follow from a level's key alone, because a rebuild reads nothing but a listing.
//!
//! It has two branches. Below the folder of one of INPE's satellites stand its cameras, paths and rows; below any other,
//! where the grid has a [`Layout`], what that files.

use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use crate::layout::{Layout, segment};
use crate::level::{Level, LevelError};
use crate::missions::{self, Camera, Satellite};
use crate::scene::SceneId;
use crate::stac::catalog::ITEM_ENDING;

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

/// The folders of a catalog. Clones are cheap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grid {
    tiers: &'static [Tier],
    /// Where all stands that is none of INPE's.
    filed: Option<Filed>,
}

/// The branch of what is filed under a layout.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Filed {
    layout: Layout,
    /// The title of the root.
    title: Arc<str>,
}

/// The title of a catalog with a layout that was given none.
pub const DEFAULT_TITLE: &str = "STAC catalog";

/// What parts the segments of a level in its document's id.
const BETWEEN: &str = "-";

/// `{satellite}/{camera}/{path}/{row}`: the scenes of INPE's satellites.
pub static INPE: Grid = Grid {
    tiers: &[
        Tier { name: "satellite", document: CATALOG },
        Tier { name: "camera", document: COLLECTION },
        Tier { name: "path", document: CATALOG },
        Tier { name: "row", document: CATALOG },
    ],
    filed: None,
};

impl Grid {
    /// INPE's grid, and beside its satellites what `layout` files. The root is called `title`, where one is given.
    #[must_use]
    pub fn with_layout(layout: Layout, title: Option<&str>) -> Self {
        let title = title.unwrap_or(DEFAULT_TITLE).into();
        Self { filed: Some(Filed { layout, title }), ..INPE.clone() }
    }

    /// The layout of what is none of INPE's.
    #[must_use]
    pub fn layout(&self) -> Option<&Layout> {
        self.filed.as_ref().map(|filed| &filed.layout)
    }

    /// The branch that a level belongs to: that of the layout, or none for INPE's.
    fn branch(&self, level: &Level) -> Option<&Filed> {
        let first = level.segments().next();
        let is_inpe = first.is_some_and(|folder| missions::satellite_of_folder(folder).is_some());
        self.filed.as_ref().filter(|_| !is_inpe)
    }

    /// Whether a level stands in the branch of the layout. The root belongs to both branches.
    #[must_use]
    pub fn is_filed(&self, level: &Level) -> bool {
        !level.is_root() && self.branch(level).is_some()
    }

    /// Whether a level holds items, and not other levels.
    #[must_use]
    pub fn holds_items(&self, level: &Level) -> bool {
        let depth = self.branch(level).map_or(self.tiers.len(), |filed| filed.layout.depth());
        level.depth() == depth
    }

    /// Whether below a level there are others that hold levels, and not items.
    #[must_use]
    pub fn has_parents_below(&self, level: &Level) -> bool {
        let depth = match self.branch(level) {
            Some(filed) if level.is_root() => self.tiers.len().max(filed.layout.depth()),
            Some(filed) => filed.layout.depth(),
            None => self.tiers.len(),
        };
        level.depth() + 1 < depth
    }

    /// The name of a level's document.
    #[must_use]
    pub fn document(&self, level: &Level) -> &'static str {
        match (level.depth(), self.branch(level)) {
            (0, _) => CATALOG,
            (depth, Some(filed)) if filed.layout.collection_depth() == Some(depth) => COLLECTION,
            (_, Some(_)) => CATALOG,
            (depth, None) => self.tiers.get(depth - 1).map_or(CATALOG, |tier| tier.document),
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
    /// three-digit number; in the branch of a layout, when it is none that the layout gives.
    pub fn place(&self, level: &Level) -> Result<Place, LevelError> {
        if let Some(filed) = self.branch(level) {
            filed.layout.check(level)?;
            return Ok(Place::Filed(Box::new(filed.heading(level))));
        }
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

    /// The title of the item in `level` whose file is called `file`: with its date for an INPE scene, else its id.
    #[must_use]
    pub fn item_title(&self, level: &Level, file: &str) -> String {
        if self.branch(level).is_some() {
            return segment::id_of(file).into_owned();
        }
        let id = file.strip_suffix(ITEM_ENDING).unwrap_or(file);
        SceneId::parse(id).map_or_else(|_| id.to_owned(), |scene| scene_title(&scene))
    }
}

impl Filed {
    fn heading(&self, level: &Level) -> Heading {
        let template = self.layout.template();
        if level.is_root() {
            return Heading {
                id: "catalog".to_owned(),
                title: self.title.to_string(),
                description: format!("Items of STAC, filed under `{template}`."),
            };
        }
        let values: Vec<_> = level.segments().map(segment::decode).collect();
        let depth = level.depth();
        match self.layout.collection_depth() {
            Some(at) if at == depth => {
                let id = values.last().map(ToString::to_string).unwrap_or_default();
                Heading { title: id.clone(), description: "Items of one collection.".to_owned(), id }
            }
            _ => Heading {
                id: id_of_filed(level),
                title: values.join(" "),
                description: "Items of STAC, or levels that hold some.".to_owned(),
            },
        }
    }
}

/// The id of a level of a layout that is no collection: letters, digits, `_`, `.` and `-`. Where its segments hold anything
/// else, or what parts them, a hash of the key tells it from others.
fn id_of_filed(level: &Level) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.';
    let joined = level.segments().collect::<Vec<_>>().join(BETWEEN);
    if level.segments().all(|segment| segment.bytes().all(is_plain)) {
        return joined;
    }
    let shown = joined.replace(|character: char| !character.is_ascii_alphanumeric() && !"_.-".contains(character), "_");
    format!("{shown}{BETWEEN}{:08x}", xxh3_64(level.key().as_bytes()) >> 32)
}

/// What the document of a level says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    /// The id, as [`Place::id`].
    pub id: String,
    /// The title, as [`Place::title`].
    pub title: String,
    /// The description, as [`Place::description`].
    pub description: String,
}

/// What a level stands for.
#[derive(Debug, Clone, PartialEq)]
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
    /// A level of a layout, or the root of a catalog that has one.
    Filed(Box<Heading>),
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
            Self::Filed(heading) => heading.title.clone(),
        }
    }

    /// The id of the level's document: no slash, no colon, no white space, but in the id of a collection that was not
    /// made here.
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
            Self::Filed(heading) => heading.id.clone(),
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
            Self::Filed(heading) => heading.description.clone(),
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
        let row = Level::parse("CBERS4/MUX/057/121").unwrap();
        let title = |file| INPE.item_title(&row, file);
        assert_eq!(title("CBERS_4_MUX_20170618_057_121_L2.json"), "CBERS-4 MUX 057/121 2017-06-18 L2");
        assert_eq!(title("S2A_tile.json"), "S2A_tile");
    }

    fn filed(template: &str, title: Option<&str>) -> Grid {
        Grid::with_layout(Layout::parse(template).unwrap(), title)
    }

    #[test]
    fn the_levels_of_a_layout_have_documents_titles_and_ids_beside_those_of_inpe() {
        let grid = filed("{collection}/{year}/{properties.tile}", Some("My catalog"));
        for (key, document, title, id) in [
            ("", "catalog.json", "My catalog", "catalog"),
            ("sentinel%202", "sentinel%202/collection.json", "sentinel 2", "sentinel 2"),
            ("sentinel%202/2024", "sentinel%202/2024/catalog.json", "sentinel 2 2024", "sentinel_202-2024-HASH"),
            ("s/2024/32TQM", "s/2024/32TQM/catalog.json", "s 2024 32TQM", "s-2024-32TQM"),
            ("CBERS4", "CBERS4/catalog.json", "CBERS-4", "CBERS4"),
            ("CBERS4/MUX", "CBERS4/MUX/collection.json", "CBERS-4 MUX", "CBERS4-MUX"),
        ] {
            let level = Level::parse(key).unwrap();
            assert_eq!(grid.document_key(&level), document);
            let place = grid.place(&level).unwrap();
            let hash = format!("{:08x}", xxh3_64(key.as_bytes()) >> 32);
            assert_eq!((place.title(), place.id()), (title.to_owned(), id.replace("HASH", &hash)));
        }
        let level = |key| Level::parse(key).unwrap();
        assert!(grid.holds_items(&level("s/2024/32TQM")) && !grid.holds_items(&level("s/2024")));
        assert!(grid.holds_items(&level("CBERS4/MUX/057/121")) && !grid.holds_items(&level("CBERS4/MUX/057")));
        assert!(grid.is_filed(&level("s")) && !grid.is_filed(&level("")) && !grid.is_filed(&level("CBERS4")));
        assert_eq!(grid.collection_of(&level("s/2024/32TQM")), Some(level("s")));
        assert_eq!(grid.item_title(&level("s/2024/32TQM"), "a%2Fb.json"), "a/b");
        assert_eq!(
            grid.item_title(&level("CBERS4/MUX/057/121"), "CBERS_4_MUX_20170618_057_121_L2.json"),
            "CBERS-4 MUX 057/121 2017-06-18 L2"
        );
        for key in ["s/24", "a b", "s/2024/32TQM/x", "CBERS4/HRC"] {
            assert!(grid.place(&level(key)).is_err(), "{key}");
        }
    }

    #[test]
    fn a_layout_without_collections_has_catalogs_alone() {
        let grid = filed("{year}/{month}", None);
        let level = Level::parse("2024/05").unwrap();
        assert_eq!(grid.document_key(&level), "2024/05/catalog.json");
        assert_eq!(grid.collection_of(&level), None);
        assert_eq!(grid.place(&Level::root()).unwrap().title(), DEFAULT_TITLE);
    }
}
