//! The door: items that are sent to the server.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::{Answer, Server, lazycat};

const TOKEN: &str = "a-token-of-some-length";
const VARIABLE: &str = "LAZYCAT_SUBMIT_TOKEN";
const OPEN: [&str; 3] = ["--layout", "{collection}/{year}", "--any-collection"];

/// How long something may take that happens by itself.
const PATIENCE: Duration = Duration::from_secs(60);

fn item(id: &str, collection: &str) -> Value {
    json!({
        "type": "Feature", "stac_version": "1.1.0", "id": id, "collection": collection, "bbox": [1, 2, 1, 2],
        "geometry": {"type": "Point", "coordinates": [1, 2]},
        "properties": {"datetime": "2024-05-01T10:00:00Z", "x:count": 3}, "links": [],
        "assets": {"a": {"href": "https://data.example/a.tif"}}
    })
}

fn door(directory: TempDir, options: &[&str]) -> Server {
    Server::in_environment(directory, options, &[(VARIABLE, TOKEN)])
}

impl Server {
    /// Kills the process; gives its directory.
    fn kill(self) -> TempDir {
        self.end().0
    }

    /// Kills the process; gives its directory, and what it has said.
    fn end(mut self) -> (TempDir, String) {
        let _ = self.process.kill();
        let mut said = self.lines.concat();
        if let Some(mut stderr) = self.process.stderr.take() {
            let _ = stderr.read_to_string(&mut said);
        }
        let _ = self.process.wait();
        let directory = std::mem::replace(&mut self.directory, TempDir::new().unwrap());
        (directory, said)
    }
}

fn post_with(server: &Server, path: &str, body: &[u8], headers: &[(&str, &str)]) -> Answer {
    let mut request = format!("POST {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", server.address);
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    let mut stream = server.connect();
    stream.write_all(request.as_bytes()).unwrap();
    // Who is not let in need not be listened to.
    let _ = stream.write_all(body);
    let mut raw = Vec::new();
    let _ = stream.read_to_end(&mut raw);
    Answer::parse(&raw)
}

fn post(server: &Server, path: &str, body: &[u8]) -> Answer {
    let bearer = format!("Bearer {TOKEN}");
    post_with(server, path, body, &[("Authorization", &bearer), ("Content-Type", "application/json")])
}

fn send(server: &Server, item: &Value) -> Answer {
    post(server, "/items", item.to_string().as_bytes())
}

fn json_of(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_else(|error| panic!("{error}: {}", answer.text()))
}

fn pointers(answer: &Answer) -> Vec<String> {
    let body = json_of(answer);
    let errors = body["errors"].as_array().unwrap_or_else(|| panic!("{body}"));
    errors.iter().map(|error| error["pointer"].as_str().unwrap().to_owned()).collect()
}

/// Asks until `holds` gives something.
fn wait_for<T>(what: &str, mut holds: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = holds() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "after {PATIENCE:?} not: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn item_links(server: &Server, key: &str) -> Option<usize> {
    let answer = server.get(&format!("/{key}"));
    let document: Value = (answer.status == 200).then(|| json_of(&answer))?;
    Some(document["links"].as_array().unwrap().iter().filter(|link| link["rel"] == "item").count())
}

/// All files below a folder, but for what lazycat keeps for itself.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(path) = waiting.pop() {
        for entry in fs::read_dir(&path).unwrap().map(Result::unwrap) {
            match entry.file_type().unwrap().is_dir() {
                true if entry.file_name() != ".lazycat" => waiting.push(entry.path()),
                true => {}
                false => found.push(entry.path().strip_prefix(folder).unwrap().to_str().unwrap().to_owned()),
            }
        }
    }
    found.sort();
    found
}

#[test]
fn an_item_that_is_sent_twice_stands_once_in_the_catalog_and_is_found() {
    let directory = TempDir::new().unwrap();
    let made = lazycat().args(["index", "rebuild", "--catalog"]).arg(directory.path()).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let server = door(directory, &OPEN);
    for _ in 0..2 {
        let answer = send(&server, &item("a/b", "points"));
        assert_eq!(answer.status, 202, "{}", answer.text());
        let body = json_of(&answer);
        assert_eq!((body["id"].as_str(), body["collection"].as_str()), (Some("a/b"), Some("points")));
        assert_eq!(answer.header("location"), body["href"]);
    }
    let href = json_of(&send(&server, &item("a/b", "points")))["href"].as_str().unwrap().to_owned();
    let path = href.strip_prefix(&format!("http://{}", server.address)).unwrap().to_owned();
    let filed = wait_for("the item is readable", || Some(server.get(&path)).filter(|answer| answer.status == 200));
    let filed = json_of(&filed);
    assert_eq!((&filed["id"], &filed["properties"]["x:count"]), (&json!("a/b"), &json!(3)));
    wait_for("its level links it", || item_links(&server, "points/2024/catalog.json").filter(|links| *links > 0));
    assert_eq!(item_links(&server, "points/2024/catalog.json"), Some(1));
    let found = wait_for("a search finds it", || {
        let found = json_of(&server.get("/search?collections=points"));
        (found["features"].as_array()?.len() == 1).then(|| found["features"][0]["id"].clone())
    });
    assert_eq!(found, "a/b");
    let root = wait_for("the root links its collection", || {
        let answer = server.get("/catalog.json");
        (answer.status == 200 && answer.text().contains("points")).then(|| json_of(&answer))
    });
    assert_eq!(root["type"], "Catalog");
}

#[test]
fn an_item_that_was_taken_is_filed_by_the_next_server_when_this_one_is_killed() {
    let server = door(TempDir::new().unwrap(), &OPEN);
    for number in 0..20 {
        assert_eq!(send(&server, &item(&format!("i{number}"), "c")).status, 202);
    }
    let directory = server.kill();
    let server = door(directory, &[]);
    wait_for("all are linked", || item_links(&server, "c/2024/catalog.json").filter(|links| *links == 20));
}

#[test]
fn an_item_with_faults_is_told_all_of_them_and_nothing_is_written() {
    let server = door(TempDir::new().unwrap(), &OPEN);
    let before = files(server.path());
    let mut bad = item("x", "c");
    bad["properties"] = json!({"datetime": "yesterday", "gsd": 0});
    bad["assets"]["a"]["href"] = "../../../etc/passwd".into();
    for path in ["/items", "/validate"] {
        let answer = post(&server, path, bad.to_string().as_bytes());
        assert_eq!((answer.status, answer.header("content-type")), (422, "application/problem+json"));
        let mut told = pointers(&answer);
        told.sort();
        assert_eq!(told, ["/assets/a/href", "/properties/datetime", "/properties/gsd"]);
    }
    assert_eq!(pointers(&send(&server, &item(&"x".repeat(10_000), "c"))), ["/id"]);
    assert_eq!(pointers(&send(&server, &item("x", &"c".repeat(10_000)))), ["/collection"]);
    assert_eq!(post(&server, "/items", b"hello").status, 400);
    assert_eq!(post(&server, "/items", &vec![b' '; 2 << 20]).status, 413);
    assert_eq!(post(&server, "/validate", item("x", "c").to_string().as_bytes()).status, 200);
    assert_eq!(files(server.path()), before);
}

#[test]
fn whatever_an_item_is_called_it_is_filed_inside_the_catalog() {
    let folder = TempDir::new().unwrap();
    let inside = TempDir::new_in(folder.path()).unwrap();
    let name = inside.path().file_name().unwrap().to_str().unwrap().to_owned();
    let server = door(inside, &OPEN);
    for (id, collection) in [
        ("../../x", "c"),
        ("..", "c"),
        (".", "c"),
        ("a/b", "c"),
        ("catalog", "c"),
        ("x", ".."),
        ("x", "../up"),
        (".x", ".lazycat"),
    ] {
        let answer = send(&server, &item(id, collection));
        let body = json_of(&answer);
        if answer.status == 202 {
            let key = body["key"].as_str().unwrap().to_owned();
            wait_for("it is filed", || server.path().join(&key).is_file().then_some(()));
        } else {
            assert_eq!(answer.status, 422, "{body}");
        }
    }
    let around: Vec<String> = files(folder.path());
    assert!(around.iter().all(|file| file.starts_with(&name)), "{around:?}");
    assert!(!server.path().join(".lazycat/2024").exists());
}

#[test]
fn a_collection_that_is_not_there_is_told_unless_any_is_taken() {
    let directory = TempDir::new().unwrap();
    let any = door(directory, &OPEN);
    assert_eq!(send(&any, &item("a", "known")).status, 202);
    wait_for("the collection has a document", || any.path().join("known/collection.json").is_file().then_some(()));
    let only_known = door(any.kill(), &[]);
    assert_eq!(send(&only_known, &item("b", "known")).status, 202);
    let answer = send(&only_known, &item("b", "unknown"));
    assert_eq!((answer.status, pointers(&answer)), (422, vec!["/collection".to_owned()]));
}

#[test]
fn extensions_are_checked_by_the_schemas_that_were_brought_along() {
    const TREES: &str = "https://a.example/trees/v1.0.0/schema.json";
    let schemas = TempDir::new().unwrap();
    let schema = json!({"$schema": "http://json-schema.org/draft-07/schema#", "$id": TREES,
        "properties": {"properties": {"required": ["trees:count"]}}});
    fs::write(schemas.path().join("trees.json"), schema.to_string()).unwrap();
    let given = schemas.path().to_str().unwrap();
    let mut extended = item("a", "c");
    extended["stac_extensions"] = json!([TREES, "https://a.example/other.json"]);
    extended["properties"]["trees:count"] = 1.into();
    let server = door(TempDir::new().unwrap(), &[&OPEN[..], &["--schemas", given]].concat());
    let body = json_of(&send(&server, &extended));
    assert_eq!(body["warnings"][0]["pointer"], "/stac_extensions/1", "{body}");
    let strict = door(server.kill(), &["--any-collection", "--schemas", given, "--known-extensions"]);
    extended["properties"].as_object_mut().unwrap().remove("trees:count");
    let mut told = pointers(&send(&strict, &extended));
    told.sort();
    assert_eq!(told, ["/properties/trees:count", "/stac_extensions/1"]);
}

#[test]
fn who_does_not_know_the_token_is_not_let_in_and_it_is_nowhere_shown() {
    let file = TempDir::new().unwrap();
    let path = file.path().join("token");
    fs::write(&path, format!("{TOKEN}\n")).unwrap();
    let options = [&OPEN[..], &["--submit-token-file", path.to_str().unwrap()]].concat();
    let server = Server::in_environment(TempDir::new().unwrap(), &options, &[]);
    let text = item("a", "c").to_string();
    for given in [None, Some("Bearer another-token-of-length"), Some("Basic YTpi")] {
        let mut headers = vec![("Content-Type", "application/json")];
        headers.extend(given.map(|given| ("Authorization", given)));
        let answer = post_with(&server, "/items", text.as_bytes(), &headers);
        assert_eq!(answer.status, 401, "{given:?}");
        assert!(answer.header("www-authenticate").starts_with("Bearer realm="), "{given:?}");
    }
    assert_eq!(post(&server, "/items", text.as_bytes()).status, 202);
    let bearer = format!("Bearer {TOKEN}");
    let plain =
        post_with(&server, "/items", text.as_bytes(), &[("Authorization", &bearer), ("Content-Type", "text/plain")]);
    assert_eq!(plain.status, 415);
    let (_, said) = server.end();
    assert!(!said.contains(TOKEN), "{said}");
}

#[test]
fn more_than_the_rate_are_told_to_come_back_later() {
    let server = door(TempDir::new().unwrap(), &[&OPEN[..], &["--submit-rate", "1"]].concat());
    let text = item("a", "c").to_string();
    let answers: Vec<Answer> = (0..20).map(|_| post(&server, "/validate", text.as_bytes())).collect();
    let turned_away = answers.iter().find(|answer| answer.status == 429).expect("one is turned away");
    assert_eq!(turned_away.header("retry-after"), "1");
}

#[test]
fn without_a_token_there_is_no_door() {
    let server = Server::start();
    for path in ["/items", "/validate"] {
        let answer = post(&server, path, b"{}");
        assert_eq!((answer.status, answer.header("allow")), (405, "GET, HEAD, OPTIONS"), "{path}");
    }
    assert_eq!(server.get("/items").status, 404);
}

#[test]
fn what_keeps_the_door_shut_is_told_before_anything_is_served() {
    let directory = TempDir::new().unwrap();
    let refused = |options: &[&str], token: &str, code: i32| {
        let mut command = lazycat();
        command.arg("serve").arg(directory.path()).args(["--addr", "127.0.0.1:0"]).args(options);
        let output = command.env(VARIABLE, token).stdin(Stdio::null()).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{options:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let told = refused(&["--layout", "{colection}"], TOKEN, 2);
    assert!(told.contains("colection"), "{told}");
    for (options, token, says) in [
        (&["--layout", "{year}"][..], "", "no items are taken without a token; set LAZYCAT_SUBMIT_TOKEN"),
        (&[], "short", "LAZYCAT_SUBMIT_TOKEN holds no token: it has 5 characters"),
        (&[], TOKEN, "the catalog has no layout yet"),
        (&["--layout", "{year}", "--schemas", "/nowhere/at/all"], TOKEN, "--schemas: /nowhere/at/all cannot be read"),
        (&["--submit-token-file", "/nowhere/token"], "", "--submit-token-file: /nowhere/token cannot be read"),
    ] {
        let told = refused(options, token, 1);
        assert!(told.contains(says), "{told:?} does not say {says:?}");
    }
}
