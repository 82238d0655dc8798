//! What is told about a file by its name alone: media type, freshness, and whether it is a document of the catalog.

use std::path::Path;

/// Media types by file extension, in lower case. JSON is not among them: its type follows from the folder and the whole
/// name, see [`Media`].
const TYPES: &[(&str, &str)] = &[
    ("tif", "image/tiff; application=geotiff; profile=cloud-optimized"),
    ("tiff", "image/tiff; application=geotiff; profile=cloud-optimized"),
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("jp2", "image/jp2"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
    ("svg", "image/svg+xml"),
    ("ico", "image/x-icon"),
    ("xml", "text/xml; charset=utf-8"),
    ("html", "text/html; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("map", "application/json"),
    ("md", "text/markdown; charset=utf-8"),
    ("txt", "text/plain; charset=utf-8"),
    ("csv", "text/csv; charset=utf-8"),
    ("ndjson", "application/x-ndjson"),
    ("geojson", "application/geo+json"),
    ("parquet", "application/vnd.apache.parquet"),
    ("pdf", "application/pdf"),
    ("zip", "application/zip"),
    ("gz", "application/gzip"),
    ("woff", "font/woff"),
    ("woff2", "font/woff2"),
];

/// A level changes whenever a scene arrives, so a copy of it is stale soon.
const LEVEL_FRESHNESS: &str = "public, max-age=10";

/// An item changes only when its scene is processed again.
const ITEM_FRESHNESS: &str = "public, max-age=300";

/// What a file's name says about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Media {
    /// The `Content-Type`.
    pub(crate) content_type: &'static str,
    /// The `Cache-Control`.
    pub(crate) cache_control: &'static str,
    /// Whether it is JSON: its entity tag is then always of its content.
    pub(crate) is_document: bool,
}

impl Media {
    /// Looks the name of a catalog's file up: `catalog.json` and `collection.json` are levels, any other JSON is an item.
    pub(crate) fn of_catalog(path: &Path) -> Self {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if matches!(name, "catalog.json" | "collection.json") {
            return Self { content_type: "application/json", cache_control: LEVEL_FRESHNESS, is_document: true };
        }
        Self::of_file(path, "application/geo+json", ITEM_FRESHNESS)
    }

    /// Looks the name of a page's file up: JSON is only JSON there, and a copy of anything is stale soon, since names
    /// stay when a page is built again.
    pub(crate) fn of_page(path: &Path) -> Self {
        Self::of_file(path, "application/json", LEVEL_FRESHNESS)
    }

    fn of_file(path: &Path, json: &'static str, cache_control: &'static str) -> Self {
        let extension =
            path.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_ascii_lowercase();
        if extension == "json" {
            return Self { content_type: json, cache_control, is_document: true };
        }
        let known = TYPES.iter().find(|(known, _)| *known == extension);
        let content_type = known.map_or("application/octet-stream", |(_, media)| media);
        Self { content_type, cache_control, is_document: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content_type(path: &str) -> &'static str {
        Media::of_catalog(Path::new(path)).content_type
    }

    #[test]
    fn levels_are_json_and_items_are_geojson() {
        assert_eq!(content_type("catalog.json"), "application/json");
        assert_eq!(content_type("CBERS4/MUX/collection.json"), "application/json");
        assert_eq!(content_type("CBERS4/MUX/057/121/CBERS_4_MUX_20170618_057_121_L2.json"), "application/geo+json");
    }

    #[test]
    fn an_extension_is_looked_up_in_any_case() {
        assert_eq!(content_type("a/B.TIF"), "image/tiff; application=geotiff; profile=cloud-optimized");
        assert_eq!(content_type("a/b.xml"), "text/xml; charset=utf-8");
    }

    #[test]
    fn an_unknown_extension_is_bytes() {
        assert_eq!(content_type("a/b.bin"), "application/octet-stream");
        assert_eq!(content_type("a/b"), "application/octet-stream");
    }

    #[test]
    fn a_level_is_stale_sooner_than_an_item() {
        assert_eq!(Media::of_catalog(Path::new("catalog.json")).cache_control, "public, max-age=10");
        assert_eq!(Media::of_catalog(Path::new("a.json")).cache_control, "public, max-age=300");
    }

    #[test]
    fn json_of_a_page_is_only_json() {
        assert_eq!(Media::of_page(Path::new("locales/en.json")).content_type, "application/json");
        assert_eq!(Media::of_page(Path::new("js/app.js")).content_type, "text/javascript; charset=utf-8");
    }
}
