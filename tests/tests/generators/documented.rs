//! What `docs/generators.md` shows is what runs.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::world::{ask, fixture, generators, job};

#[test]
fn the_examples_of_the_page_are_the_files_that_run() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/generators.md")).unwrap();
    for (file, language) in [("point.py", "python"), ("point.sh", "sh")] {
        let text = fs::read_to_string(fixture(file)).unwrap();
        assert!(
            page.contains(&format!("```{language}\n{text}```\n")),
            "docs/generators.md does not show {file} as it is"
        );
    }
}

#[test]
fn the_examples_answer() {
    let generators = generators(json!({"generators": {
        "python": {"command": [fixture("point.py")]}, "shell": {"command": [fixture("point.sh")]},
    }}));
    let input = json!({"id": "a", "lon": 1.5, "lat": "2", "datetime": "2020-01-01T00:00:00Z"});
    let mut asked = job("r-1", "python", input);
    asked.collection = Some("points".to_owned());
    let item = ask(&generators, asked).unwrap();
    assert_eq!((&item["bbox"], &item["collection"]), (&json!([1.5, 2.0, 1.5, 2.0]), &json!("points")));
    let error = ask(&generators, job("r-2", "python", json!({"id": "a", "lon": "east"}))).unwrap_err();
    assert!(error.permanent && error.reason == "input" && error.detail.starts_with("ValueError"), "{error}");
    let item = ask(&generators, job("r-3", "shell", json!({"id": "\"protocol\""}))).unwrap();
    assert_eq!((&item["id"], &item["collection"]), (&json!("point-r-3"), &json!("points")));
}
