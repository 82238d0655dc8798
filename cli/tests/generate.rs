//! `lazycat generate`: requests in, items out, and what is told of those that gave none.
#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use lazycat_fixtures::{Date, SceneSpec};
use serde_json::{Value, json};
use tempfile::TempDir;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/generators").join(name).canonicalize().unwrap()
}

/// A table with the generators of the fixtures.
fn table(folder: &TempDir) -> PathBuf {
    let quoted = |text: &str| Value::from(text).to_string();
    let path = std::env::var("PATH").unwrap();
    let text = format!(
        "path = {}\n[generators.point]\ncommand = [\"python3\", {}]\n[generators.bad]\ncommand = [\"python3\", {}]\n\
         time_out = 600\n[stactools]\npackages = [\"stactools-a==1.0\"]\nuvx = {}\n",
        quoted(&path),
        quoted(fixture("point.py").to_str().unwrap()),
        quoted(fixture("misbehaves.py").to_str().unwrap()),
        quoted(fixture("uvx.py").to_str().unwrap()),
    );
    let file = folder.path().join("generators.toml");
    fs::write(&file, text).unwrap();
    file
}

fn start(arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_lazycat"))
        .arg("generate")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn generate(arguments: &[&str], requests: &str) -> Output {
    let mut process = start(arguments);
    // It may end before it has read them.
    let _ = process.stdin.take().unwrap().write_all(requests.as_bytes());
    process.wait_with_output().unwrap()
}

fn items(output: &Output) -> Vec<Value> {
    String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn point(id: &str) -> String {
    json!({"generator": "point", "collection_id": "points",
           "input": {"id": id, "lon": 1, "lat": 2, "datetime": "2020-01-01T00:00:00Z"}})
    .to_string()
}

#[test]
fn items_come_in_the_order_of_their_requests_and_what_failed_is_told_with_its_line() {
    let folder = TempDir::new().unwrap();
    let table = table(&folder);
    let eoapi =
        json!({"package_name": "stactools-a", "group_name": "tell", "create_item_args": ["x"], "collection_id": "c"});
    let bad = json!({"generator": "bad", "input": {"do": "exit", "code": 3}});
    let lines = [
        point("a"),
        String::new(),
        "hello".to_owned(),
        eoapi.to_string(),
        bad.to_string(),
        "x".repeat(3 << 20),
        point("b"),
    ];
    let output = generate(&["--generators", table.to_str().unwrap()], &lines.join("\n"));
    let told = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(3), "{told}");
    let ids: Vec<Value> = items(&output).into_iter().map(|item| item["id"].clone()).collect();
    assert_eq!(ids, ["a", "one", "b"]);
    let told: Vec<&str> = told.lines().filter(|line| line.starts_with("line ")).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].starts_with("line 3: message: message 3: the message is \"hello\""), "{told:?}");
    assert!(
        told[1].starts_with("line 5: failed: bad {\"do\":\"exit\",\"code\":3}: it ended with exit code 3"),
        "{told:?}"
    );
    assert!(told[2].starts_with("line 6: message: ") && told[2].contains("bytes long"), "{told:?}");
}

#[test]
fn a_file_of_requests_is_read_and_all_is_well() {
    let folder = TempDir::new().unwrap();
    let table = table(&folder);
    let requests = folder.path().join("requests.jsonl");
    let lines: Vec<String> = (0..200).map(|at| point(&format!("p{at:03}"))).collect();
    fs::write(&requests, lines.join("\n")).unwrap();
    let output = generate(&["--generators", table.to_str().unwrap(), requests.to_str().unwrap()], "");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let ids: Vec<String> = items(&output).iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids, (0..200).map(|at| format!("p{at:03}")).collect::<Vec<_>>());
}

#[test]
fn our_own_generator_makes_items_of_a_folder_of_scenes() {
    let folder = TempDir::new().unwrap();
    let scene = SceneSpec::cbers4_mux(57, 121, Date::new(2017, 6, 18));
    let file = folder.path().join(scene.source_key());
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, scene.xml()).unwrap();
    let ask = |key: &str| json!({"generator": "scenes", "input": {"bucket": scene.bucket(), "key": key}}).to_string();
    let lines = [ask(&scene.source_key()), ask("CBERS4/MUX/nothing.xml"), point("a")];
    let output = generate(&["--scenes", folder.path().to_str().unwrap()], &lines.join("\n"));
    assert_eq!(output.status.code(), Some(3));
    let items = items(&output);
    assert_eq!((items.len(), items[0]["id"].as_str()), (1, Some(scene.id().as_str())));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("line 3: unknown-generator: ") && told.contains("line 2: "), "{told}");
}

#[test]
fn wrong_usage_is_told_and_nothing_is_done() {
    let folder = TempDir::new().unwrap();
    let table = folder.path().join("table.toml");
    for (text, says) in [
        ("[stactools]\npackages = [\"a\"]", "it has no =="),
        ("at_once = 0", "at_once is 0"),
        ("[generator.a]", "unknown field `generator`"),
        ("environment = [\"AWS_SECRET_ACCESS_KEY\"]", "no generator is given one"),
    ] {
        fs::write(&table, text).unwrap();
        let output = generate(&["--generators", table.to_str().unwrap()], &point("a"));
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{text}: {told}");
        assert!(told.starts_with("lazycat generate: --generators: ") && told.contains(says), "{text}: {told}");
        assert!(output.stdout.is_empty());
    }
    for arguments in [&[][..], &["--scenes", "/nowhere"], &["--generators", "/nowhere"]] {
        assert_eq!(generate(arguments, "").status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn an_interruption_ends_what_was_started() {
    let folder = TempDir::new().unwrap();
    let table = table(&folder);
    let mut process = start(&["--generators", table.to_str().unwrap()]);
    let mut requests = process.stdin.take().unwrap();
    let who = json!({"generator": "bad", "input": {"do": "pid"}, "collection_id": "c"});
    writeln!(requests, "{who}").unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let item: Value = serde_json::from_str(&line).unwrap();
    let pid = item["id"].as_str().unwrap().strip_prefix("pid-").unwrap().to_owned();
    let hang = json!({"generator": "bad", "input": {"do": "hang"}});
    writeln!(requests, "{hang}").unwrap();
    assert!(Path::new("/proc").join(&pid).exists());
    let interrupted = Command::new("kill").args(["-INT", &process.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    let ended = process.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&ended.stderr).contains("it was interrupted"));
    let deadline = Instant::now() + Duration::from_secs(20);
    while fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|status| !status.contains(") Z ")) {
        assert!(Instant::now() < deadline, "the generator still runs");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_reader_that_has_gone_ends_it() {
    let folder = TempDir::new().unwrap();
    let table = table(&folder);
    let mut process = start(&["--generators", table.to_str().unwrap()]);
    drop(process.stdout.take());
    writeln!(process.stdin.take().unwrap(), "{}", point("a")).unwrap();
    let ended = process.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&ended.stderr).contains("printing"), "{}", String::from_utf8_lossy(&ended.stderr));
}
