//! A small catalog that a test can damage, and the command run on it.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const COLLECTION: &str = "CBERS4/MUX/collection.json";
pub(crate) const ROW: &str = "CBERS4/MUX/057/catalog.json";
pub(crate) const ITEM: &str = "CBERS4/MUX/057/a.json";

/// A catalog directory: root, satellite, camera (a collection), row, and two items.
pub(crate) struct Catalog {
    directory: TempDir,
}

/// What `lazycat validate` did.
pub(crate) struct Findings {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Catalog {
    /// A valid one.
    pub(crate) fn new() -> Self {
        let catalog = Self { directory: TempDir::new().unwrap() };
        let level = |kind: &str, id: &str, title: &str, links: &[(&str, &str, &str)]| {
            let links: Vec<Value> = links.iter().map(|(rel, href, title)| link(rel, href, title)).collect();
            json!({"type": kind, "stac_version": "1.1.0", "id": id, "title": title, "description": "a level",
                "links": links,
                "lazycat:revision": 7})
        };
        catalog.write(
            "catalog.json",
            &level(
                "Catalog",
                "root",
                "Root",
                &[("root", "./catalog.json", "Root"), ("child", "./CBERS4/catalog.json", "CBERS-4")],
            ),
        );
        catalog.write(
            "CBERS4/catalog.json",
            &level(
                "Catalog",
                "CBERS4",
                "CBERS-4",
                &[
                    ("root", "../catalog.json", "Root"),
                    ("parent", "../catalog.json", "Root"),
                    ("child", "./MUX/collection.json", "MUX"),
                ],
            ),
        );
        let mut collection = level(
            "Collection",
            "CBERS4-MUX",
            "MUX",
            &[
                ("root", "../../catalog.json", "Root"),
                ("parent", "../catalog.json", "CBERS-4"),
                ("child", "./057/catalog.json", "Row 057"),
            ],
        );
        collection["license"] = json!("CC-BY-SA-3.0");
        collection["extent"] = json!({"spatial": {"bbox": [[-180, -90, 180, 90]]},
            "temporal": {"interval": [["2014-12-07T00:00:00Z", null]]}});
        catalog.write(COLLECTION, &collection);
        catalog.write(
            ROW,
            &level(
                "Catalog",
                "CBERS4-MUX-057",
                "Row 057",
                &[
                    ("root", "../../../catalog.json", "Root"),
                    ("parent", "../collection.json", "MUX"),
                    ("item", "./a.json", "Scene a"),
                    ("item", "./b.json", "Scene b"),
                ],
            ),
        );
        for id in ["a", "b"] {
            catalog.write(&format!("CBERS4/MUX/057/{id}.json"), &item(id));
        }
        catalog
    }

    /// An empty directory.
    pub(crate) fn empty() -> Self {
        Self { directory: TempDir::new().unwrap() }
    }

    pub(crate) fn path(&self, document: &str) -> PathBuf {
        self.directory.path().join(document)
    }

    pub(crate) fn write(&self, document: &str, value: &Value) {
        self.write_text(document, &value.to_string());
    }

    pub(crate) fn write_text(&self, document: &str, text: &str) {
        let path = self.path(document);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn change(&self, document: &str, change: impl FnOnce(&mut Value)) {
        let mut value = serde_json::from_str(&fs::read_to_string(self.path(document)).unwrap()).unwrap();
        change(&mut value);
        self.write(document, &value);
    }

    pub(crate) fn validate(&self, arguments: &[&str]) -> Findings {
        validate(self.directory.path().to_str().unwrap(), arguments)
    }

    /// The lines of the faults, without the line of the sum.
    pub(crate) fn faults(&self) -> Vec<String> {
        let findings = self.validate(&[]);
        let mut lines: Vec<String> = findings.stdout.lines().map(str::to_owned).collect();
        lines.pop();
        assert_eq!(findings.code, Some(if lines.is_empty() { 0 } else { 4 }), "{}{}", findings.stdout, findings.stderr);
        lines
    }

    /// Asserts that there is one fault, that it is at `place`, and that its message has all `words`.
    pub(crate) fn assert_one_fault(&self, place: &str, words: &[&str]) {
        let faults = self.faults();
        assert_eq!(faults.len(), 1, "{faults:#?}");
        assert!(faults[0].starts_with(&format!("{place}: ")), "expected it at {place}: {}", faults[0]);
        for word in words {
            assert!(faults[0].contains(word), "expected {word:?} in {}", faults[0]);
        }
    }
}

pub(crate) fn validate(directory: &str, arguments: &[&str]) -> Findings {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lazycat"));
    let output = command.arg("validate").arg(directory).args(arguments).stdin(Stdio::null()).output().unwrap();
    Findings {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A link with the type that its relation has.
pub(crate) fn link(rel: &str, href: &str, title: &str) -> Value {
    let media_type = if rel == "item" { "application/geo+json" } else { "application/json" };
    json!({"rel": rel, "href": href, "type": media_type, "title": title})
}

/// An item of the row.
pub(crate) fn item(id: &str) -> Value {
    json!({
        "type": "Feature", "stac_version": "1.1.0", "id": id, "collection": "CBERS4-MUX",
        "stac_extensions": ["https://extension.invalid/never-fetched/schema.json"],
        "geometry": {"type": "Polygon", "coordinates": [[[-50, -20], [-49, -20], [-49, -19], [-50, -19], [-50, -20]]]},
        "bbox": [-50, -20, -49, -19],
        "properties": {"datetime": "2017-06-18T13:30:00Z", "title": format!("Scene {id}")},
        "assets": {},
        "links": [
            link("root", "../../../catalog.json", "Root"), link("parent", "./catalog.json", "Row 057"),
            link("collection", "../collection.json", "MUX"),
        ]
    })
}
