//! Schemas of extensions, from a folder: the one place here that looks at a disk.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::has_scheme;

/// The longest schema that is read, in bytes: the longest of those published is a tenth of it.
const LONGEST: u64 = 4 * 1024 * 1024;

/// The most schemas that a folder may hold, and the most files and folders that are looked at to find them.
const MOST: usize = 10_000;

/// Reads all schemas of a folder and of those in it, by the addresses that documents name them by.
///
/// A schema that lies where its address says has that address:
/// `stac-extensions.github.io/eo/v1.1.0/schema.json` is `https://stac-extensions.github.io/eo/v1.1.0/schema.json`. One
/// has the address of its `$id` as well, unless another one lies at that place. A file without either is no schema and
/// is passed over.
///
/// # Errors
///
/// What cannot be read, or is no JSON.
pub fn read(folder: &Path) -> Result<BTreeMap<String, Value>, String> {
    let (mut placed, mut named) = (BTreeMap::new(), BTreeMap::new());
    let mut waiting = vec![(folder.to_owned(), String::new())];
    let mut seen = 0;
    while let Some((path, below)) = waiting.pop() {
        let failed = |error: std::io::Error| format!("{} cannot be read: {error}", path.display());
        let mut entries: Vec<_> = fs::read_dir(&path).map_err(failed)?.collect::<Result<_, _>>().map_err(failed)?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            seen += 1;
            if seen > MOST {
                return Err(format!("{} holds more than {MOST} files, expected a folder of schemas", folder.display()));
            }
            // A name that is no text is no part of an address.
            let Ok(name) = entry.file_name().into_string() else { continue };
            let path = entry.path();
            let below = if below.is_empty() { name } else { format!("{below}/{name}") };
            // Links are followed to files, and not to folders: those could lead around in a circle.
            let kind = entry.file_type().map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
            if kind.is_dir() {
                waiting.push((path, below));
            } else if path.extension().is_some_and(|extension| extension == "json") && path.is_file() {
                let schema = schema(&path)?;
                if let Some(id) = schema.get("$id").and_then(Value::as_str).filter(|id| has_scheme(id)) {
                    named.entry(id.trim_end_matches('#').to_owned()).or_insert_with(|| schema.clone());
                }
                if below.split_once('/').is_some_and(|(host, _)| host.contains('.')) && schema.is_object() {
                    placed.insert(format!("https://{below}"), schema);
                }
            }
        }
    }
    named.append(&mut placed);
    Ok(named)
}

fn schema(path: &Path) -> Result<Value, String> {
    let told = |what: String| format!("{} {what}", path.display());
    let length = fs::metadata(path).map_err(|error| told(format!("cannot be read: {error}")))?.len();
    if length > LONGEST {
        return Err(told(format!("has {length} bytes, expected a schema of at most {LONGEST}")));
    }
    let bytes = fs::read(path).map_err(|error| told(format!("cannot be read: {error}")))?;
    serde_json::from_slice(&bytes).map_err(|error| told(format!("is no JSON: {error}")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    #[test]
    fn a_schema_has_the_address_of_its_place_and_that_of_its_id() {
        let folder = folder(&[
            (
                "a.example/trees/v1/schema.json",
                r#"{"$id": "https://a.example/trees/v2/schema.json#", "title": "placed"}"#,
            ),
            ("a.example/trees/v2/schema.json", r#"{"$id": "https://a.example/trees/v2/schema.json", "title": "own"}"#),
            ("flat.json", r#"{"$id": "https://b.example/schema.json#"}"#),
            ("index.json", r#"{"schemas": []}"#),
            ("a.example/README.md", "no schema"),
        ]);
        let schemas = read(folder.path()).unwrap();
        let addresses: Vec<&str> = schemas.keys().map(String::as_str).collect();
        assert_eq!(
            addresses,
            [
                "https://a.example/trees/v1/schema.json",
                "https://a.example/trees/v2/schema.json",
                "https://b.example/schema.json"
            ]
        );
        assert_eq!(schemas["https://a.example/trees/v2/schema.json"]["title"], "own");
    }

    #[test]
    fn a_file_that_is_no_json_is_named() {
        let folder = folder(&[("a.example/schema.json", "{")]);
        let error = read(folder.path()).unwrap_err();
        assert!(error.contains("schema.json is no JSON"), "{error}");
        assert!(read(&folder.path().join("absent")).unwrap_err().contains("absent cannot be read"));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_a_circle_ends() {
        let folder = folder(&[("a.example/schema.json", "{}")]);
        std::os::unix::fs::symlink(folder.path(), folder.path().join("a.example/again")).unwrap();
        assert_eq!(read(folder.path()).unwrap().len(), 1);
    }
}
