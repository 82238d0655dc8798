//! What is in a catalog, as far as a picture shows it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use chrono::Datelike as _;
use lazycat::scene::SceneId;
use serde_json::Value;

/// The cameras of a catalog, by the ids of their collections.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Census {
    pub(super) cameras: BTreeMap<String, Camera>,
}

/// What there is of one camera.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Camera {
    /// Scenes acquired in each month.
    pub(super) months: BTreeMap<Month, u64>,
    /// Its paths and rows.
    pub(super) rows: BTreeMap<(u16, u16), Row>,
}

/// What there is of one row.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Row {
    pub(super) scenes: u64,
    /// The outer rings of one of its scenes, longitudes and latitudes in degrees; the others are much the same.
    pub(super) footprint: Vec<Vec<(f64, f64)>>,
}

/// A month, as the number of months since year 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Month(pub(super) i32);

impl Month {
    /// `2017-06`.
    pub(super) fn name(self) -> String {
        format!("{:04}-{:02}", self.0.div_euclid(12), self.0.rem_euclid(12) + 1)
    }
}

impl Camera {
    pub(super) fn scenes(&self) -> u64 {
        self.months.values().sum()
    }
}

impl Census {
    /// Looks through the directory of a catalog. What is no item, where items stand, is not counted.
    ///
    /// # Errors
    ///
    /// When a folder or an item cannot be read; it says which.
    pub(super) fn take(catalog: &Path) -> Result<Self, String> {
        let mut census = Self::default();
        census.folder(catalog, &mut Vec::new())?;
        Ok(census)
    }

    pub(super) fn scenes(&self) -> u64 {
        self.cameras.values().map(Camera::scenes).sum()
    }

    pub(super) fn rows(&self) -> u64 {
        self.cameras.values().map(|camera| camera.rows.len() as u64).sum()
    }

    /// A folder below the names `above`: satellite, camera, path and row.
    fn folder(&mut self, folder: &Path, above: &mut Vec<String>) -> Result<(), String> {
        let unread = |error| format!("{} cannot be read: {error}", folder.display());
        let mut names = Vec::new();
        for entry in fs::read_dir(folder).map_err(unread)? {
            names.extend(entry.map_err(unread)?.file_name().into_string());
        }
        // So that the same catalog is the same picture.
        names.sort_unstable();
        for name in names {
            if above.len() == 4 {
                self.file(folder, &name, &above.join("/"))?;
            } else if !name.starts_with('.') && folder.join(&name).is_dir() {
                let path = folder.join(&name);
                above.push(name);
                self.folder(&path, above)?;
                above.pop();
            }
        }
        Ok(())
    }

    fn file(&mut self, folder: &Path, name: &str, row_key: &str) -> Result<(), String> {
        let Some(scene) = name.strip_suffix(".json").and_then(|id| SceneId::parse(id).ok()) else { return Ok(()) };
        if scene.row_key() != row_key {
            return Ok(());
        }
        let camera = self.cameras.entry(scene.collection_id()).or_default();
        let month = Month(scene.date.year() * 12 + scene.date.month0() as i32);
        *camera.months.entry(month).or_default() += 1;
        let row = camera.rows.entry((scene.path, scene.row)).or_default();
        row.scenes += 1;
        if row.footprint.is_empty() {
            let item = folder.join(name);
            row.footprint = footprint(&item).map_err(|error| format!("{}: {error}", item.display()))?;
        }
        Ok(())
    }
}

/// The outer rings of an item's geometry.
fn footprint(item: &Path) -> Result<Vec<Vec<(f64, f64)>>, String> {
    let bytes = fs::read(item).map_err(|error| error.to_string())?;
    let item: Value = serde_json::from_slice(&bytes).map_err(|error| format!("not JSON: {error}"))?;
    let geometry = &item["geometry"];
    let polygons = match geometry["type"].as_str() {
        Some("Polygon") => std::slice::from_ref(&geometry["coordinates"]),
        Some("MultiPolygon") => geometry["coordinates"].as_array().map_or(&[] as &[Value], Vec::as_slice),
        found => return Err(format!("geometry: found {found:?}, expected a Polygon or a MultiPolygon")),
    };
    let ring = |polygon: &Value| -> Option<Vec<(f64, f64)>> {
        let corner = |position: &Value| Some((position[0].as_f64()?, position[1].as_f64()?));
        polygon[0].as_array()?.iter().map(corner).collect()
    };
    let rings: Option<Vec<_>> = polygons.iter().map(ring).collect();
    rings.filter(|rings| !rings.is_empty()).ok_or_else(|| "geometry: expected rings of positions".to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(super) mod tests {
    use super::*;

    const SQUARE: &str =
        r#"{"geometry": {"type": "Polygon", "coordinates": [[[1, 2], [3, 2], [3, 4], [1, 4], [1, 2]]]}}"#;

    /// A catalog of empty documents and items with a square each.
    pub(in crate::plot) fn catalog(items: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("catalog.json"), "{}").unwrap();
        for item in items {
            let file = folder.path().join(item);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, SQUARE).unwrap();
        }
        folder
    }

    #[test]
    fn scenes_are_counted_by_camera_month_and_row_and_nothing_else_is() {
        let folder = catalog(&[
            "CBERS4/MUX/057/121/CBERS_4_MUX_20170618_057_121_L2.json",
            "CBERS4/MUX/057/121/CBERS_4_MUX_20170714_057_121_L4.json",
            "CBERS4/MUX/057/121/catalog.json",
            "CBERS4/MUX/057/121/notes.json",
            "CBERS4/MUX/057/122/CBERS_4_MUX_20170618_057_121_L2.json",
            "AMAZONIA1/WFI/036/018/AMAZONIA_1_WFI_20210101_036_018_L4.json",
            ".lazycat/a/b/c/CBERS_4_MUX_20170618_057_121_L2.json",
        ]);
        let census = Census::take(folder.path()).unwrap();
        let mux = &census.cameras["CBERS4-MUX"];
        let months: Vec<(String, u64)> = mux.months.iter().map(|(month, scenes)| (month.name(), *scenes)).collect();
        assert_eq!(months, [("2017-06".to_owned(), 1), ("2017-07".to_owned(), 1)]);
        assert_eq!((mux.rows.len(), mux.rows[&(57, 121)].scenes), (1, 2));
        assert_eq!(mux.rows[&(57, 121)].footprint[0].len(), 5);
        assert_eq!((census.scenes(), census.rows()), (3, 2));
        assert_eq!(census.cameras["AMAZONIA1-WFI"].months.keys().next().unwrap().name(), "2021-01");
    }

    #[test]
    fn an_item_without_footprint_is_named_with_what_was_found() {
        let item = "CBERS4/MUX/057/121/CBERS_4_MUX_20170618_057_121_L2.json";
        for (content, told) in [
            ("{", "not JSON"),
            ("{}", "geometry: found None, expected a Polygon"),
            (r#"{"geometry": {"type": "Polygon", "coordinates": [[["west", 0]]]}}"#, "expected rings of positions"),
            (r#"{"geometry": {"type": "MultiPolygon", "coordinates": []}}"#, "expected rings of positions"),
        ] {
            let folder = catalog(&[item]);
            std::fs::write(folder.path().join(item), content).unwrap();
            let error = Census::take(folder.path()).unwrap_err();
            assert!(error.contains(item) && error.contains(told), "{error}");
        }
    }
}
